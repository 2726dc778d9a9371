/**
 * What a value of a variable may be: ONE rule for the readers at the border, the landing's SQL and
 * the API.
 *
 * Only the identity of a record (its city and times) decides whether it lands. A measurement that
 * cannot be used becomes NULL, and its text and the reason stay with the record as a rejected field.
 */
import { VARIABLES, type VariableName } from './variables.ts';

/** One measurement that was not used. */
export interface RejectedField {
  /** The variable's column, or `condition`, `condition_id`. */
  readonly field: string;
  /** What was given, as text, at most `FIELD_CHARACTERS_MAX` characters. */
  readonly value: string;
  /** Why, without the value, so that reasons can be counted: `out of range (0 to 150 m/s)`. */
  readonly reason: string;
}

/** The shape of `rejected_fields` in a row, for `from_json`. */
export const REJECTED_FIELD_TYPE = '[{"field":"VARCHAR","value":"VARCHAR","reason":"VARCHAR"}]';

/** Whole numbers of a record beside its measurements, with their limits. */
export const WHOLES = {
  interval_s: [1, 31_536_000],
  condition_id: [-2_147_483_648, 2_147_483_647],
  utc_offset_s: [-64_800, 64_800],
  provider_city_id: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
} as const;

/** Characters of a rejected field's text that are kept. */
export const FIELD_CHARACTERS_MAX = 256;

export const NOT_A_NUMBER = 'not a number';
export const IS_NAN = 'NaN';

/** The reason of a number, in the variable's own unit, that no sound instrument reports. */
export function outOfRange(name: VariableName): string {
  const { minimum, maximum, unit } = VARIABLES[name];
  return `out of range (${minimum} to ${maximum} ${unit})`;
}

/** Why this value of the variable, in its own unit, cannot be used; null when it can. */
export function fieldProblem(name: VariableName, value: unknown): string | null {
  if (typeof value !== 'number') return NOT_A_NUMBER;
  if (Number.isNaN(value)) return IS_NAN;
  const { minimum, maximum } = VARIABLES[name];
  return value >= minimum && value <= maximum ? null : outOfRange(name);
}

export function rejectedField(field: string, value: string, reason: string): RejectedField {
  return { field, value: value.slice(0, FIELD_CHARACTERS_MAX).toWellFormed(), reason };
}
