/**
 * Files with a checksum of their own: a first line says what it is, and the SHA-256 of all that
 * follows it.
 *
 *     {"format":"isobar-forecasts","version":1,"sha256":"9f86…", …}
 *     …
 */
import { createHash } from 'node:crypto';
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { IsobarError } from '../errors.ts';
import { FORECAST_VERSION } from '../model/forecast.ts';

/** Codes of errors of a file that cannot be used; others pass, or end the work. */
export const DAMAGED = ['TABLE_CORRUPT', 'FILE_NOT_REGULAR', 'FILE_TOO_LARGE'] as const;

export type Header = Readonly<Record<string, unknown>>;

const HEADER_BYTES_MAX = 64 * 1024;
const NEWLINE = 10;

export function sealed(kind: string, header: Header, body: Uint8Array): Buffer {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const first = { format: `isobar-${kind}`, version: FORECAST_VERSION, sha256, ...header };
  return Buffer.concat([Buffer.from(`${JSON.stringify(first)}\n`), body]);
}

/**
 * What the file holds; `path` names it in errors. Rejects with TABLE_CORRUPT when it is of another
 * kind, of another version of this program, or was changed.
 */
export function unsealed(
  kind: string,
  path: string,
  bytes: Uint8Array,
): { readonly header: Header; readonly body: Buffer } {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.subarray(0, HEADER_BYTES_MAX).indexOf(NEWLINE);
  const header = end < 0 ? null : parse(all.toString('utf8', 0, end));
  if (header?.format !== `isobar-${kind}`) throw corrupt(path, `it does not begin as ${kind}`);
  if (header.version !== FORECAST_VERSION) {
    throw corrupt(path, `expected version ${FORECAST_VERSION}, found ${String(header.version)}`);
  }
  const body = all.subarray(end + 1);
  if (createHash('sha256').update(body).digest('hex') !== header.sha256) {
    throw corrupt(path, 'its checksum is another one');
  }
  return { header, body };
}

/** The lines of a body. Rejects with TABLE_CORRUPT when one is not of the schema. */
export function parseLines<S extends TSchema>(schema: S, path: string, body: Buffer): Static<S>[] {
  const lines = body.toString('utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const row = parse(line);
      if (Value.Check(schema, row)) return row;
      const [problem] = Value.Errors(schema, row);
      throw corrupt(path, `${problem?.instancePath ?? ''} ${problem?.message ?? 'unknown row'}`);
    });
}

export function formatLines(values: readonly unknown[]): Buffer {
  return Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

function parse(text: string): Header | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Header | null) : null;
  } catch {
    return null;
  }
}

export function corrupt(path: string, why: string): IsobarError {
  return new IsobarError('TABLE_CORRUPT', `${path}: ${why}`);
}
