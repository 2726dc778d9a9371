/**
 * Generates the TypeScript of Spark Connect's protocol from the .proto files that its own jar
 * carries: `npm run spark:protocol`. Needs Maven; run it when the version in pom.xml changes and
 * commit what it writes to src/sql/spark/proto/.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const target = join(root, 'src/sql/spark/proto');
const bin = join(root, 'node_modules/.bin');
const folder = mkdtempSync(join(tmpdir(), 'isobar-protocol-'));
const run = (command: string, args: readonly string[]) =>
  execFileSync(command, args, { cwd: folder, stdio: 'inherit' });

try {
  run('mvn', [
    ...['-B', '-q', '-f', join(import.meta.dirname, 'pom.xml')],
    ...['dependency:copy-dependencies', '-DincludeArtifactIds=spark-connect_2.13'],
    `-DoutputDirectory=${folder}`,
  ]);
  const [jar] = globSync('spark-connect_*.jar', { cwd: folder });
  if (jar === undefined) throw new Error('pom.xml names no spark-connect');
  const wanted = ['spark/connect/*.proto', 'google/rpc/error_details.proto'];
  run('unzip', ['-q', jar, ...wanted, '-x', 'spark/connect/example_plugins.proto']);
  const options = ['target=ts', 'import_extension=ts', 'erasable_syntax=true'];
  const plugin = { local: join(bin, 'protoc-gen-es'), out: target, opt: options };
  writeFileSync(join(folder, 'buf.gen.yaml'), JSON.stringify({ version: 'v2', plugins: [plugin] }));
  rmSync(target, { recursive: true, force: true });
  run(join(bin, 'buf'), ['generate', folder]);
} finally {
  rmSync(folder, { recursive: true });
}
