/**
 * What a secured cluster rests on, in a folder that only its owner may read: a Kerberos realm and
 * passwords, which are made once, and an authority and certificates, which are new with each start.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { makeAuthority, makeServerPair } from '../api/tls/signing.ts';
import type { Realm } from './realm.ts';
import { runTool } from './tool.ts';

/** Certificates and principals name it; 127.0.0.1 is in the certificates, too. */
export const SECURED_HOST = 'localhost';

/** Makes certificates. */
export interface Signing {
  readonly makeAuthority: typeof makeAuthority;
  readonly makeServerPair: typeof makeServerPair;
}

/** The same certificate in the forms that services want. All are files of this machine. */
export interface ServerFiles {
  readonly certificate: string;
  readonly key: string;
  /** Key and certificate in one PEM file. */
  readonly bundle: string;
  /** PKCS #12, opened by `Security.storePassword`. */
  readonly store: string;
}

export interface Security {
  readonly folder: string;
  readonly realm: Realm;
  /** PEM file of the authority that signed all certificates. */
  readonly authority: string;
  /** The same as PKCS #12. */
  readonly trustStore: string;
  readonly storePassword: string;
  /** A new certificate for a service. */
  certify(service: string): Promise<ServerFiles>;
  /** A random password; the file that holds it is `passwordFile(name)`. */
  password(name: string): Promise<string>;
  passwordFile(name: string): string;
}

export interface SecurityOptions {
  readonly folder: string;
  readonly realm: Realm;
  readonly signing: Signing;
  /** Of this machine, which the certificates are for. */
  readonly names?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const DAYS = 365;
const PASSWORD_BYTES = 24;
const TOOL_MS = 60_000;
const NAMES = [SECURED_HOST, '127.0.0.1', '::1'];

/** Rejects with CLUSTER_TOOL_MISSING without openssl or keytool. */
export async function openSecurity(options: SecurityOptions): Promise<Security> {
  const { folder, realm, signing, names = NAMES, signal } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    if (/\.(pem|key|p12)$/.test(name)) await rm(join(folder, name));
  }
  const at = (name: string) => join(folder, name);
  const tool = (name: string, ...args: readonly string[]) =>
    runTool(name, args, { timeoutMs: TOOL_MS, signal });

  async function password(name: string): Promise<string> {
    const path = passwordFile(name);
    if (!existsSync(path)) await writeOwn(path, randomBytes(PASSWORD_BYTES).toString('base64url'));
    return readFile(path, 'utf8');
  }
  const passwordFile = (name: string) => at(`${name}.password`);

  const storePassword = await password('stores');
  // Out of the list of processes.
  const ofStores = passwordFile('stores');
  const signer = signing.makeAuthority('authority of the cluster', new Date());
  await writeOwn(at('authority.pem'), signer.certificate);
  await tool(
    ...(['keytool', '-importcert', '-noprompt', '-alias', 'authority'] as const),
    ...['-file', at('authority.pem'), '-keystore', at('trust.p12')],
    ...['-storetype', 'PKCS12', '-storepass:file', ofStores],
  );
  return {
    folder,
    realm,
    authority: at('authority.pem'),
    trustStore: at('trust.p12'),
    storePassword,
    password,
    passwordFile,
    async certify(service) {
      const [certificate, key] = [at(`${service}.pem`), at(`${service}.key`)];
      const [bundle, store] = [at(`${service}.bundle.pem`), at(`${service}.p12`)];
      const files = { certificate, key, bundle, store };
      const pair = signing.makeServerPair(signer, { names, days: DAYS, now: new Date() });
      await writeOwn(key, pair.key);
      await writeOwn(certificate, pair.certificate);
      await writeOwn(bundle, `${pair.key}${pair.certificate}`);
      await tool(
        ...(['openssl', 'pkcs12', '-export', '-in', certificate, '-inkey', key] as const),
        ...['-out', store, '-passout', `file:${ofStores}`],
      );
      return files;
    },
  };
}

/** A file that only its owner may read, whole or not at all. */
export async function writeOwn(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}
