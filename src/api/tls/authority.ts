/** A private authority in a folder, and the certificate of a server that it signs. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { IsobarError, translateFileError } from '../../errors.ts';
import { readRegularFile } from '../../regular-file.ts';
import { makeAuthority, makeServerPair, type SignedPair } from './signing.ts';

export interface MakeOptions {
  /** Made if need be. */
  readonly folder: string;
  /** Host names and addresses. */
  readonly names: readonly string[];
  readonly days: number;
  /** Whether a certificate that is there is replaced; the authority never is. */
  readonly replace: boolean;
  readonly now: Date;
}

export interface MadeCertificate {
  readonly authority_file: string;
  readonly certificate_file: string;
  readonly key_file: string;
  readonly names: readonly string[];
  readonly expires_at: string;
  /** Whether the authority is new. */
  readonly made_authority: boolean;
}

const FILE_BYTES_MAX = 64 * 1_024;
const NAMES_MAX = 100;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Rejects with USAGE for names that no certificate can have, CERTIFICATE_EXISTS, CONFIG_INVALID when
 * the files of the authority cannot be used, and as the file system does.
 */
export async function makeCertificate(options: MakeOptions): Promise<MadeCertificate> {
  const { folder, days, now } = options;
  const names = parseNames(options.names);
  const [certificate_file, key_file] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  try {
    if (!options.replace) await refuseExisting(certificate_file, key_file);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const authority = await openAuthority(folder, now);
    const pair = makeServerPair(authority.pair, { names, days, now });
    // The key first: the server that runs waits until both are there.
    await put(key_file, pair.key, 0o600, options.replace);
    await put(certificate_file, pair.certificate, 0o644, options.replace);
    return {
      authority_file: authority.file,
      certificate_file,
      key_file,
      names,
      expires_at: new X509Certificate(pair.certificate).validToDate.toISOString(),
      made_authority: authority.isNew,
    };
  } catch (error) {
    throw translateFileError(error, folder, 'DATA_UNWRITABLE');
  }
}

async function openAuthority(
  folder: string,
  now: Date,
): Promise<{ readonly pair: SignedPair; readonly file: string; readonly isNew: boolean }> {
  const [file, keyFile] = [join(folder, 'authority.crt'), join(folder, 'authority.key')];
  const [certificate, key] = await Promise.all([readIfThere(file), readIfThere(keyFile)]);
  if (certificate === null && key === null) {
    const day = now.toISOString().slice(0, 10);
    const pair = makeAuthority(`isobar authority of ${hostname().slice(0, 24)}, ${day}`, now);
    await put(keyFile, pair.key, 0o600, false);
    await put(file, pair.certificate, 0o644, false);
    return { pair, file, isNew: true };
  }
  const problem =
    certificate === null || key === null
      ? 'one of the two files is missing'
      : authorityProblem(certificate, key, now);
  if (problem !== null) {
    const remedy = 'move both files away to have a new authority made';
    throw new IsobarError('CONFIG_INVALID', `${file} and authority.key: ${problem}; ${remedy}`);
  }
  await chmod(keyFile, 0o600);
  return { pair: { certificate: certificate ?? '', key: key ?? '' }, file, isNew: false };
}

function authorityProblem(certificate: string, key: string, now: Date): string | null {
  try {
    const authority = new X509Certificate(certificate);
    const { asymmetricKeyType, asymmetricKeyDetails } = authority.publicKey;
    const isOurs = asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1';
    if (!authority.ca || !isOurs) return 'it is not an authority that isobar made';
    if (!authority.checkPrivateKey(createPrivateKey(key))) return 'the key belongs to another';
    return authority.validToDate > now ? null : 'it has expired';
  } catch {
    return 'they are damaged';
  }
}

/** In ASCII, each once: `münchen.example` → `xn--mnchen-3ya.example`. */
function parseNames(texts: readonly string[]): string[] {
  const names = new Set(
    texts.map((text) => {
      const name = parseName(text.trim());
      if (name !== null) return name;
      const expected = 'expected names and addresses such as weather.example.org or 192.168.1.20';
      throw new IsobarError('USAGE', `${expected}; got ${JSON.stringify(text)}`);
    }),
  );
  if (names.size <= NAMES_MAX) return [...names];
  throw new IsobarError('USAGE', `expected at most ${NAMES_MAX} names; got ${names.size}`);
}

function parseName(text: string): string | null {
  const bare = text.replace(/^\[(.+)\]$/, '$1');
  if (isIP(bare) !== 0) return bare.includes('%') ? null : bare;
  const isWild = text.startsWith('*.');
  const name = domainToASCII(isWild ? text.slice(2) : text).replace(/\.$/, '');
  const labels = name.split('.');
  const fits = labels.every((label) => LABEL.test(label)) && name.length <= 250;
  // Four numbers with dots are an address or nothing; below a top level are names of others.
  if (!fits || /^[\d.]+$/.test(name) || (isWild && labels.length < 2)) return null;
  return isWild ? `*.${name}` : name;
}

async function refuseExisting(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found !== null) throw new IsobarError('CERTIFICATE_EXISTS', path);
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return (await readRegularFile(path, { bytesMax: FILE_BYTES_MAX })).toString('latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Never readable by more than `mode` says, not even for a moment; replaced whole or not at all. */
async function put(path: string, text: string, mode: number, replace: boolean): Promise<void> {
  const place = replace ? `${path}.${process.pid}` : path;
  if (replace) await rm(place, { force: true });
  try {
    await writeFile(place, text, { mode, flag: 'wx', flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new IsobarError('CERTIFICATE_EXISTS', path);
  }
  // The mask of the process may have taken rights away.
  await chmod(place, mode);
  if (replace) await rename(place, path);
}
