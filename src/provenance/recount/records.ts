/** The dataset records: one row per city, variable and month of the year; month 0 is the whole year. */
import type { Row } from '../../sql/engine.ts';
import { dateOf, dayOf, SUMMARISED, type Summarised } from './day-tally.ts';
import { Extremes } from './extremes.ts';
import type { RawRow } from './raw-row.ts';
import type { CityNames, Recount } from './recount.ts';

/** Of the others the lowest value says nothing. */
const WITH_LOWEST: readonly Summarised[] = ['temperature_c', 'humidity_pct', 'pressure_hpa'];

class RecordTally {
  count = 0;
  since = Number.POSITIVE_INFINITY;
  readonly extremes = new Extremes();

  add(value: number, at: string, day: number): void {
    this.count += 1;
    this.since = Math.min(this.since, day);
    this.extremes.add(value, at);
  }

  join({ count, since, extremes }: RecordTally): void {
    this.count += count;
    this.since = Math.min(this.since, since);
    this.extremes.join(extremes);
  }
}

type Months = Map<number, RecordTally>;

export class RecordsRecount implements Recount {
  readonly key = ['city_id', 'variable', 'calendar_month'];
  readonly #names: CityNames;
  readonly #cities = new Map<string, Map<Summarised, Months>>();
  #monthOfDay: readonly [day: number, month: number] = [Number.NaN, 0];

  constructor(names: CityNames) {
    this.#names = names;
  }

  add(row: RawRow): void {
    let variables = this.#cities.get(row.city_id);
    if (variables === undefined) {
      variables = new Map(SUMMARISED.map((name) => [name, new Map()]));
      this.#cities.set(row.city_id, variables);
    }
    const day = dayOf(row);
    const month = this.#monthOf(day);
    for (const [name, months] of variables) {
      const value = row.values[name];
      if (value === null) continue;
      let tally = months.get(month);
      if (tally === undefined) {
        tally = new RecordTally();
        months.set(month, tally);
      }
      tally.add(value, row.observed_at, day);
    }
  }

  /** Most rows are of the day of the row before. */
  #monthOf(day: number): number {
    if (this.#monthOfDay[0] !== day) this.#monthOfDay = [day, Number(dateOf(day).slice(5, 7))];
    return this.#monthOfDay[1];
  }

  *rows(): Iterable<Row> {
    for (const [city_id, variables] of this.#cities) {
      const city = this.#names.get(city_id);
      for (const [variable, months] of variables) {
        const year = new RecordTally();
        for (const tally of months.values()) year.join(tally);
        const all = months.size === 0 ? [] : [[0, year] as const, ...months];
        for (const [calendar_month, { count, since, extremes }] of all) {
          const { min, minAt, max, maxAt } = extremes;
          const hasLowest = WITH_LOWEST.includes(variable);
          yield {
            ...{ city_id, city, variable, calendar_month, highest: max, highest_at: maxAt },
            ...{ lowest: hasLowest ? min : null, lowest_at: hasLowest ? minAt : null },
            ...{ since: dateOf(since), observation_count: count },
          };
        }
      }
    }
  }
}
