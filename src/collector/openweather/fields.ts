/** Reading an answer's fields: what is absent or null is null, what is of another kind is refused. */

/** Why an answer makes no observation; the text is the reason of the invalid record. */
export class InvalidAnswer extends Error {}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at this key; an empty one when there is none. */
export function readObject(fields: Fields, key: string): Fields {
  const value = fields[key] ?? {};
  if (!isFields(value)) throw new InvalidAnswer(`${key} is not an object: ${show(value)}`);
  return value;
}

/** The finite number at this key. `path` is what the reason calls it. */
export function readNumber(fields: Fields, key: string, path = key): number | null {
  const value = fields[key] ?? null;
  if (value === null) return null;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new InvalidAnswer(`${path} is not a number: ${show(value)}`);
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
  if (!Number.isInteger(value)) throw new InvalidAnswer(`${path} is not whole: ${value}`);
  if (value < range.minimum || value > range.maximum) {
    throw new InvalidAnswer(`${path} is ${value}, outside ${range.minimum} to ${range.maximum}`);
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
  if (typeof value !== 'string') throw new InvalidAnswer(`${path} is not text: ${show(value)}`);
  // Characters as the landing counts them: code points, not UTF-16 units.
  if (value.length > charactersMax && [...value].length > charactersMax) {
    throw new InvalidAnswer(`${path} is longer than ${charactersMax} characters`);
  }
  return value;
}

/** A value in a reason: short, on one line. */
export function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
