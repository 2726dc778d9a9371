/** The authority whose certificates a connection to a service trusts, from a file. */
import { IsobarError } from '../errors.ts';
import { readRegularFileSync } from '../regular-file.ts';
import { fileProblem } from './secret-file.ts';

const BYTES_MAX = 4 * 1024 * 1024;

/** Of a setting that may be empty: null then, which means those that Node.js trusts. */
export function authorityOf(setting: string, path: string): Buffer | null {
  return path === '' ? null : readAuthority(setting, path);
}

/** Its PEM; throws CONFIG_INVALID, which names the setting, for a file that cannot be used. */
export function readAuthority(setting: string, path: string): Buffer {
  const problem = (text: string) => new IsobarError('CONFIG_INVALID', `${setting}: ${text}`);
  let bytes: Buffer;
  try {
    bytes = readRegularFileSync(path, { bytesMax: BYTES_MAX });
  } catch (error) {
    throw problem(fileProblem(path, error));
  }
  // OpenSSL takes a file without one for one that trusts nothing.
  if (bytes.includes('-----BEGIN CERTIFICATE-----')) return bytes;
  throw problem(`${path}: expected PEM, which begins with -----BEGIN CERTIFICATE-----`);
}
