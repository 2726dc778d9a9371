/** Who we are for HDFS, and which certificates are trusted, as the configuration says. */
import { userInfo } from 'node:os';
import type { Config } from '../config/schema.ts';
import { fileProblem, readGuardedFile } from '../config/secret-file.ts';
import { authorityOf } from '../config/tls-authority.ts';
import { IsobarError } from '../errors.ts';
import type { HdfsOptions } from './hdfs.ts';

export type HdfsLogin = Pick<HdfsOptions, 'identity' | 'authenticator' | 'authority'>;

const KEYTAB_BYTES_MAX = 1024 * 1024;
/** What begins every keytab: its format's number. */
const KEYTAB_MAGIC = 5;

/** Rejects with CONFIG_INVALID for files that cannot be used, or without the package for Kerberos. */
export async function hdfsLogin(config: Config['lake']['hdfs']): Promise<HdfsLogin> {
  const { token, user, authentication, tls_authority } = config;
  const authority = authorityOf('lake.hdfs.tls_authority', tls_authority) ?? undefined;
  if (authentication === 'simple') {
    const name = user === '' ? userInfo().username : user;
    return { authority, identity: token === '' ? { user: name } : { token } };
  }
  const { keytab_file: keytab, principal, kerberos_config } = config;
  if (keytab !== '') assertKeytab(keytab);
  const { openKerberos } = await import('./webhdfs/kerberos.ts');
  const authenticator = openKerberos({ keytab, principal, config: kerberos_config });
  return { authority, identity: { delegated: true }, authenticator };
}

function assertKeytab(path: string): void {
  try {
    const [magic] = readGuardedFile(path, KEYTAB_BYTES_MAX);
    if (magic !== KEYTAB_MAGIC) throw new Error('expected a keytab; got something else');
  } catch (error) {
    const text = fileProblem(path, error);
    throw new IsobarError('CONFIG_INVALID', `lake.hdfs.keytab_file: ${text}`, { cause: error });
  }
}
