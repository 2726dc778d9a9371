/**
 * Anomaly events, by docs/anomalies.md, compared month by month while the raw export is read. The hours
 * of five years that a season follows from are held; of more cities than there is room for, some are
 * left out, and the report says so.
 */
import { formatTime } from '../../model/time-zone.ts';
import type { VariableName } from '../../model/variables.ts';
import type { Row } from '../../sql/engine.ts';
import { compareRows, Differences } from './compare.ts';
import type { RawRow } from './raw-row.ts';
import type { Recount } from './recount.ts';
import { JUDGED, type Judging, SeasonHours } from './season.ts';
import { SeasonalWatch, THRESHOLD, type Unusual } from './seasonal-watch.ts';

export interface EventsOptions {
  /** Months whose events follow from the rows that are recounted, `2024-10`. */
  readonly months: readonly string[];
  /** What is published of one of them. */
  readonly read: (month: string) => Promise<readonly Row[]>;
  /** Days of a variable that are held at once; some 300 bytes each. */
  readonly daysHeldMost?: number;
}

const DAYS_HELD_MOST = 3_000_000;
/** The month that is judged, and those before it in which the rule watches. */
const MONTHS_WATCHED = 3;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Event {
  readonly from: number;
  readonly to: number;
  readonly peak: Unusual & { readonly at: number; readonly value: number };
  readonly count: number;
}

interface Watched {
  readonly watch: SeasonalWatch;
  events: readonly Event[];
}

class VariableOfCity {
  readonly judging: Judging;
  readonly hours = new SeasonHours();
  /** By the month that is judged. */
  readonly months = new Map<string, Watched>();

  constructor(judging: Judging) {
    this.judging = judging;
  }
}

type City = ReadonlyMap<VariableName, VariableOfCity>;

export class EventsComparison {
  readonly #read: EventsOptions['read'];
  readonly #daysHeldMost: number;
  /** Those that are not compared yet, in order. */
  readonly #months: string[];
  readonly #cities = new Map<string, City>();
  readonly #leftOut = new Set<string>();
  readonly #differences = new Differences('anomaly_events');
  /** Most rows are of the month of the row before. */
  #watched: { readonly month: string; readonly judged: readonly string[] } = {
    month: '',
    judged: [],
  };
  #days = 0;
  #count = 0;

  constructor({ months, read, daysHeldMost = DAYS_HELD_MOST }: EventsOptions) {
    this.#months = [...months].sort();
    this.#read = read;
    this.#daysHeldMost = daysHeldMost;
  }

  /** A row as it was reported, and without its values that failed, which say nothing of what is usual. */
  add(reported: RawRow, sound: RawRow): void {
    const { city_id, observed_at } = reported;
    if (this.#leftOut.has(city_id)) return;
    let city = this.#cities.get(city_id);
    if (city === undefined) {
      city = new Map([...JUDGED].map(([name, judging]) => [name, new VariableOfCity(judging)]));
      this.#cities.set(city_id, city);
    }
    const at = millisecondsOf(reported);
    const month = observed_at.slice(0, 7);
    for (const [name, of] of city) {
      const value = reported.values[name];
      if (value !== null)
        for (const one of this.#watching(month)) judge(of, one, { month, at, value });
      const known = sound.values[name];
      if (known !== null) this.#keep(of, at, known);
    }
    while (this.#days > this.#daysHeldMost) this.#leaveOutNewest();
  }

  /** The months that are judged by the rows of this one. */
  #watching(month: string): readonly string[] {
    if (this.#watched.month !== month) {
      const judged = this.#months.filter((one) => isWatchedIn(one, month));
      this.#watched = { month, judged };
    }
    return this.#watched.judged;
  }

  #keep({ hours, judging }: VariableOfCity, at: number, value: number): void {
    const day = Math.floor(at / DAY_MS);
    const before = hours.heldDays;
    hours.put(day, Math.floor((at - day * DAY_MS) / HOUR_MS), judging.scaled(value));
    this.#days += hours.heldDays - before;
  }

  #leaveOutNewest(): void {
    const [id, city] = [...this.#cities].at(-1) ?? [];
    if (id === undefined || city === undefined) return;
    for (const { hours } of city.values()) this.#days -= hours.heldDays;
    this.#cities.delete(id);
    this.#leftOut.add(id);
  }

  /** No row before this time comes any more, in seconds since 1970. */
  async reach(seconds: number): Promise<void> {
    const [first] = this.#months;
    if (first === undefined) return;
    const month = new Date(seconds * 1_000).toISOString().slice(0, 7);
    while (this.#months[0] !== undefined && this.#months[0] < month) await this.#compareFirst();
  }

  /** All rows were added; resolves with what differs. */
  async end(): Promise<readonly string[]> {
    while (this.#months.length > 0) await this.#compareFirst();
    return this.#differences.lines();
  }

  /** How much was compared, in words. */
  get summary(): string {
    const cities = this.#cities.size;
    const all = cities + this.#leftOut.size;
    return `${this.#count} of ${cities === all ? '' : `${cities} of `}${all} cities`;
  }

  async #compareFirst(): Promise<void> {
    const month = this.#months.shift() ?? '';
    const published = await this.#read(month);
    const compared = published.filter(({ city_id }) => !this.#leftOut.has(String(city_id)));
    const rows: Row[] = [];
    for (const [city_id, city] of this.#cities) rows.push(...finish(city_id, city, month));
    this.#count += rows.length;
    compareRows(this.#differences, { ...SHAPE, rows: () => rows }, compared);
  }
}

/** What flags and neighbours say of an event is compared by plain verify, which has both. */
const SHAPE: Omit<Recount, 'rows'> = {
  key: ['began_at', 'city_id', 'variable'],
  ignored: ['class', 'flag_count', 'neighbour_count'],
  isUndecided: ({ score }) => Math.abs(Math.abs(Number(score)) - THRESHOLD) < 1e-9,
};

function millisecondsOf({ observed_at, seconds }: RawRow): number {
  return seconds * 1_000 + 1_000 * Number(/\.\d+/.exec(observed_at)?.[0] ?? 0);
}

function isWatchedIn(judged: string, month: string): boolean {
  const numberOf = (text: string) => 12 * Number(text.slice(0, 4)) + Number(text.slice(5, 7));
  const ahead = numberOf(judged) - numberOf(month);
  return ahead >= 0 && ahead < MONTHS_WATCHED;
}

interface Value {
  readonly month: string;
  readonly at: number;
  readonly value: number;
}

function judge(of: VariableOfCity, judged: string, { month, at, value }: Value): void {
  let watched = of.months.get(judged);
  if (watched === undefined) {
    watched = { watch: new SeasonalWatch(of.judging), events: [] };
    of.months.set(judged, watched);
  }
  const unusual = watched.watch.judge(at, value, of.hours.usualOn(Math.floor(at / DAY_MS)));
  if (unusual === null || month !== judged) return;
  watched.events = joined(watched.events, { ...unusual, at, value });
}

/** Flagged values to one side, no more than three hours apart, are one event. */
function joined(events: readonly Event[], peak: Event['peak']): readonly Event[] {
  const last = events.at(-1);
  const goesOn =
    last !== undefined &&
    peak.at - last.to <= 3 * HOUR_MS &&
    last.peak.score > 0 === peak.score > 0;
  if (!goesOn) return [...events, { from: peak.at, to: peak.at, peak, count: 1 }];
  const isHigher = Math.abs(peak.score) > Math.abs(last.peak.score);
  const longer = { ...last, to: peak.at, count: last.count + 1, peak: isHigher ? peak : last.peak };
  return [...events.slice(0, -1), longer];
}

/** The events of a month, which are let go. */
function finish(city_id: string, city: City, month: string): Row[] {
  const all = [...city].flatMap(([variable, of]) => {
    const events = of.months.get(month)?.events ?? [];
    of.months.delete(month);
    return events.map((event) => ({ variable, of, event }));
  });
  return all.map(({ variable, of, event }) => {
    const beside = all.filter(
      (one) => one.event.from <= event.to + 3 * HOUR_MS && one.event.to >= event.from - 3 * HOUR_MS,
    );
    const others = new Set(beside.map((one) => one.variable).filter((name) => name !== variable));
    return {
      ...{ city_id, variable, rule: 'seasonal', ...rowOf(event, of) },
      other_variables: [...others].sort().join(' '),
    };
  });
}

function rowOf({ from, to, peak, count }: Event, { judging, hours }: VariableOfCity): Row {
  const timeOf = (at: number) => formatTime(new Date(at));
  const expected = judging.unscaled(peak.expected);
  const { years, low, high } = hours.seasonOf(
    Math.floor(peak.at / DAY_MS),
    Math.floor(from / DAY_MS),
  );
  return {
    ...{ began_at: timeOf(from), ended_at: timeOf(to), peak_at: timeOf(peak.at) },
    ...{ value: peak.value, expected, score: peak.score, flagged_count: count },
    severity: severityOf(peak.score),
    record: years < 2 ? null : recordOf(judging.scaled(peak.value), low, high),
    season_years: years,
    spread: Math.abs((peak.value - expected) / peak.score),
  };
}

function severityOf(score: number): string {
  if (Math.abs(score) >= 8) return 'extreme';
  return Math.abs(score) >= 5 ? 'high' : 'moderate';
}

function recordOf(scaled: number, low: number, high: number): string | null {
  if (scaled > high) return 'highest';
  return scaled < low ? 'lowest' : null;
}
