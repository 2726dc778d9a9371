/**
 * A process for the kill tests: it writes version after version into an index until it is killed,
 * and says on stdout which ones were committed.
 *
 *     node src/index/testing/kill-child.ts FOLDER|URL [PREFIX]
 */
import { loadConfig } from '../../config/load.ts';
import { openIndex } from '../open.ts';
import { fill, rowsOfVersion } from './contract.ts';

const [place = '', prefix = 'isobar'] = process.argv.slice(2);
const isUrl = place.startsWith('http');
const { index: config } = loadConfig({
  file: null,
  env: {},
  flags: {
    'index.engine': isUrl ? 'opensearch' : 'sqlite',
    'index.opensearch.prefix': prefix,
    ...(isUrl ? { 'index.opensearch.url': place } : {}),
  },
}).config;
const VERSIONS_MAX = 1_000;

await using index = await openIndex(config, isUrl ? '' : place, false);
const begun = (await index.state())?.version ?? 0;
for (let version = begun + 1; version < begun + VERSIONS_MAX; version += 1) {
  const kind = version % 3 === 0 || version === 1 ? 'replace' : 'update';
  await fill(index, version, rowsOfVersion(version), kind);
  process.stdout.write(`${version}\n`);
}
