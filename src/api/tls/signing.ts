/**
 * Certificates (X.509 version 3, RFC 5280) of a private authority: its own, and those of servers.
 * Keys are ECDSA on P-256, signatures with SHA-256. What is made is read back by Node.js and checked
 * against the authority's key before it is handed out.
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  contentOf,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

export interface SignedPair {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Browsers refuse certificates of servers that are valid for longer. */
export const DAYS_MAX = 397;
/** Clocks of visitors may be slow. */
const BEFORE_MS = 3_600_000;
const COMMON_NAME_LENGTH_MAX = 64;

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const EXTENSION = {
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKey: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** A new authority, which signs certificates of servers and no further authorities. */
export function makeAuthority(name: string, now: Date): SignedPair {
  const { publicKey, privateKey } = newKeys();
  const subject = distinguishedName(name);
  const certificate = issue({
    issuer: { subject, key: privateKey },
    subject,
    publicKey,
    from: new Date(now.getTime() - BEFORE_MS),
    to: new Date(now.getTime() + AUTHORITY_DAYS * DAY_MS),
    extensions: [
      extension(EXTENSION.basicConstraints, true, sequence(boolean(true), integer(bytes(0)))),
      // keyCertSign and cRLSign.
      extension(EXTENSION.keyUsage, true, bitString(bytes(0b0000_0110), 1)),
      extension(EXTENSION.subjectKey, false, octetString(keyId(publicKey))),
    ],
  });
  return { certificate, key: pemOfKey(privateKey) };
}

export interface ServerOptions {
  /** Host names, also such as `*.example.org`, and IP addresses; at least one. */
  readonly names: readonly string[];
  /** At most 397. */
  readonly days: number;
  readonly now: Date;
}

/** A certificate for a server, signed by this authority, which it does not outlive. */
export function makeServerPair(authority: SignedPair, options: ServerOptions): SignedPair {
  const { names, days, now } = options;
  const signer = new X509Certificate(authority.certificate);
  const { publicKey, privateKey } = newKeys();
  const from = new Date(now.getTime() - BEFORE_MS);
  const wanted = from.getTime() + Math.min(days, DAYS_MAX) * DAY_MS - 1_000;
  const [first = ''] = names;
  const commonName = first.length <= COMMON_NAME_LENGTH_MAX ? first : 'isobar';
  const certificate = issue({
    issuer: { subject: subjectOf(signer), key: createPrivateKey(authority.key) },
    subject: distinguishedName(commonName),
    publicKey,
    from,
    to: new Date(Math.min(wanted, signer.validToDate.getTime())),
    extensions: [
      extension(EXTENSION.basicConstraints, true, sequence()),
      // digitalSignature.
      extension(EXTENSION.keyUsage, true, bitString(bytes(0b1000_0000), 7)),
      extension(EXTENSION.extendedKeyUsage, false, sequence(oid(SERVER_AUTH))),
      extension(EXTENSION.subjectNames, false, sequence(...names.map(subjectName))),
      extension(EXTENSION.subjectKey, false, octetString(keyId(publicKey))),
      extension(EXTENSION.authorityKey, false, sequence(implicit(0, keyId(signer.publicKey)))),
    ],
  });
  const made = new X509Certificate(certificate);
  if (!made.verify(signer.publicKey) || !made.checkIssued(signer)) {
    throw new Error('the certificate does not match its authority');
  }
  return { certificate, key: pemOfKey(privateKey) };
}

interface Contents {
  readonly issuer: { readonly subject: Buffer; readonly key: KeyObject };
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly from: Date;
  readonly to: Date;
  readonly extensions: readonly Buffer[];
}

function issue({ issuer, subject, publicKey, from, to, extensions }: Contents): string {
  const body = sequence(
    // Version 3.
    explicit(0, integer(bytes(2))),
    integer(newSerial()),
    ECDSA_SHA256,
    issuer.subject,
    sequence(time(from), time(to)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, { key: issuer.key, dsaEncoding: 'der' });
  const whole = sequence(body, ECDSA_SHA256, bitString(signature));
  return new X509Certificate(whole).toString();
}

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOfKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** 127 random bits: positive, and never 0 in practice. */
function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0);
  return serial;
}

/** `CN=name` */
function distinguishedName(name: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8String(name))));
}

/** The subject as the certificate has it: byte for byte what its own certificates must name. */
function subjectOf({ raw }: X509Certificate): Buffer {
  const [body] = contentOf(raw);
  const [, , , , , subject] = body === undefined ? [] : contentOf(body);
  if (subject === undefined) throw new Error('the certificate has no subject');
  return subject;
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [boolean(true)] : [];
  return sequence(oid(id), ...critical, octetString(value));
}

function subjectName(name: string): Buffer {
  return isIP(name) === 0 ? implicit(2, Buffer.from(name, 'ascii')) : implicit(7, ipBytes(name));
}

/** `127.0.0.1` → 4 bytes, `::1` → 16. */
export function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // As URLs write it: hexadecimal groups, the longest run of zeros left out.
  const { hostname } = new URL(`http://[${address}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const digits = [...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join('');
  return Buffer.from(digits, 'hex');
}

/** SHA-1 of the key's own bits, which end its SubjectPublicKeyInfo (RFC 5280, 4.2.1.2). */
function keyId(key: KeyObject): Buffer {
  const [, bits] = contentOf(key.export({ type: 'spki', format: 'der' }));
  // Without tag, length and the number of unused bits.
  const point = bits?.subarray(-P256_POINT_BYTES) ?? Buffer.alloc(0);
  return createHash('sha1').update(point).digest();
}

const P256_POINT_BYTES = 65;

function bytes(...values: readonly number[]): Buffer {
  return Buffer.from(values);
}
