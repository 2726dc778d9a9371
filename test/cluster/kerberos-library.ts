/** The npm package for Kerberos, built once into the cache: it is not a dependency of isobar. */
import { mkdir, writeFile } from 'node:fs/promises';
import Module from 'node:module';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../src/cluster/artifacts.ts';
import { bringOnce } from '../../src/cluster/bring-once.ts';
import { resolveProgram } from '../../src/cluster/debian.ts';
import { runTool } from '../../src/cluster/tool.ts';
import { KERBEROS_PACKAGE } from '../../src/lake/webhdfs/kerberos.ts';

const BUILD_MS = 300_000;

/** Its `node_modules`; rejects with CLUSTER_TOOL_MISSING or CLUSTER_FAILED. */
export async function resolveKerberos(): Promise<string> {
  const cache = cacheFolder(process.env);
  const place = join(cache, `npm-${KERBEROS_PACKAGE}`);
  const config = await resolveProgram('krb5-config', 'libkrb5-dev', cache);
  await bringOnce(place, async (draft) => {
    const options = {
      cwd: draft,
      timeoutMs: BUILD_MS,
      env: { CPATH: join(dirname(dirname(config.path)), 'include') },
    };
    await mkdir(draft, { recursive: true });
    await writeFile(join(draft, 'package.json'), '{"private":true}');
    const quiet = ['--no-audit', '--no-fund', '--ignore-scripts'];
    await runTool('npm', ['install', ...quiet, KERBEROS_PACKAGE], options);
    await runTool('npm', ['rebuild', 'kerberos', '--foreground-scripts'], options);
    return draft;
  });
  return join(place, 'node_modules');
}

/** As NODE_PATH does for a process that starts. */
export function findsKerberosIn(folder: string): void {
  process.env.NODE_PATH = folder;
  (Module as unknown as { _initPaths(): void })._initPaths();
}

/** With other variables; Kerberos' library reads them with each login. */
export async function withEnvironment(
  values: Readonly<Record<string, string>>,
  work: () => Promise<unknown>,
): Promise<void> {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  try {
    await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
