/**
 * The variables of an observation: ONE table for the collector, the table, the API and the page.
 *
 * `name` is the column, unit last. `minimum` and `maximum` are what a sound instrument on Earth can
 * report; a value outside is not used. `aggregate` says how values of an hour or a day are joined: `mean`, `vector_mean` (directions: the mean of unit vectors), or `sum`.
 */
export interface Variable {
  readonly name: VariableName;
  readonly label: string;
  readonly unit: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly aggregate: 'mean' | 'vector_mean' | 'sum';
  /** Digits after the point wherever people read the value. */
  readonly digits: number;
}

export const VARIABLE_NAMES = [
  'temperature_c',
  'feels_like_c',
  'humidity_pct',
  'pressure_hpa',
  'wind_speed_ms',
  'wind_gust_ms',
  'wind_direction_deg',
  'cloud_cover_pct',
  'visibility_m',
  'rain_1h_mm',
  'snow_1h_mm',
] as const;

export type VariableName = (typeof VARIABLE_NAMES)[number];

/**
 * Ranges: temperature −95 to 65 °C (records: −89.2 °C Vostok 1983, 56.7 °C Death Valley 1913),
 * pressure 300 to 1100 hPa (station level on the highest settlements to the record 1084 hPa),
 * wind 0 to 120 m/s (record gust 113 m/s, Barrow Island 1996), rain 0 to 500 mm in an hour
 * (record 305 mm in 42 minutes, Holt 1947): WMO, World Weather & Climate Extremes Archive.
 */
export const VARIABLES: Readonly<Record<VariableName, Variable>> = {
  temperature_c: variable('temperature_c', 'Temperature', '°C', -95, 65, 'mean', 1),
  feels_like_c: variable('feels_like_c', 'Feels like', '°C', -130, 90, 'mean', 1),
  humidity_pct: variable('humidity_pct', 'Humidity', '%', 0, 100, 'mean', 0),
  pressure_hpa: variable('pressure_hpa', 'Pressure', 'hPa', 300, 1100, 'mean', 0),
  wind_speed_ms: variable('wind_speed_ms', 'Wind speed', 'm/s', 0, 120, 'mean', 1),
  wind_gust_ms: variable('wind_gust_ms', 'Wind gust', 'm/s', 0, 150, 'mean', 1),
  wind_direction_deg: variable('wind_direction_deg', 'Wind from', '°', 0, 360, 'vector_mean', 0),
  cloud_cover_pct: variable('cloud_cover_pct', 'Cloud cover', '%', 0, 100, 'mean', 0),
  visibility_m: variable('visibility_m', 'Visibility', 'm', 0, 200_000, 'mean', 0),
  rain_1h_mm: variable('rain_1h_mm', 'Rain in 1 h', 'mm', 0, 500, 'sum', 1),
  snow_1h_mm: variable('snow_1h_mm', 'Snow in 1 h', 'mm', 0, 500, 'sum', 1),
};

function variable(
  name: VariableName,
  label: string,
  unit: string,
  minimum: number,
  maximum: number,
  aggregate: Variable['aggregate'],
  digits: number,
): Variable {
  return { name, label, unit, minimum, maximum, aggregate, digits };
}

export function isVariableName(text: string): text is VariableName {
  return (VARIABLE_NAMES as readonly string[]).includes(text);
}
