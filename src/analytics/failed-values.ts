/**
 * Values that failed quality control are left out of the datasets: the view `observations` has NULL in
 * their place. What was flagged is the value itself, so that a correction counts as soon as it lands.
 */
import { JUDGED_VARIABLES } from '../anomalies/judge.ts';
import type { VariableName } from '../model/variables.ts';
import { QUALITY_COLUMNS } from '../quality/read-stations.ts';
import type { Quality } from './publication.ts';

/** Of the view `observations`, those that are not checked. */
const UNCHECKED = ['rain_1h_mm', 'snow_1h_mm'] as const satisfies VariableName[];

/** Variables of the view `observations`. */
export const OBSERVED_VARIABLES = [...QUALITY_COLUMNS, ...UNCHECKED] as const;

/** What the view `observations` has of every row, beside what may fail. */
const KEPT = [
  ...['city_id', 'city', 'country', 'observed_at', 'hour_utc', 'hour_local', 'month'],
  ...['moment', 'utc_offset_s', 'utc_hour', 'day', 'has_value'],
  ...UNCHECKED,
];

/** Part of `queries/failed_values.sql`. */
export const FAILED_BY_VARIABLE = QUALITY_COLUMNS.map(
  (name) => `max(CASE WHEN variable = '${name}' THEN value END) AS ${name}`,
).join(',\n  ');

/** What was reported, for a rule that looks for values like those that fail. */
const REPORTED = 'temperature_c AS temperature_c_reported';

/** The rows of `held` with all of their values. */
export function withAllValues(held: string): string {
  return `SELECT *, ${REPORTED} FROM (${held}) AS held`;
}

/** The same without those of the view `failed_values`. */
export function withoutFailed(held: string): string {
  const kept = KEPT.map((name) => `held.${name}`);
  const sound = QUALITY_COLUMNS.map((name) => `${soundValue(name)} AS ${name}`);
  return `SELECT ${[...kept, ...sound, `held.${REPORTED}`].join(', ')}
    FROM (${held}) AS held LEFT JOIN failed_values AS failed
    ON failed.city_id = held.city_id AND failed.observed_at = held.observed_at`;
}

/** The value of `held` unless it is that of `failed`. */
export function soundValue(name: VariableName): string {
  return `CASE WHEN failed.${name} = held.${name} THEN NULL ELSE held.${name} END`;
}

/** Part of `queries/season_hours.sql`. */
export const LAST_VALUES = JUDGED_VARIABLES.map((name) => {
  const sound = soundValue(name);
  return `max_by(${sound}, held.observed_at) FILTER (WHERE abs(${sound}) <= 1e300) AS ${name}`;
}).join(',\n  ');

/** The months of `quality` that have failed values, of these, or of all. */
export function failedMonths(
  quality: Quality | null,
  months: readonly string[] | null,
): Quality['months'] {
  const wanted = months === null ? null : new Set(months);
  return (quality?.months ?? []).filter(
    ({ month, failed }) => failed > 0 && (wanted === null || wanted.has(month)),
  );
}
