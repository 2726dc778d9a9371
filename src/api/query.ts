/**
 * The query of an address by its schema in the route table: text → typed values. Every value is
 * read strictly, and every problem is PARAMETER_INVALID with the parameter's name.
 */
import type { TObject, TSchema } from 'typebox';
import type { IsobarError } from '../errors.ts';
import { parameterError } from './parameters.ts';

type Given = string | readonly string[];

interface Rule {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: TSchema;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  /** What the pattern means, for errors; one without it is checked elsewhere. */
  readonly title?: string;
}

const SHOWN_CHARACTERS_MAX = 64;

/** The values by name, defaults filled in. */
export function parseQuery(
  schema: TObject,
  given: Readonly<Record<string, Given>>,
): Record<string, unknown> {
  const rules = schema.properties as Readonly<Record<string, Rule>>;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(rules, name)) continue;
    const known = Object.keys(rules).join(', ');
    const field = name.slice(0, SHOWN_CHARACTERS_MAX);
    throw parameterError(
      field,
      `not a parameter of this address, which takes ${known === '' ? 'none' : known}`,
    );
  }
  const values: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value !== undefined) values[name] = parseGiven(name, rule, value);
    else if (rule.default !== undefined) values[name] = rule.default;
    else if (schema.required?.includes(name)) throw parameterError(name, 'it has to be given');
  }
  return values;
}

function parseGiven(name: string, rule: Rule, given: Given): unknown {
  const list = typeof given === 'string' ? [given] : given;
  if (rule.type !== 'array') {
    const [value = ''] = list;
    if (list.length > 1) throw parameterError(name, `expected one value; got ${list.length}`);
    return parseValue(name, rule, value);
  }
  const { maxItems = Number.POSITIVE_INFINITY, items } = rule;
  if (list.length > maxItems) {
    throw parameterError(name, `expected at most ${maxItems} values; got ${list.length}`);
  }
  return list.map((value) => parseValue(name, (items ?? {}) as Rule, value));
}

function parseValue(name: string, rule: Rule, text: string): unknown {
  if (rule.enum !== undefined) {
    if (rule.enum.includes(text)) return text;
    throw unexpected(name, `one of ${rule.enum.join(', ')}`, text);
  }
  if (rule.type === 'integer') return parseInteger(name, rule, text);
  if (rule.type === 'number') return parseDecimal(name, rule, text);
  if (rule.type === 'boolean') {
    if (text === '1' || text === 'true') return true;
    if (text === '0' || text === 'false') return false;
    throw unexpected(name, '1 or 0', text);
  }
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = rule;
  // In characters, as the description counts them: some are two units of UTF-16.
  const { length } = [...text];
  if (length < minLength) throw unexpected(name, `${minLength} characters or more`, text);
  if (length > maxLength) {
    throw parameterError(name, `expected at most ${maxLength} characters; got ${length}`);
  }
  const { pattern, title } = rule;
  if (pattern !== undefined && title !== undefined && !new RegExp(pattern, 'u').test(text)) {
    throw unexpected(name, title, text);
  }
  return text;
}

/** Decimal digits alone: neither a sign, a fraction, an exponent, another base nor a blank. */
function parseInteger(name: string, { minimum, maximum }: Rule, text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= (minimum ?? 0) && value <= (maximum ?? Number.MAX_SAFE_INTEGER)) return value;
  throw unexpected(name, `a whole number from ${minimum ?? 0} to ${maximum}`, text);
}

/** A number as JSON writes it, without a sign. */
function parseDecimal(name: string, { minimum = 0, maximum }: Rule, text: string): number {
  const isNumber = /^\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?$/i.test(text);
  const value = isNumber ? Number(text) : Number.NaN;
  if (value >= minimum && value <= (maximum ?? Number.MAX_SAFE_INTEGER)) return value;
  throw unexpected(name, `a number from ${minimum} to ${maximum}`, text);
}

function unexpected(name: string, expected: string, text: string): IsobarError {
  const shown = JSON.stringify(text.slice(0, SHOWN_CHARACTERS_MAX));
  return parameterError(name, `expected ${expected}; got ${shown}`);
}
