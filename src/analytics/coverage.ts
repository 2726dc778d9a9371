/**
 * Coverage in the texts of the city statistics: their parts that are made from the list of values
 * whose coverage is published. What is counted, and how, is said in model/coverage.ts.
 *
 *     <value>_first, <value>_last   the moments between which it is counted
 *     <value>_missing_s_0 …         seconds that are missing between those, by each count
 */
import {
  expectedBetween,
  INTERVAL_S,
  isFar,
  MISSING_BESIDE,
  MISSING_BETWEEN,
  MISSING_COLUMNS,
  MISSING_LEAST,
  MOMENT,
  PHASE,
  secondsBetween,
  spanOf,
} from '../model/coverage.ts';
import type { Columns } from './engine.ts';

/** Each value, and when an observation holds it. */
const HELD = {
  value: 'has_value',
  temperature_c: 'temperature_c IS NOT NULL',
  humidity_pct: 'humidity_pct IS NOT NULL',
} as const;

const NAMED_ALIKE = Object.fromEntries(MISSING_COLUMNS.map((name) => [name, name]));
const VALUES = Object.keys(HELD) as (keyof typeof HELD)[];

export const COVERAGE_STATE_COLUMNS: Columns = {
  first_moment: 'BIGINT',
  last_moment: 'BIGINT',
  ...Object.fromEntries(
    VALUES.flatMap((value) => [
      [`${value}_first`, 'BIGINT'],
      [`${value}_last`, 'BIGINT'],
      ...MISSING_COLUMNS.map((missing) => [`${value}_${missing}`, 'DOUBLE'] as const),
    ]),
  ),
};

/** Name in a text → the part that stands for it. */
export const COVERAGE_PARTS: Readonly<Record<string, string>> = {
  interval_s: INTERVAL_S,
  moment: MOMENT,
  phase: PHASE,
  span: spanOf('before', 'moment'),
  missing_names: MISSING_COLUMNS.join(', '),
  missing_between: MISSING_BETWEEN,
  missing_sums: lines(MISSING_COLUMNS.map((name) => `sum(${name}) AS ${name}`)),

  /** From observations to states. */
  ends_of_values: lines(
    VALUES.flatMap((value) => [
      `count(CASE WHEN ${HELD[value]} THEN 1 END) AS ${value}_held`,
      `min(CASE WHEN ${HELD[value]} THEN moment END) AS ${value}_first`,
      `max(CASE WHEN ${HELD[value]} THEN moment END) AS ${value}_last`,
    ]),
  ),
  values_before: lines(
    VALUES.map((value) => {
      const before = `lag(CASE WHEN ${HELD[value]} THEN moment END IGNORE NULLS) OVER by_time`;
      return `CASE WHEN ${HELD[value]} THEN ${before} END AS ${value}_before`;
    }),
  ),
  any_is_far: VALUES.map((value) => isFar(`${value}_before`, 'moment')).join(' OR '),
  gaps_by_value: union(
    (value) =>
      `SELECT city_id, month, '${value}' AS value, ${value}_before AS before, moment FROM far` +
      ` WHERE ${isFar(`${value}_before`, 'moment')}`,
  ),
  missing_on_grid: lines(
    VALUES.map((value) => {
      const between = secondsBetween(`${value}_first`, `${value}_last`);
      return `${between} - 1e0 * interval_s * (${value}_held - 1) AS ${value}_missing_s`;
    }),
  ),
  state_coverage: lines(
    VALUES.flatMap((value) => [
      `g.${value}_first`,
      `g.${value}_last`,
      ...MISSING_COLUMNS.map(
        (missing) =>
          `coalesce(CASE WHEN is_regular THEN g.${value}_missing_s ELSE m.${value}_${missing} END,` +
          ` 0e0) AS ${value}_${missing}`,
      ),
    ]),
  ),
  missing_of_values: lines(pivot(NAMED_ALIKE)),

  /** From states to one of each city. */
  states_by_value: union(
    (value) =>
      `SELECT city_id, '${value}' AS value, first_moment, last_moment, ` +
      `${value}_first AS value_first, ${value}_last AS value_last, ` +
      `${MISSING_COLUMNS.map((missing) => `${value}_${missing} AS ${missing}`).join(', ')} ` +
      'FROM city_statistics_states',
  ),
  coverage_columns: Object.keys(COVERAGE_STATE_COLUMNS)
    .filter((name) => !name.endsWith('_moment'))
    .join(', '),
  coverage_of_values: lines(pivot({ value_first: 'first', value_last: 'last', ...NAMED_ALIKE })),

  /** Of one state a city: what is missing in all, by the count that finds least. */
  expected_s: expectedBetween('first_moment', 'last_moment'),
  span_before: spanOf('first_moment', 'value_first'),
  span_after: spanOf('value_last', 'last_moment'),
  missing_beside: MISSING_BESIDE,
  missing_least: MISSING_LEAST,
};

function lines(parts: readonly string[]): string {
  return parts.join(',\n    ');
}

function union(select: (value: keyof typeof HELD) => string): string {
  return VALUES.map(select).join('\n  UNION ALL ');
}

/** Columns of rows that name their value → columns named by it. */
function pivot(names: Readonly<Record<string, string>>): string[] {
  return VALUES.flatMap((value) =>
    Object.entries(names).map(
      ([name, named]) => `max(CASE WHEN value = '${value}' THEN ${name} END) AS ${value}_${named}`,
    ),
  );
}
