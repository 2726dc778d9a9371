/** The rows of the table, as sums by city: how many there are, and what each variable says. */
import { VARIABLE_NAMES, type VariableName } from '../../model/variables.ts';
import type { Row } from '../../sql/engine.ts';
import { Moments } from './moments.ts';
import type { RawRow } from './raw-row.ts';
import type { Recount } from './recount.ts';

interface Sums {
  rows: number;
  first: string;
  last: string;
  readonly variables: Readonly<Record<VariableName, Moments>>;
}

export class TableSumsRecount implements Recount {
  readonly key = ['city_id'];
  readonly #cities = new Map<string, Sums>();

  add(row: RawRow): void {
    let sums = this.#cities.get(row.city_id);
    if (sums === undefined) {
      const variables = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, new Moments()]));
      const { observed_at } = row;
      sums = { rows: 0, first: observed_at, last: observed_at, variables: variables as never };
      this.#cities.set(row.city_id, sums);
    }
    sums.rows += 1;
    sums.last = row.observed_at;
    for (const name of VARIABLE_NAMES) {
      const value = row.values[name];
      if (value !== null) sums.variables[name].add(value);
    }
  }

  *rows(): Iterable<Row> {
    for (const [city_id, { rows, first, last, variables }] of this.#cities) {
      const row: Row = { city_id, rows, observed_from: first, observed_to: last };
      for (const name of VARIABLE_NAMES) {
        const { count, mean, min, max } = variables[name];
        row[`${name}_count`] = count;
        row[`${name}_mean`] = mean;
        row[`${name}_min`] = min;
        row[`${name}_max`] = max;
      }
      yield row;
    }
  }
}

/** The same from the table; one row per city. */
export function tableSumsSql(source: string): string {
  const sums = VARIABLE_NAMES.flatMap((name) => {
    const value = `CASE WHEN abs(${name}) <= 1e300 THEN ${name} END`;
    return [
      `count(${value}) AS ${name}_count`,
      `avg(${value}) AS ${name}_mean`,
      `min(${value}) AS ${name}_min`,
      `max(${value}) AS ${name}_max`,
    ];
  });
  return `SELECT city_id, count(*) AS rows, min(observed_at) AS observed_from,
    max(observed_at) AS observed_to, ${sums.join(', ')} FROM ${source} GROUP BY city_id`;
}
