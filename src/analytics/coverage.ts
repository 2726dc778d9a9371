/**
 * Coverage in the texts of this room: the parts that are made from the list of values whose coverage
 * is published. What is counted, and how, is said in model/coverage.ts.
 */
import {
  COVERED_VALUES,
  type CoveredValue,
  expectedBetween,
  intervalOf,
  isFar,
  MISSING_BETWEEN,
  MISSING_COLUMNS,
  missingBeside,
  PHASE,
  secondsOf,
  slotsBetween,
  spanOf,
} from '../model/coverage.ts';
import type { Columns } from '../sql/engine.ts';

/** Each value, and when an observation holds it. */
const HELD = {
  value: 'has_value',
  temperature_c: 'temperature_c IS NOT NULL',
  humidity_pct: 'humidity_pct IS NOT NULL',
} as const satisfies Record<CoveredValue, string>;

const VALUES = COVERED_VALUES;

/** First and last of all observations and of those that hold the value; what is missing there. */
export const COVERAGE_PARTIAL_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  month: 'VARCHAR',
  value: 'VARCHAR',
  first_moment: 'BIGINT',
  last_moment: 'BIGINT',
  value_first: 'BIGINT',
  value_last: 'BIGINT',
  ...Object.fromEntries(MISSING_COLUMNS.map((name) => [name, 'DOUBLE' as const])),
};

/** What of a value's coverage is published, so that the next observation can be merged. */
const COVERAGE_SUMS = ['last_s', 'interval_s', 'missing_before_s', ...MISSING_COLUMNS] as const;

/** Name in a text → the part that stands for it. */
export const COVERAGE_PARTS: Readonly<Record<string, string>> = {
  interval_s: intervalOf('moment'),
  phase: PHASE,
  moments: VALUES.map((value) => `CASE WHEN ${HELD[value]} THEN moment END AS ${value}_at`).join(
    ', ',
  ),
  ends_of_values: lines(
    VALUES.flatMap((value) => [
      `count(${value}_at) AS ${value}_moments`,
      `min(${value}_at) AS ${value}_moment_first`,
      `max(${value}_at) AS ${value}_moment_last`,
    ]),
  ),
  ends_of_days: lines(
    VALUES.flatMap((value) => [
      `sum(${value}_moments) AS ${value}_held`,
      `min(${value}_moment_first) AS ${value}_first`,
      `max(${value}_moment_last) AS ${value}_last`,
    ]),
  ),
  values_before: lines(
    VALUES.flatMap((value) => [
      `${value}_at`,
      `lag(${value}_at IGNORE NULLS) OVER by_time AS ${value}_before`,
    ]),
  ),
  gaps_by_value: union(
    (value) => `city_id, month, ${value}_at AS moment, ${value}_before AS before FROM neighbours`,
  ),
  ends_by_value: union(
    (value) =>
      'city_id, month, first_moment, last_moment, is_regular, step_s, ' +
      `${value}_held AS held, ${value}_first AS value_first, ${value}_last AS value_last FROM grouped`,
  ),
  slots_s: slotsBetween('value_first', 'value_last'),

  span: spanOf('before', 'moment'),
  is_far: isFar('before', 'moment'),
  missing_names: MISSING_COLUMNS.join(', '),
  missing_s: MISSING_COLUMNS.map((name) => `missing_s AS ${name}`).join(', '),
  missing_sums: lines(MISSING_COLUMNS.map((name) => `sum(${name}) AS ${name}`)),
  missing_between: MISSING_BETWEEN,

  expected_s: expectedBetween('first_moment', 'last_moment'),
  missing_s_least: `least(${MISSING_COLUMNS.join(', ')})`,
  missing_before_s: missingBeside('first_moment', 'value_first'),
  missing_after_s: missingBeside('value_last', 'last_moment'),
  held_of_values: lines(
    VALUES.map((value) => `max(CASE WHEN value = '${value}' THEN held_s END) AS ${value}_held_s`),
  ),
  first_interval_s: intervalOf('first_moment'),
  last_interval_s: intervalOf('last_moment'),
  value_last_s: `CAST(${secondsOf('value_last')} AS BIGINT)`,
  value_interval_s: intervalOf('value_last'),
  sums_of_values: lines(
    VALUES.flatMap((value) =>
      COVERAGE_SUMS.map(
        (name) => `max(CASE WHEN value = '${value}' THEN ${name} END) AS ${value}_${name}`,
      ),
    ),
  ),
  coverage_sums: lines(
    VALUES.flatMap((value) => COVERAGE_SUMS.map((name) => `c.${value}_${name}`)),
  ),
};

function lines(parts: readonly string[]): string {
  return parts.join(',\n    ');
}

function union(select: (value: keyof typeof HELD) => string): string {
  return VALUES.map((value) => `SELECT '${value}' AS value, ${select(value)}`).join(
    '\n  UNION ALL ',
  );
}
