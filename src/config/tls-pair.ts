/**
 * A certificate and its private key, as files have them. Whatever is wrong with them is a
 * CONFIG_INVALID that names the setting, the file and what to do; the texts of OpenSSL and of the
 * system stay here.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Stats } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { IsobarError } from '../errors.ts';
import { readRegularFile, readRegularFileSync } from '../regular-file.ts';
import { fileProblem, rightsProblem } from './secret-file.ts';

export interface PairFiles {
  readonly certificate_file: string;
  readonly key_file: string;
  /** What the names of both settings begin with, when that is not `api.tls.`. */
  readonly prefix?: string;
}

export interface Pair {
  /** PEM: the own certificate, then those that lead to the authority. */
  readonly certificate: string;
  readonly key: string;
  /** Host names and addresses that it is valid for. */
  readonly names: readonly string[];
  readonly issuer: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** SHA-256 of the certificate, in hexadecimal with colons. */
  readonly fingerprint: string;
}

const FILE_BYTES_MAX = 256 * 1_024;
const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const RSA_BITS_LEAST = 2_048;
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];

/** Rejects with CONFIG_INVALID; one that has expired is accepted. */
export async function readPair(files: PairFiles, now: Date): Promise<Pair> {
  const certificates = parseCertificates(files, await readFile(files, 'certificate_file'));
  return pairOf(files, certificates, parseKey(files, await readFile(files, 'key_file')), now);
}

/** The same, at once: for who is asked for it in the middle of connecting. */
export function readPairSync(files: PairFiles, now: Date): Pair {
  const certificates = parseCertificates(files, readFileNow(files, 'certificate_file'));
  return pairOf(files, certificates, parseKey(files, readFileNow(files, 'key_file')), now);
}

function pairOf(files: PairFiles, certificate: Certificates, key: Key, now: Date): Pair {
  const [own, ...others] = certificate.chain;
  assertMatch(own, others, key.object, files);
  if (own.validFromDate > now) {
    const from = own.validFromDate.toISOString();
    throw wrongCertificate(
      files,
      `it is not valid before ${from}; check the clock of this machine`,
    );
  }
  try {
    createSecureContext({ cert: certificate.text, key: key.text });
  } catch (error) {
    const expected = 'expected RSA of 2048 bits or more, or ECDSA, signed with SHA-256 or better';
    throw wrongCertificate(files, `TLS cannot use it; ${expected}`, error);
  }
  return {
    certificate: certificate.text,
    key: key.text,
    names: namesOf(own),
    issuer: own.issuer.replaceAll('\n', ', '),
    validFrom: own.validFromDate,
    validTo: own.validToDate,
    fingerprint: own.fingerprint256,
  };
}

interface Certificates {
  readonly text: string;
  /** The first is the own one. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
}

function parseCertificates(files: PairFiles, { bytes }: ReadFile): Certificates {
  const text = bytes.toString('latin1');
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) {
    const expected = 'expected PEM, which begins with -----BEGIN CERTIFICATE-----';
    const isKey = text.includes('PRIVATE KEY-----');
    throw wrongCertificate(files, isKey ? `it holds a private key; ${expected}` : expected);
  }
  const chain = blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      const which = blocks.length === 1 ? 'the certificate' : `certificate ${index + 1}`;
      throw wrongCertificate(files, `${which} in it is damaged; copy the file again`, error);
    }
  });
  return { text: `${blocks.join('\n')}\n`, chain: chain as [X509Certificate] };
}

interface Key {
  readonly text: string;
  readonly object: KeyObject;
}

function parseKey(files: PairFiles, { bytes, found }: ReadFile): Key {
  const text = bytes.toString('latin1');
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    const remedy = '`openssl pkey -in FILE -out NEW` writes it without, for its owner alone';
    throw wrongKey(files, `the key is protected by a password; ${remedy}`);
  }
  if (!/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(text)) {
    const expected = 'expected PEM, which begins with -----BEGIN PRIVATE KEY-----';
    const isCertificate = text.includes('-----BEGIN CERTIFICATE-----');
    throw wrongKey(files, isCertificate ? `it holds a certificate; ${expected}` : expected);
  }
  // Rights matter for keys only, so they are looked at last.
  const ofRights = found === null ? null : rightsProblem(files.key_file, found);
  if (ofRights !== null) throw wrongKey(files, ofRights);
  const object = parseKeyText(text, files);
  const ofKey = keyProblem(object);
  if (ofKey !== null) throw wrongKey(files, ofKey);
  return { text, object };
}

/** Keys that the other side does not take are found here, and not by the first connection. */
function keyProblem({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | null {
  const type: string = asymmetricKeyType ?? '';
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  const expected = `expected RSA of ${RSA_BITS_LEAST} bits or more, or ECDSA on P-256`;
  if (type.startsWith('rsa')) {
    return modulusLength >= RSA_BITS_LEAST
      ? null
      : `the RSA key has ${modulusLength} bits; ${expected}`;
  }
  if (CURVES.includes(namedCurve) || type === 'ed25519') return null;
  return `TLS takes no key of this type (${namedCurve || type}); ${expected}`;
}

function parseKeyText(text: string, files: PairFiles): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw wrongKey(files, 'the key in it is damaged; copy the file again', error);
  }
}

interface ReadFile {
  readonly bytes: Buffer;
  readonly found: Stats | null;
}

type Setting = 'certificate_file' | 'key_file';

/** Named pipes would block, and a wrong path may name a disk image. */
async function readFile(files: PairFiles, setting: Setting): Promise<ReadFile> {
  const { limits, found } = inspecting();
  try {
    const bytes = await readRegularFile(files[setting], limits);
    return { bytes, found: found() };
  } catch (error) {
    throw unreadable(files, setting, error);
  }
}

function readFileNow(files: PairFiles, setting: Setting): ReadFile {
  const { limits, found } = inspecting();
  try {
    const bytes = readRegularFileSync(files[setting], limits);
    return { bytes, found: found() };
  } catch (error) {
    throw unreadable(files, setting, error);
  }
}

function inspecting() {
  let found: Stats | null = null;
  const inspect = (stats: Stats) => {
    found = stats;
  };
  return { limits: { bytesMax: FILE_BYTES_MAX, inspect }, found: () => found as Stats | null };
}

function unreadable(files: PairFiles, setting: Setting, error: unknown): IsobarError {
  const path = files[setting];
  return wrong(files, setting, fileProblem(path, error).slice(`${path}: `.length), error);
}

function assertMatch(
  own: X509Certificate,
  others: readonly X509Certificate[],
  key: KeyObject,
  files: PairFiles,
): void {
  if (own.checkPrivateKey(key)) return;
  const at = others.findIndex((one) => one.checkPrivateKey(key));
  if (at !== -1) {
    const text = `the key belongs to certificate ${at + 2} in it; put that one first`;
    throw wrongCertificate(files, text);
  }
  throw wrongKey(files, `it is not the key of the certificate in ${files.certificate_file}`);
}

/** `DNS:a.example, IP Address:192.0.2.7` → names and addresses. */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = [...subjectAltName.matchAll(/(?:DNS|IP Address):("[^"]*"|[^,]+)/g)];
  return names.map(([, name = '']) => shortAddress(name.replaceAll('"', '')));
}

/** `0:0:0:0:0:0:0:1` → `::1` */
function shortAddress(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name;
}

function wrongCertificate(files: PairFiles, text: string, cause?: unknown): IsobarError {
  return wrong(files, 'certificate_file', text, cause);
}

function wrongKey(files: PairFiles, text: string, cause?: unknown): IsobarError {
  return wrong(files, 'key_file', text, cause);
}

function wrong(files: PairFiles, setting: Setting, text: string, cause?: unknown): IsobarError {
  const { prefix = 'api.tls.' } = files;
  const problem = `${prefix}${setting}: ${files[setting]}: ${text}`;
  return new IsobarError('CONFIG_INVALID', problem, { cause });
}
