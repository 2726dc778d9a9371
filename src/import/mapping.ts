/**
 * The mapping: how to read a table of observations, as YAML. docs/import.md explains every key.
 *
 *     name: my-station                     names the source: import:my-station
 *     interval_s: 3600                     seconds between two observations
 *     city: { name: Potsdam, country: DE, latitude: 52.38, longitude: 13.06 }
 *     time: { column: MESS_DATUM, format: "%Y%m%d%H", zone: UTC }
 *     variables:
 *       temperature_c: { column: TT_TU, unit: °C, missing: ["-999"] }
 *       humidity_pct: RF_TU
 *
 * Each part of `city` is a constant or `{ column: NAME }`.
 */
import Type, { type Static, type TProperties } from 'typebox';
import { isVariableName, type VariableName } from '../model/variables.ts';

const Name = Type.String({ minLength: 1 });
const Marks = Type.Array(Type.Union([Type.String(), Type.Number()]));
const TextPart = Type.Union([Type.String(), closed({ column: Name })]);
const NumberPart = Type.Union([Type.Number(), closed({ column: Name })]);

const Numbers = {
  decimal_comma: Type.Optional(Type.Boolean()),
  thousands: Type.Optional(Type.String({ minLength: 1, maxLength: 1 })),
  missing: Type.Optional(Marks),
};

/** What can be said of one variable. */
export const VariableKeys = {
  column: Type.Optional(Name),
  from_dew_point: Type.Optional(Name),
  unit: Type.Optional(Type.String()),
  strip: Type.Optional(Name),
  scale: Type.Optional(Type.Number()),
  offset: Type.Optional(Type.Number()),
  trace: Type.Optional(Marks),
  ...Numbers,
};

const VariablePart = Type.Union([Name, closed(VariableKeys)]);

export const MappingSchema = closed({
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
  interval_s: Type.Integer({ minimum: 1, maximum: 31_536_000 }),
  encoding: Type.Optional(Type.String()),
  delimiter: Type.Optional(Name),
  comment: Type.Optional(Name),
  skip_lines: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
  header_line: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
  columns: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  ...Numbers,
  city: closed({
    id: Type.Optional(TextPart),
    name: TextPart,
    country: Type.Optional(TextPart),
    latitude: NumberPart,
    longitude: NumberPart,
    elevation_m: Type.Optional(
      Type.Union([Type.Number({ minimum: -450, maximum: 9_000 }), closed({ column: Name })]),
    ),
    time_zone: Type.Optional(TextPart),
  }),
  time: closed({
    column: Type.Optional(Name),
    columns: Type.Optional(Type.Array(Name, { minItems: 1 })),
    format: Type.Optional(Name),
    zone: Type.Optional(Type.String()),
    ignore_suffix: Type.Optional(Name),
  }),
  variables: Type.Record(Type.String(), VariablePart),
  condition: Type.Optional(Name),
});

export type Mapping = Static<typeof MappingSchema>;

/** What a mapping says of one variable. */
export type VariableMapping = Exclude<Static<typeof VariablePart>, string> & {
  readonly name: VariableName;
};

export function variablesOf(mapping: Mapping): VariableMapping[] {
  return Object.entries(mapping.variables).flatMap(([name, part]) =>
    isVariableName(name) ? [{ name, ...(typeof part === 'string' ? { column: part } : part) }] : [],
  );
}

/** The columns whose cells make the time, one or several. */
export function timeColumnsOf({ time }: Mapping): readonly string[] {
  return time.columns ?? (time.column === undefined ? [] : [time.column]);
}

/** The columns that every row needs: those of time and city. */
export function identityColumnsOf(mapping: Mapping): string[] {
  const parts = Object.values(mapping.city);
  const named = parts.flatMap((part) => (typeof part === 'object' ? [part.column] : []));
  return [...new Set([...timeColumnsOf(mapping), ...named])];
}

/** The columns of variables and of the condition. */
export function valueColumnsOf(mapping: Mapping): string[] {
  const named = variablesOf(mapping).flatMap(({ column, from_dew_point }) => [
    column,
    from_dew_point,
  ]);
  const present = [...named, mapping.condition].filter((column) => column !== undefined);
  return [...new Set(present)];
}

/** The same without a style of numbers: they have a point for decimals and nothing else. */
export function withPlainNumbers<Part extends Pick<Mapping, 'decimal_comma' | 'thousands'>>(
  part: Part,
): Omit<Part, 'decimal_comma' | 'thousands'> {
  const { decimal_comma: _comma, thousands: _thousands, ...rest } = part;
  return rest;
}

function closed<Properties extends TProperties>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}
