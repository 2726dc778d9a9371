/** A real Alertmanager, of this machine or of Debian's package. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { cacheFolder } from '../../src/cluster/artifacts.ts';
import { type DebianProgram, resolveProgram } from '../../src/cluster/debian.ts';
import { openLeash } from './leash.ts';

const NAME = 'prometheus-alertmanager';
/** Where Debian's build looks for its templates. */
const TEMPLATES = '/usr/share/prometheus/alertmanager';

export interface Alertmanager extends AsyncDisposable {
  readonly url: string;
}

/** Null where neither it nor Debian's tools are. */
export function findAlertmanager(): Promise<DebianProgram | null> {
  return resolveProgram(NAME, NAME, cacheFolder(process.env)).catch(() => null);
}

export async function startAlertmanager(
  program: DebianProgram,
  config: object,
): Promise<Alertmanager> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-alertmanager-'));
  const file = join(folder, 'alertmanager.yml');
  writeFileSync(file, stringify(config));
  const port = await freePort();
  const { path, cwd } = withTemplates(program.path, folder);
  const args = [`--config.file=${file}`, `--storage.path=${folder}`];
  // It stands alone.
  const alone = [`--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='];
  const env = { ...process.env, ...program.env };
  const child = spawn(path, [...args, ...alone], { cwd, stdio: 'ignore', env });
  const ended = once(child, 'exit');
  const leash = openLeash(folder);
  if (child.pid !== undefined) leash.hold(child.pid);
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      leash[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * The package's templates are where it was unpacked, not where the program looks for them. A copy of
 * it has a path of the same length in its place, which means the folder in which it is started.
 */
function withTemplates(path: string, folder: string): { path: string; cwd: string } {
  const unpacked = join(path, '..', '..', '..', TEMPLATES);
  if (existsSync(TEMPLATES) || !existsSync(unpacked)) return { path, cwd: folder };
  const bytes = readFileSync(path);
  const here = Buffer.from('./'.repeat(TEMPLATES.length / 2));
  for (let at = bytes.indexOf(TEMPLATES); at !== -1; at = bytes.indexOf(TEMPLATES, at + 1)) {
    here.copy(bytes, at);
  }
  const copy = join(folder, NAME);
  writeFileSync(copy, bytes, { mode: 0o755 });
  return { path: copy, cwd: unpacked };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
