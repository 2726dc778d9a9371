/** A real Alertmanager, of this machine or of Debian's package. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { withTemplates } from '../../src/cluster/alertmanager.ts';
import type { DebianProgram } from '../../src/cluster/debian.ts';
import { freePort } from '../../src/cluster/ports.ts';
import { findProgram } from './debian-program.ts';
import { openLeash } from './leash.ts';

const NAME = 'prometheus-alertmanager';

export interface Alertmanager extends AsyncDisposable {
  readonly url: string;
}

export const findAlertmanager = () => findProgram(NAME, NAME);

export async function startAlertmanager(
  found: DebianProgram,
  config: object,
): Promise<Alertmanager> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-alertmanager-'));
  const file = join(folder, 'alertmanager.yml');
  writeFileSync(file, stringify(config));
  const port = await freePort();
  const { program, templates } = await withTemplates(found);
  for (const [name, text] of Object.entries(templates)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const args = [`--config.file=${file}`, `--storage.path=${folder}`];
  // It stands alone.
  const alone = [`--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='];
  const env = { ...process.env, ...program.env };
  const child = spawn(program.path, [...args, ...alone], { cwd: folder, stdio: 'ignore', env });
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
