/**
 * The provider's fields → our variables, in our units.
 *
 * What is absent stays null; a field that cannot be used is null, too, and named among the rejected
 * ones. An amount of rain or snow counts only as the amount of one hour: a
 * "3h" amount is not divided, since its distribution over the hours is unknown. A bare number in
 * place of the object (seen as `"rain": 0`) has no period: 0 says that nothing fell, so it is 0 in
 * the last hour too; any other number stays null.
 */
import type { Measurements } from '../../model/observation.ts';
import { fieldProblem, type RejectedField } from '../../model/validity.ts';
import type { VariableName } from '../../model/variables.ts';
import {
  type Fields,
  InvalidAnswer,
  InvalidField,
  isFields,
  readNumber,
  readObject,
  readText,
  readWhole,
  usable,
} from './fields.ts';

/** OpenWeatherMap's `units`: standard is kelvin and m/s, imperial °F and miles an hour. */
export type Units = 'metric' | 'standard' | 'imperial';

interface Source {
  readonly name: VariableName;
  /** The object that holds the field; empty for the answer itself. */
  readonly object: string;
  readonly key: string;
  readonly kind?: 'temperature' | 'speed';
}

const SOURCES: readonly Source[] = [
  { name: 'temperature_c', object: 'main', key: 'temp', kind: 'temperature' },
  { name: 'feels_like_c', object: 'main', key: 'feels_like', kind: 'temperature' },
  { name: 'humidity_pct', object: 'main', key: 'humidity' },
  { name: 'pressure_hpa', object: 'main', key: 'pressure' },
  { name: 'wind_speed_ms', object: 'wind', key: 'speed', kind: 'speed' },
  { name: 'wind_gust_ms', object: 'wind', key: 'gust', kind: 'speed' },
  { name: 'wind_direction_deg', object: 'wind', key: 'deg' },
  { name: 'cloud_cover_pct', object: 'clouds', key: 'all' },
  { name: 'visibility_m', object: '', key: 'visibility' },
];

const AMOUNTS = [
  { name: 'rain_1h_mm', object: 'rain' },
  { name: 'snow_1h_mm', object: 'snow' },
] as const;

const KELVIN_OF_0_C = 273.15;
/** One mile an hour, exactly (international mile of 1959). */
const MS_OF_1_MPH = 0.44704;

export function readMeasurements(
  fields: Fields,
  units: Units,
  rejected: RejectedField[],
): Measurements {
  const values: { [name in VariableName]?: number | null } = {};
  for (const source of SOURCES) {
    values[source.name] = usable(source.name, rejected, () => readVariable(fields, source, units));
  }
  for (const { name, object } of AMOUNTS) {
    values[name] = usable(name, rejected, () => readAmount(fields, name, object));
  }
  if (Object.values(values).every((value) => value === null)) {
    const [first] = rejected;
    throw new InvalidAnswer(
      first === undefined
        ? 'no measurement in the answer'
        : `no usable measurement in the answer (${first.field} is ${first.reason}: ${first.value})`,
    );
  }
  return values;
}

/** The first of the conditions; the others only refine it. */
export function readCondition(
  fields: Fields,
  charactersMax: number,
  rejected: RejectedField[],
): { readonly condition_id: number | null; readonly condition: string | null } {
  const first = usable('condition', rejected, () => firstCondition(fields)) ?? {};
  const range = { minimum: 0, maximum: 2_147_483_647 };
  return {
    condition_id: usable('condition_id', rejected, () =>
      readWhole(first, 'id', range, 'weather[0].id'),
    ),
    condition: usable('condition', rejected, () =>
      readText(first, 'description', charactersMax, 'weather[0].description'),
    ),
  };
}

function firstCondition(fields: Fields): Fields {
  const list = fields.weather ?? [];
  if (!Array.isArray(list)) throw new InvalidField('weather', 'not a list', list);
  const first: unknown = list[0] ?? {};
  if (!isFields(first)) throw new InvalidField('weather[0]', 'not an object', first);
  return first;
}

function readVariable(fields: Fields, source: Source, units: Units): number | null {
  const { name, object, key, kind } = source;
  const path = object === '' ? key : `${object}.${key}`;
  const holder = object === '' ? fields : readObject(fields, object);
  const given = readNumber(holder, key, path);
  if (given === null) return null;
  const value = kind === undefined ? given : CONVERSIONS[kind][units](given);
  const problem = fieldProblem(name, value);
  if (problem === null) return value;
  // The provider has ignored `units=metric` before: then 296.02 is in kelvin.
  const isKelvin =
    kind === 'temperature' &&
    units === 'metric' &&
    fieldProblem(name, value - KELVIN_OF_0_C) === null;
  throw new InvalidField(
    path,
    isKelvin ? 'in kelvin, though metric was asked for' : problem,
    given,
  );
}

function readAmount(fields: Fields, name: VariableName, object: string): number | null {
  if (typeof fields[object] === 'number') return readNumber(fields, object) === 0 ? 0 : null;
  const amount = readNumber(readObject(fields, object), '1h', `${object}.1h`);
  if (amount === null) return null;
  const problem = fieldProblem(name, amount);
  if (problem !== null) throw new InvalidField(`${object}.1h`, problem, amount);
  return amount;
}

const same = (value: number) => value;

/** Rounded to a millionth, so that 296.02 K is 22.87 °C and not 22.870000000000005. */
const rounded = (value: number) => Math.round(value * 1e6) / 1e6;

const CONVERSIONS = {
  temperature: {
    metric: same,
    standard: (kelvin: number) => rounded(kelvin - KELVIN_OF_0_C),
    imperial: (fahrenheit: number) => rounded((fahrenheit - 32) / 1.8),
  },
  speed: {
    metric: same,
    standard: same,
    imperial: (mph: number) => rounded(mph * MS_OF_1_MPH),
  },
} as const;
