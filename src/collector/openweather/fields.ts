/** Reading an answer's fields: what is absent or null is null, what is of another kind is refused. */
import { NOT_A_NUMBER, type RejectedField, rejectedField } from '../../model/validity.ts';

/** Why an answer makes no observation; the text is the reason of the invalid record. */
export class InvalidAnswer extends Error {}

/** One field that cannot be used: of an identity it rejects the answer, else only itself. */
export class InvalidField extends InvalidAnswer {
  /** Without the value: `not a number`. */
  readonly reason: string;
  /** What was given, as text. */
  readonly given: string;

  constructor(path: string, reason: string, value: unknown) {
    const given = show(value);
    super(`${path} is ${reason} (${given})`);
    this.reason = reason;
    this.given = given;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What `read` gives; null, and a rejected field of this name, when it cannot be used. */
export function usable<T>(
  field: string,
  rejected: RejectedField[],
  read: () => T | null,
): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InvalidField)) throw error;
    rejected.push(rejectedField(field, error.given, error.reason));
    return null;
  }
}

/** The object at this key; an empty one when there is none, or an empty list in its place. */
export function readObject(fields: Fields, key: string): Fields {
  const value = fields[key] ?? {};
  if (Array.isArray(value) && value.length === 0) return {};
  if (!isFields(value)) throw new InvalidField(key, 'not an object', value);
  return value;
}

/** The finite number at this key. `path` is what the reason calls it. */
export function readNumber(fields: Fields, key: string, path = key): number | null {
  const value = fields[key] ?? null;
  if (value === null) return null;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new InvalidField(path, NOT_A_NUMBER, value);
  }
  return value;
}

export function readWhole(
  fields: Fields,
  key: string,
  range: { readonly minimum: number; readonly maximum: number },
  path = key,
): number | null {
  const value = readNumber(fields, key, path);
  if (value === null) return null;
  if (!Number.isInteger(value)) throw new InvalidField(path, 'not a whole number', value);
  const { minimum, maximum } = range;
  if (value < minimum || value > maximum) {
    throw new InvalidField(path, `out of range (${minimum} to ${maximum})`, value);
  }
  return value;
}

export function readText(
  fields: Fields,
  key: string,
  charactersMax: number,
  path = key,
): string | null {
  const value = fields[key] ?? null;
  if (value === null) return null;
  if (typeof value !== 'string') throw new InvalidField(path, 'not text', value);
  // Characters as the landing counts them: code points, not UTF-16 units.
  if (value.length > charactersMax && [...value].length > charactersMax) {
    throw new InvalidField(path, `longer than ${charactersMax} characters`, value);
  }
  return value;
}

/** A value in a reason: short, on one line. */
function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
