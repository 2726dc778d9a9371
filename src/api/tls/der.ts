/** DER (X.690), as much of it as certificates are made of: each function returns a whole element. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag, length and content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

export const sequence = (...content: readonly Uint8Array[]) => element(TAG.sequence, ...content);
export const set = (...content: readonly Uint8Array[]) => element(TAG.set, ...content);
export const octetString = (bytes: Uint8Array) => element(TAG.octetString, bytes);
export const utf8String = (text: string) => element(TAG.utf8String, Buffer.from(text, 'utf8'));
export const boolean = (value: boolean) => element(TAG.boolean, Buffer.from([value ? 0xff : 0]));

/** `[number]` around other elements. */
export const explicit = (number: number, ...content: readonly Uint8Array[]) =>
  element(0xa0 | number, ...content);

/** `[number]` in place of the tag of a string of bytes. */
export const implicit = (number: number, bytes: Uint8Array) => element(0x80 | number, bytes);

/** A whole number of 0 or more, from its bytes, the highest first. */
export function integer(bytes: Uint8Array): Buffer {
  const from = bytes.findIndex((byte) => byte !== 0);
  const digits = from === -1 ? Buffer.from([0]) : Buffer.from(bytes.subarray(from));
  const isNegative = (digits[0] ?? 0) >= 0x80;
  return element(TAG.integer, Buffer.from(isNegative ? [0] : []), digits);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

/** `2.5.29.17` */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return element(TAG.oid, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}

/** Whole seconds; years from 2050 on have another form (RFC 5280, 4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  const isLate = date.getUTCFullYear() >= 2050;
  return isLate
    ? element(TAG.generalizedTime, Buffer.from(digits))
    : element(TAG.utcTime, Buffer.from(digits.slice(2)));
}

/** The elements within one that has others as its content. */
export function contentOf(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  const outer = headOf(bytes, 0);
  for (let at = outer.body; at < outer.end; ) {
    const { end } = headOf(bytes, at);
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}

function headOf(bytes: Buffer, at: number): { readonly body: number; readonly end: number } {
  const first = bytes.readUInt8(at + 1);
  const more = first < 0x80 ? 0 : first & 0x7f;
  const body = at + 2 + more;
  const end = body + (more === 0 ? first : bytes.readUIntBE(at + 2, more));
  if (end > bytes.length) throw new RangeError('the element ends beyond the bytes');
  return { body, end };
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.from([0x80 | digits.length, ...digits]);
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 | (rest % 128));
  }
  return digits;
}
