/**
 * Days, months, what is usual and records, compared while the raw export is read: days are finished in
 * the order of time, and what was published of them is read in ranges, so that neither are held as a
 * whole.
 */
import type { ClimateDataset } from '../../model/climate-datasets.ts';
import type { DateRange } from '../../model/climate-spells.ts';
import type { Row } from '../../sql/engine.ts';
import type { ClimateNormalsRecount } from './climate-normals.ts';
import { compareRows, Differences } from './compare.ts';
import type { DailySummariesRecount } from './daily-summaries.ts';
import { dateOf } from './day-tally.ts';
import { Days, firstOpenDay } from './days.ts';
import type { MonthlySummariesRecount } from './monthly-summaries.ts';
import type { RawRow } from './raw-row.ts';
import type { RecordsRecount } from './records.ts';
import type { GradualRecount } from './recount.ts';

export interface ClimateRecounts {
  readonly daily_summaries: DailySummariesRecount;
  readonly monthly_summaries: MonthlySummariesRecount;
  readonly climate_normals: ClimateNormalsRecount;
  readonly records: RecordsRecount;
}

export type ReadClimate = (dataset: ClimateDataset, range: DateRange) => Promise<readonly Row[]>;

/** Finished rows of a dataset that are held before they are compared. */
const HELD_MOST = 10_000;
const GRADUAL = ['daily_summaries', 'monthly_summaries'] as const;
const AT_THE_END = ['climate_normals', 'records'] as const;

export class ClimateComparison {
  readonly #recounts: ClimateRecounts;
  readonly #read: ReadClimate;
  readonly #heldMost: number;
  readonly #days = new Days();
  readonly #compared = new Map<ClimateDataset, string>();
  readonly #differences: readonly (readonly [ClimateDataset, Differences])[];
  #open = Number.NEGATIVE_INFINITY;

  constructor(recounts: ClimateRecounts, read: ReadClimate, heldMost = HELD_MOST) {
    this.#recounts = recounts;
    this.#read = read;
    this.#heldMost = heldMost;
    this.#differences = [...GRADUAL, ...AT_THE_END].map((name) => [name, new Differences(name)]);
  }

  add(row: RawRow): void {
    this.#days.add(row);
  }

  /** No row before this time comes any more, in seconds since 1970. */
  async reach(seconds: number): Promise<void> {
    const open = firstOpenDay(seconds);
    if (open <= this.#open) return;
    this.#open = open;
    this.#finish(open);
    const { daily_summaries, monthly_summaries } = this.#recounts;
    const date = dateOf(open);
    await this.#compareMany('daily_summaries', daily_summaries, date);
    await this.#compareMany('monthly_summaries', monthly_summaries, `${date.slice(0, 7)}-01`);
  }

  /** All rows were added; resolves with what differs. */
  async end(): Promise<readonly string[]> {
    this.#finish(null);
    for (const dataset of GRADUAL) await this.#compare(dataset, null);
    for (const dataset of AT_THE_END) await this.#compare(dataset, null);
    return this.#differences.flatMap(([, differences]) => differences.lines());
  }

  #finish(open: number | null): void {
    const { daily_summaries, monthly_summaries, climate_normals } = this.#recounts;
    for (const day of this.#days.finish(open ?? Number.POSITIVE_INFINITY)) {
      daily_summaries.addDay(day);
      monthly_summaries.addDay(day);
    }
    const month = open === null ? null : dateOf(open).slice(0, 7);
    monthly_summaries.finish(month, (city_id, tally, row) =>
      climate_normals.addMonth(city_id, tally, row),
    );
  }

  async #compareMany(dataset: ClimateDataset, { waiting }: GradualRecount, to: string) {
    if (waiting >= this.#heldMost) await this.#compare(dataset, to);
  }

  /** The rows from where the last comparison ended: none that is published lies between two. */
  async #compare(dataset: ClimateDataset, to: string | null): Promise<void> {
    const from = this.#compared.get(dataset) ?? null;
    const published = await this.#read(dataset, { from, to });
    const differences = this.#differences.find(([name]) => name === dataset)?.[1];
    if (differences !== undefined) compareRows(differences, this.#recounts[dataset], published);
    if (to !== null) this.#compared.set(dataset, to);
  }
}
