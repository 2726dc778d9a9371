/**
 * A Kerberos realm of the cluster's own: a real KDC (Debian's), its principals and their keytabs. It is
 * made once and kept in its folder.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { DebianProgram } from './debian.ts';
import type { ServiceSpec } from './service.ts';
import { runTool } from './tool.ts';

export const REALM = 'ISOBAR.TEST';
const TOOL_MS = 60_000;

export interface Realm {
  /** krb5.conf of clients and services. */
  readonly config: string;
  /** The KDC. */
  readonly spec: ServiceSpec;
  /** A file with the keys of these principals, which are made when they are new. */
  keytab(name: string, ...principals: readonly string[]): Promise<string>;
  /** Runs a command of `kadmin.local`. */
  administer(command: string): Promise<void>;
  /** A krb5.conf that leads to another port. */
  configFor(name: string, port: number): Promise<string>;
  /** The description of another KDC of the same realm. */
  specAt(name: string, port: number): Promise<ServiceSpec>;
}

export interface RealmOptions {
  readonly folder: string;
  readonly port: number;
  /** Debian's `krb5kdc`; its other programs lie beside it. */
  readonly kdc: DebianProgram;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with CLUSTER_FAILED when the database of principals cannot be made. */
export async function makeRealm({ folder, port, kdc, signal }: RealmOptions): Promise<Realm> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const config = await writeClientConfig(folder, 'krb5.conf', port);
  const describe = async (name: string, at: number): Promise<ServiceSpec> => {
    const profile = await writeProfile(folder, `${name}.conf`, at, kdc);
    return {
      name,
      files: {},
      program: kdc.path,
      args: ['-n'],
      env: { ...kdc.env, KRB5_CONFIG: config, KRB5_KDC_PROFILE: profile },
      ready: (probe) => probe.listens(at),
    };
  };
  const spec = await describe('kdc', port);
  const options = {
    timeoutMs: TOOL_MS,
    ...(spec.env === undefined ? {} : { env: spec.env }),
    signal,
  };
  const tool = (name: string, ...args: readonly string[]) =>
    runTool(join(dirname(kdc.path), name), args, options);
  const administer = async (command: string) => {
    await tool('kadmin.local', '-q', command);
  };
  if (!existsSync(join(folder, 'principal'))) {
    await tool('kdb5_util', 'create', '-s', '-r', REALM, '-P', 'of-the-database');
  }
  const known = new Set<string>();
  return {
    config,
    spec,
    administer,
    async keytab(name, ...principals) {
      const path = join(folder, `${name}.keytab`);
      if (existsSync(path)) return path;
      const draft = `${path}.draft`;
      await rm(draft, { force: true });
      for (const principal of principals) {
        if (!known.has(principal)) await administer(`addprinc -randkey ${principal}`);
        known.add(principal);
        await administer(`ktadd -norandkey -k ${draft} ${principal}`);
      }
      await rename(draft, path);
      return path;
    },
    configFor: (name, at) => writeClientConfig(folder, name, at),
    specAt: describe,
  };
}

async function writeClientConfig(folder: string, name: string, port: number): Promise<string> {
  const path = join(folder, name);
  const lines = [
    '[libdefaults]',
    `  default_realm = ${REALM}`,
    '  dns_lookup_kdc = false',
    '  dns_lookup_realm = false',
    '  dns_canonicalize_hostname = false',
    '  rdns = false',
    '  udp_preference_limit = 1',
    '  kdc_timeout = 2000',
    '  max_retries = 1',
    '[realms]',
    `  ${REALM} = {`,
    `    kdc = 127.0.0.1:${port}`,
    '  }',
    '[domain_realm]',
    `  localhost = ${REALM}`,
    `  127.0.0.1 = ${REALM}`,
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

async function writeProfile(
  folder: string,
  name: string,
  port: number,
  kdc: DebianProgram,
): Promise<string> {
  const path = join(folder, name);
  const [library] = (kdc.env.LD_LIBRARY_PATH ?? '').split(delimiter);
  const lines = [
    '[kdcdefaults]',
    `  kdc_listen = 127.0.0.1:${port}`,
    `  kdc_tcp_listen = 127.0.0.1:${port}`,
    '[realms]',
    `  ${REALM} = {`,
    `    database_name = ${join(folder, 'principal')}`,
    `    key_stash_file = ${join(folder, 'stash')}`,
    '    max_life = 1h',
    '    max_renewable_life = 1d',
    '  }',
    '[dbmodules]',
    ...(library ? [`  db_module_dir = ${join(library, 'krb5', 'plugins', 'kdb')}`] : []),
    `  ${REALM} = {`,
    '    db_library = db2',
    '  }',
    '[logging]',
    '  kdc = STDERR',
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}
