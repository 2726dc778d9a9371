/** The dataset monthly_summaries: one row per city and month of its clock. */
import type { Row } from '../../sql/engine.ts';
import { type DayTally, dateOf } from './day-tally.ts';
import { MonthTally } from './month-tally.ts';
import type { CityNames, GradualRecount } from './recount.ts';

export class MonthlySummariesRecount implements GradualRecount {
  readonly key = ['city_id', 'month'];
  readonly #names: CityNames;
  readonly #open = new Map<string, Map<string, MonthTally>>();
  #finished: Row[] = [];

  constructor(names: CityNames) {
    this.#names = names;
  }

  addDay(day: DayTally): void {
    let months = this.#open.get(day.city_id);
    if (months === undefined) {
      months = new Map();
      this.#open.set(day.city_id, months);
    }
    const month = dateOf(day.day).slice(0, 7);
    let tally = months.get(month);
    if (tally === undefined) {
      tally = new MonthTally(month);
      months.set(month, tally);
    }
    tally.add(day);
  }

  /** The months before this one, all where it is null; their rows wait. */
  finish(
    before: string | null,
    onMonth: (city_id: string, month: MonthTally, row: Row) => void,
  ): void {
    for (const [city_id, months] of this.#open) {
      for (const [month, tally] of months) {
        if (before !== null && month >= before) continue;
        months.delete(month);
        const row = tally.row(city_id, this.#names.get(city_id));
        this.#finished.push(row);
        onMonth(city_id, tally, row);
      }
    }
  }

  get waiting(): number {
    return this.#finished.length;
  }

  *rows(): Iterable<Row> {
    const finished = this.#finished;
    this.#finished = [];
    yield* finished;
  }
}
