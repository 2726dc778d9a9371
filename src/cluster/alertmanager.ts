/**
 * The Alertmanager: it shows the alerts and sends them nowhere, until its configuration is changed.
 *
 * Debian's build reads two templates at an absolute path. Where the package is only unpacked, a copy
 * of the program gets a path of the same length that begins in the service's own folder.
 */
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { DebianProgram } from './debian.ts';
import type { ServiceSpec } from './service.ts';

export interface AlertmanagerOptions {
  readonly program: DebianProgram;
  readonly port: number;
}

const HOST = '127.0.0.1';
const INSTALLED = '/usr/share/prometheus/alertmanager';
const OWN = 'templates';
const TEMPLATES = ['default.tmpl', 'email.tmpl'] as const;

export async function alertmanagerService(options: AlertmanagerOptions): Promise<ServiceSpec> {
  const { port } = options;
  const { program, templates } = await withTemplates(options.program);
  const config = {
    route: { receiver: 'nowhere', group_by: ['alertname'] },
    receivers: [{ name: 'nowhere' }],
  };
  return {
    name: 'alertmanager',
    files: { 'alertmanager.yml': stringify(config), ...templates },
    program: program.path,
    args: [
      '--config.file=alertmanager.yml',
      '--storage.path=data',
      `--web.listen-address=${HOST}:${port}`,
      // One alone: it looks for no others.
      '--cluster.listen-address=',
    ],
    env: program.env,
    ready: async (probe) => (await probe.get(`http://${HOST}:${port}/-/ready`)) !== null,
  };
}

/** The program, and the files that have to lie in the folder in which it is started. */
export async function withTemplates(
  program: DebianProgram,
): Promise<{ readonly program: DebianProgram; readonly templates: Record<string, string> }> {
  const unpacked = join(dirname(program.path), '..', '..', INSTALLED);
  if (existsSync(INSTALLED) || !existsSync(unpacked)) return { program, templates: {} };
  const path = `${program.path}-relocated`;
  if (!existsSync(path)) await relocate(program.path, path);
  const texts = TEMPLATES.map(async (name) => {
    return [`${OWN}/${name}`, await readFile(join(unpacked, name), 'utf8')] as const;
  });
  return {
    program: { ...program, path },
    templates: Object.fromEntries(await Promise.all(texts)),
  };
}

async function relocate(from: string, to: string): Promise<void> {
  const bytes = await readFile(from);
  // `./////templates`: several slashes are one.
  const own = `.${OWN.padStart(INSTALLED.length - 1, '/')}`;
  for (let at = bytes.indexOf(INSTALLED); at !== -1; at = bytes.indexOf(INSTALLED, at + 1)) {
    bytes.write(own, at, 'latin1');
  }
  const draft = `${to}.${process.pid}`;
  await writeFile(draft, bytes, { mode: 0o755 });
  await rename(draft, to);
}
