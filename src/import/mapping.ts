/**
 * The mapping: how to read somebody's table of observations, as YAML.
 *
 *     name: my-station                     names the source: import:my-station
 *     interval_s: 3600                     seconds between two observations
 *     city: { name: Potsdam, country: DE, latitude: 52.38, longitude: 13.06 }
 *     time: { column: MESS_DATUM, format: "%Y%m%d%H", zone: UTC }
 *     variables:
 *       temperature_c: { column: TT_TU, unit: °C }
 *       humidity_pct: RF_TU
 *     missing: ["-999"]
 *
 * Each part of `city` is a constant or `{ column: NAME }`.
 */
import { readFileSync } from 'node:fs';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { parse } from 'yaml';
import { IsobarError } from '../errors.ts';
import { isTimeZone } from '../model/time-zone.ts';
import { isVariableName, VARIABLE_NAMES, type VariableName } from '../model/variables.ts';
import { converterTo, unitsOf } from './units.ts';

const Column = Type.Object(
  { column: Type.String({ minLength: 1 }) },
  { additionalProperties: false },
);
const TextPart = Type.Union([Type.String(), Column]);
const NumberPart = Type.Union([Type.Number(), Column]);
const VariablePart = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object(
    {
      column: Type.String({ minLength: 1 }),
      unit: Type.Optional(Type.String()),
      strip: Type.Optional(Type.String({ minLength: 1 })),
    },
    { additionalProperties: false },
  ),
]);

export const MappingSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
    interval_s: Type.Integer({ minimum: 1, maximum: 31_536_000 }),
    delimiter: Type.Optional(Type.String({ minLength: 1, maxLength: 1 })),
    decimal_comma: Type.Optional(Type.Boolean()),
    missing: Type.Optional(Type.Array(Type.String())),
    city: Type.Object(
      {
        id: Type.Optional(TextPart),
        name: TextPart,
        country: Type.Optional(TextPart),
        latitude: NumberPart,
        longitude: NumberPart,
        time_zone: Type.Optional(Type.String()),
      },
      { additionalProperties: false },
    ),
    time: Type.Object(
      {
        column: Type.String({ minLength: 1 }),
        format: Type.Optional(Type.String({ minLength: 1 })),
        zone: Type.Optional(Type.String()),
      },
      { additionalProperties: false },
    ),
    variables: Type.Record(Type.String(), VariablePart),
    condition: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export type Mapping = Static<typeof MappingSchema>;

export interface MappedVariable {
  readonly name: VariableName;
  readonly column: string;
  readonly convert: (value: number) => number;
  readonly strip: string | null;
}

/** The mapping of a file; rejects with all its problems at once. */
export function loadMapping(path: string): Mapping {
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new IsobarError('IMPORT_INVALID', `${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const problems = [...Value.Errors(MappingSchema, value)].map(
    ({ instancePath, message }) => `${instancePath === '' ? '/' : instancePath}: ${message}`,
  );
  problems.push(...oddities(value));
  if (problems.length > 0) {
    throw new IsobarError('IMPORT_INVALID', `${path}:\n${problems.join('\n')}`);
  }
  return value as Mapping;
}

/** The variables with their columns and converters. */
export function variablesOf(mapping: Mapping): MappedVariable[] {
  return Object.entries(mapping.variables).flatMap(([name, part]) => {
    if (!isVariableName(name)) return [];
    const {
      column,
      unit,
      strip = null,
    } = typeof part === 'string' ? { column: part, unit: undefined } : part;
    const convert = converterTo(name, unit);
    return convert === null ? [] : [{ name, column, convert, strip }];
  });
}

/** The columns that the mapping names. */
export function columnsOf({ time, city, condition, variables }: Mapping): string[] {
  const parts = [time, ...Object.values(city), ...Object.values(variables)];
  const named = parts.flatMap((part) => (typeof part === 'object' ? [part.column] : []));
  const short = Object.values(variables).filter((part) => typeof part === 'string');
  return [...new Set([...named, ...short, ...(condition === undefined ? [] : [condition])])];
}

/** What the schema cannot say: names of variables, units and zones. */
function oddities(value: unknown): string[] {
  const problems: string[] = [];
  const variables = objectAt(value, 'variables');
  for (const [name, part] of Object.entries(variables ?? {})) {
    const unit = objectAt(variables, name)?.unit;
    if (!isVariableName(name)) {
      problems.push(`/variables/${name}: no such variable; there are ${VARIABLE_NAMES.join(', ')}`);
    } else if (typeof part === 'object' && converterTo(name, unit as string) === null) {
      problems.push(`/variables/${name}/unit: ${unit} is none of ${unitsOf(name).join(', ')}`);
    }
  }
  if (variables !== null && Object.keys(variables).length === 0) {
    problems.push('/variables: there is none');
  }
  for (const [place, zone] of [
    ['/time/zone', objectAt(value, 'time')?.zone],
    ['/city/time_zone', objectAt(value, 'city')?.time_zone],
  ] as const) {
    if (typeof zone === 'string' && !isTimeZone(zone)) {
      problems.push(`${place}: no such zone ${zone}`);
    }
  }
  return problems;
}

/** The object under a key of what may be no object itself; null when there is none. */
function objectAt(value: unknown, key: string): Readonly<Record<string, unknown>> | null {
  if (typeof value !== 'object' || value === null) return null;
  const found = (value as Record<string, unknown>)[key];
  return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null;
}
