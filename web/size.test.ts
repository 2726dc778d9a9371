/** The page as it is shipped, in web/dist: how much travels before something is seen. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const DIST = join(import.meta.dirname, 'dist');
const KIB = 1_024;
const skip = existsSync(join(DIST, 'index.html')) ? false : 'no web/dist: npm run build:web';

test('the page is small', { skip }, (t) => {
  const files = readdirSync(join(DIST, 'assets')).filter((name) => name.endsWith('.gz'));
  const size = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + statSync(join(DIST, 'assets', name)).size, 0);
  // Other languages, Plotly, pictures, the other sheets and what is behind a number are loaded by who
  // wants them; some of those share what says that something went wrong.
  const sheets = 'climate|pipeline|sensors|incidents|account';
  const later = new RegExp(`^(plotly|picture|de|fr|${sheets}|trouble|provenance)`);
  const first = files.filter((name) => !later.test(name));
  assert.equal(files.length - first.length, 17);
  const scripts = first.filter((name) => name.endsWith('.js.gz'));
  const charts = scripts.filter((name) => name.startsWith('charts'));
  const rest = scripts.filter((name) => !name.startsWith('charts'));
  assert.equal(charts.length, 1);
  assert.ok(rest.length > 0);
  const load = size(first) + statSync(join(DIST, 'index.html.gz')).size;
  t.diagnostic(
    `script ${size(rest)} bytes, charts ${size(charts)} bytes, first load ${load} bytes, as gzip`,
  );
  assert.ok(size(rest) <= 45 * KIB, `application script ${size(rest)}`);
  assert.ok(size(charts) <= 30 * KIB, `charts ${size(charts)}`);
  assert.ok(load <= 100 * KIB, `first load ${load}`);
});

test('the document holds no script and no style of its own, and names only files of ours', {
  skip,
}, () => {
  const html = readFileSync(join(DIST, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/, 'a strict policy refuses inline scripts');
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
  const links = [...html.matchAll(/\s(?:src|href)="([^"]+)"/g)].map(([, link]) => link);
  assert.ok(links.length >= 3);
  for (const link of links) assert.match(link ?? '', /^\.\//);
  const built = links.filter((link) => /\.(js|css)$/.test(link ?? ''));
  for (const link of built) assert.match(link ?? '', /-[\w-]{8}\.(js|css)$/, 'hashed');
});
