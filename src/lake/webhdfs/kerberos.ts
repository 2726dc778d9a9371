/**
 * Logs in by Kerberos (SPNEGO, RFC 4559), by the system's own library: with tickets that it gets from a
 * keytab, and gets anew before they end, or with those of the user's ticket cache (`kinit`). What a
 * NameNode gives for it is a cookie, which is kept until it is refused.
 *
 * The npm package `kerberos` is not a dependency, since it needs a compiler where it was not built
 * before; who uses it installs it.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { IsobarError } from '../../errors.ts';
import { isPassingFailure, kerberosReason } from './kerberos-reasons.ts';
import type { Authenticator } from './namenodes.ts';
import { LoginError, NoReplyError } from './remote-error.ts';

export interface KerberosOptions {
  /** `isobar@EXAMPLE.ORG`; empty means the first of the keytab, or that of the ticket cache. */
  readonly principal: string;
  /** Path of a file; empty means the tickets of the ticket cache. */
  readonly keytab: string;
  /** Path of krb5.conf; empty means that of the process or of the system. */
  readonly config?: string;
  readonly library?: KerberosLibrary;
}

/** What is used of the package. */
export interface KerberosLibrary {
  readonly GSS_MECH_OID_SPNEGO: number;
  initializeClient(
    service: string,
    options: { readonly mechOID: number; readonly principal?: string },
  ): Promise<{ step(challenge: string): Promise<string> }>;
}

export const KERBEROS_PACKAGE = 'kerberos@7.0.0';
const COOKIE = 'hadoop.auth';

/** Throws CONFIG_INVALID when the package is missing. */
export function openKerberos(options: KerberosOptions): Authenticator {
  const library = options.library ?? loadLibrary();
  const cookies = new Map<string, string>();
  return {
    async headers(nameNode, challenge) {
      if (challenge === null) {
        const cookie = cookies.get(nameNode.origin);
        return cookie === undefined ? {} : { cookie };
      }
      cookies.delete(nameNode.origin);
      if (!/\bNegotiate\b/i.test(challenge)) {
        throw new LoginError(`${nameNode.host}: it does not log in by Kerberos`);
      }
      const token = await exclusively(() => negotiate(library, options, nameNode));
      return { authorization: `Negotiate ${token}` };
    },
    answered(nameNode, headers) {
      for (const line of headers['set-cookie'] ?? []) {
        const [pair = ''] = line.split(';');
        const value = pair.startsWith(`${COOKIE}=`) ? pair.slice(COOKIE.length + 1) : null;
        if (value === null) continue;
        if (value === '' || value === '""') cookies.delete(nameNode.origin);
        else cookies.set(nameNode.origin, pair);
      }
    },
  };
}

function loadLibrary(): KerberosLibrary {
  try {
    return createRequire(import.meta.url)('kerberos');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    const what = isMissing
      ? 'the npm package kerberos is not installed'
      : 'the npm package kerberos cannot be loaded; it needs the library libgssapi_krb5 (Debian: libgssapi-krb5-2)';
    const text = `lake.hdfs.authentication: ${what}; run npm install ${KERBEROS_PACKAGE} beside isobar`;
    throw new IsobarError('CONFIG_INVALID', text, { cause: error });
  }
}

async function negotiate(
  library: KerberosLibrary,
  options: KerberosOptions,
  nameNode: URL,
): Promise<string> {
  const { principal } = options;
  const put = putEnvironment(options);
  try {
    const client = await library.initializeClient(`HTTP@${nameNode.hostname}`, {
      mechOID: library.GSS_MECH_OID_SPNEGO,
      ...(principal === '' ? {} : { principal }),
    });
    return await client.step('');
  } catch (error) {
    const said = String((error as Error).message);
    const text = `${nameNode.host}: ${kerberosReason(said, options)}`;
    if (isPassingFailure(said)) throw new NoReplyError('EKDC', text, false, error);
    throw new LoginError(text, error);
  } finally {
    put.back();
  }
}

/** The library reads them with each login; tickets of a keytab are held in memory only. */
function putEnvironment({ keytab, principal, config = '' }: KerberosOptions): { back(): void } {
  const wanted: Record<string, string> = config === '' ? {} : { KRB5_CONFIG: config };
  if (keytab !== '') {
    const of = `${keytab}\n${principal}\n${config}`;
    const place = createHash('sha256').update(of).digest('hex').slice(0, 16);
    wanted.KRB5_CLIENT_KTNAME = `FILE:${keytab}`;
    wanted.KRB5CCNAME = `MEMORY:isobar-${place}`;
  }
  const before = Object.keys(wanted).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, wanted);
  return {
    back() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    },
  };
}

let last: Promise<unknown> = Promise.resolve();

/** One login at a time in this process: its environment is shared. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const next = last.then(work, work);
  last = next.catch(() => {});
  return next;
}
