/** Units of other people's data → ours. Factors are exact by definition unless a source is named. */
import { VARIABLES, type VariableName } from '../model/variables.ts';

interface Unit {
  readonly of: Quantity;
  /** Value in our unit = value × factor + offset. */
  readonly factor: number;
  readonly offset: number;
}

type Quantity = 'temperature' | 'share' | 'pressure' | 'speed' | 'direction' | 'distance' | 'depth';

/**
 * Mile 1,609.344 m, knot 1,852 m/h, inch 25.4 mm (international); inch of mercury 33.86389 hPa and
 * millimetre of mercury 1.3332239 hPa (conventional, NIST SP 811 appendix B).
 */
const UNITS: Readonly<Record<string, Unit>> = {
  '°C': unit('temperature', 1),
  C: unit('temperature', 1),
  K: unit('temperature', 1, -273.15),
  '°F': unit('temperature', 5 / 9, (-32 * 5) / 9),
  F: unit('temperature', 5 / 9, (-32 * 5) / 9),
  '%': unit('share', 1),
  fraction: unit('share', 100),
  oktas: unit('share', 12.5),
  hPa: unit('pressure', 1),
  mbar: unit('pressure', 1),
  Pa: unit('pressure', 0.01),
  kPa: unit('pressure', 10),
  inHg: unit('pressure', 33.86389),
  mmHg: unit('pressure', 1.3332239),
  'm/s': unit('speed', 1),
  'km/h': unit('speed', 1 / 3.6),
  mph: unit('speed', 0.44704),
  knots: unit('speed', 1852 / 3600),
  'ft/s': unit('speed', 0.3048),
  '°': unit('direction', 1),
  degrees: unit('direction', 1),
  m: unit('distance', 1),
  km: unit('distance', 1000),
  miles: unit('distance', 1609.344),
  ft: unit('distance', 0.3048),
  mm: unit('depth', 1),
  cm: unit('depth', 10),
  in: unit('depth', 25.4),
};

const QUANTITIES: Readonly<Record<VariableName, Quantity>> = {
  temperature_c: 'temperature',
  feels_like_c: 'temperature',
  humidity_pct: 'share',
  pressure_hpa: 'pressure',
  wind_speed_ms: 'speed',
  wind_gust_ms: 'speed',
  wind_direction_deg: 'direction',
  cloud_cover_pct: 'share',
  visibility_m: 'distance',
  rain_1h_mm: 'depth',
  snow_1h_mm: 'depth',
};

/** Names of the units in which a variable may come. */
export function unitsOf(variable: VariableName): string[] {
  return Object.keys(UNITS).filter((name) => UNITS[name]?.of === QUANTITIES[variable]);
}

/** A function from the named unit to ours; null when the variable does not come in it. */
export function converterTo(
  variable: VariableName,
  name: string = VARIABLES[variable].unit,
): ((value: number) => number) | null {
  const found = UNITS[name];
  if (found === undefined || found.of !== QUANTITIES[variable]) return null;
  const { factor, offset } = found;
  if (factor === 1 && offset === 0) return (value) => value;
  return factor === 1 ? (value) => value + offset : (value) => value * factor + offset;
}

function unit(of: Quantity, factor: number, offset = 0): Unit {
  return { of, factor, offset };
}
