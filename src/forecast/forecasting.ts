/**
 * The work of the forecasts: cities are learned one after the other, and forecast again when an hour is
 * complete; what was issued is kept, scored, and shown to readers.
 */
import type { Storage } from '../lake/storage.ts';
import type { Logger } from '../logger.ts';
import type { ForecastCounts } from '../model/forecast.ts';
import type { Changes, Snapshot, Table } from '../table/table.ts';
import { KNOWN_HOURS, type Newest } from './city-forecaster.ts';
import { type CityProgress, completeHour, drops, openProgress } from './city-progress.ts';
import type { Forecasters } from './forecasters.ts';
import { DAY_HOURS, dayOf, firstHourOf, formatHour, hourOf } from './hour.ts';
import { type HourlyValues, type HourRow, matrixOf } from './hourly-values.ts';
import { type ForecastRecord, openRecord } from './record.ts';

export interface ForecastingOptions {
  readonly storage: Storage;
  readonly table: Pick<Table, 'refresh' | 'changes'>;
  readonly values: HourlyValues;
  readonly forecasters: Forecasters;
  readonly logger: Logger;
  readonly citiesMax: number;
  readonly historyDays: number;
  /** Seconds after an hour until which its observations are waited for. */
  readonly waitSeconds: number;
  readonly keepDays: number;
  readonly clock: () => Date;
}

/** Cities that are longer without a value are learned again. */
const GAP_HOURS_MAX = 30 * DAY_HOURS;
/** Hours that the table may have more or less than what was learned. */
const DIFFERING_MAX = DAY_HOURS;
const SAVE_EVERY_HOURS = DAY_HOURS;
/** Cities that are read with one statement lie at most so far apart. */
const TOGETHER_HOURS = 4 * DAY_HOURS;
/** Drops of the learned model that one line of the log names. */
const DROPS_LOGGED_MAX = 5;

export class Forecasting {
  readonly #options: ForecastingOptions;
  readonly #cities = new Map<string, CityProgress>();
  #record: ForecastRecord | null = null;
  #snapshot: Snapshot | null = null;
  #cleanedDay = '';
  #rebuilt = 0;
  #steppedAt: string | null = null;

  constructor(options: ForecastingOptions) {
    this.#options = options;
  }

  /** What is known of them; the state is the loop's. */
  get counts(): Omit<ForecastCounts, 'state'> {
    const chosen = this.#chosen();
    const ready = chosen.filter(({ newest }) => newest !== null);
    const hours = ready.map(({ newest }) => newest?.hour ?? Number.NaN);
    const newest = hours.length === 0 ? null : Math.max(...hours);
    return {
      cities: this.#cities.size,
      cities_ready: ready.length,
      cities_left_out: this.#cities.size - chosen.length,
      issued_at: newest === null ? null : formatHour(newest),
      stepped_at: this.#steppedAt,
      late_hours: ready.reduce((sum, { newest }) => sum + (newest?.late ?? 0), 0),
      rebuilt: this.#rebuilt,
      mae_24h: this.#meanError(),
    };
  }

  /** Whether a city's history is not learned yet. */
  get isLearning(): boolean {
    return this.#nextToLearn() !== undefined;
  }

  /** Looks at the table, and forecasts the cities of which an hour is complete. */
  async look(signal: AbortSignal): Promise<void> {
    const { storage, logger, clock } = this.#options;
    this.#record ??= await openRecord(storage, logger);
    await this.#settle();
    await this.#follow(signal);
    await this.#check(signal);
    const due = this.#chosen().filter((one) => this.#isDue(one));
    for (const group of groupsOf(due)) await this.#advance(group, signal);
    await this.#settle();
    const now = clock().toISOString();
    const today = now.slice(0, 10);
    if (this.#cleanedDay !== today) await this.#record.clean(this.#firstKept());
    this.#cleanedDay = today;
    this.#steppedAt = now;
  }

  /** Learns one city's history, that with the newest observation first. */
  async learnNext(signal: AbortSignal): Promise<void> {
    const next = this.#nextToLearn();
    if (next === undefined) return;
    const fed = (await this.#resume(next, signal)) ?? (await this.#learn(next, signal));
    next.hindcasts = await this.#hindcastsOf(next.city);
    await this.#noteNewest(next, fed);
    // Every further city is issued with the next look, those of one minute in one file.
    if (!this.isLearning) await this.#settle();
  }

  /** Keeps the states, so that the next start goes on from there. */
  async save(): Promise<void> {
    for (const one of this.#cities.values()) {
      if (one.newest === null || one.savedHour === one.newest.hour) continue;
      await this.#options.forecasters.save(one.city);
      one.savedHour = one.newest.hour;
    }
  }

  /** After the thread was lost: all cities are opened again from their states. */
  forget(): void {
    for (const one of this.#cities.values()) {
      one.newest = null;
      one.savedHour = Number.NEGATIVE_INFINITY;
      this.#record?.forget(one);
    }
  }

  /** Cities with the newest observations come first; those beyond the limit are left out. */
  #chosen(): CityProgress[] {
    const all = [...this.#cities.values()].sort((a, b) => {
      if (a.observedAt !== b.observedAt) return a.observedAt > b.observedAt ? -1 : 1;
      return a.city < b.city ? -1 : 1;
    });
    return all.slice(0, this.#options.citiesMax);
  }

  #nextToLearn(): CityProgress | undefined {
    return this.#chosen().find(({ newest }) => newest === null);
  }

  #isDue(one: CityProgress): boolean {
    return one.newest !== null && this.#complete(one) > one.newest.hour;
  }

  #complete({ observedAt }: CityProgress): number {
    return completeHour(observedAt, this.#options.clock(), this.#options.waitSeconds);
  }

  /** What has come to the table since the last look. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { table, values } = this.#options;
    const snapshot = await table.refresh(signal);
    const before = this.#snapshot;
    if (snapshot.version < 0 || snapshot.version === before?.version) return;
    const changes = before === null ? null : await table.changes(before.version, snapshot);
    const isWhole = changes === null || changes.rowsRemoved;
    const newest = await values.newest(isWhole ? snapshot.files : changes.added, signal);
    if (isWhole) {
      for (const city of this.#cities.keys()) if (!newest.has(city)) this.#cities.delete(city);
    }
    for (const [city, observedAt] of newest) {
      const one = this.#cities.get(city);
      if (one === undefined) this.#cities.set(city, openProgress(city, observedAt));
      else if (isWhole || observedAt > one.observedAt) one.observedAt = observedAt;
    }
    if (isWhole || this.#isOld(changes)) {
      for (const one of this.#cities.values()) one.isChecked = one.newest === null;
    }
    this.#snapshot = snapshot;
  }

  /** Whether something came from before the hours in which corrections are looked for. */
  #isOld({ months, added }: Changes): boolean {
    const newest = [...this.#cities.values()].map(({ observedAt }) => observedAt).sort();
    const last = newest.at(-1) ?? '';
    const from = formatHour(hourOf(last) - KNOWN_HOURS);
    const isBefore = (time: string | null) => time !== null && time < from;
    return (
      months.some((month) => month < from.slice(0, 7)) ||
      added.some(({ observedAtMin }) => isBefore(observedAtMin))
    );
  }

  /** Cities whose older history has changed since it was learned are learned again. */
  async #check(signal: AbortSignal): Promise<void> {
    for (const one of this.#chosen()) {
      if (one.isChecked) continue;
      const isCurrent = one.newest === null || (await this.#isCurrent(one, one.newest, signal));
      one.isChecked = true;
      if (!isCurrent) await this.#rebuild(one, 'its history has changed');
    }
  }

  async #rebuild(one: CityProgress, why: string): Promise<void> {
    this.#options.logger.info(`learning ${one.city} again: ${why}`);
    await this.#options.forecasters.forget(one.city);
    one.newest = null;
    this.#record?.forget(one);
    this.#rebuilt += 1;
  }

  async #isCurrent(
    one: CityProgress,
    learned: Pick<Newest, 'from' | 'hour' | 'held' | 'late'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { values, historyDays } = this.#options;
    const complete = this.#complete(one);
    // A clock may go back by a little.
    if (learned.hour > complete + 1 || complete - learned.hour > GAP_HOURS_MAX) return false;
    const range = {
      after: Math.min(learned.from - 1, complete - historyDays * DAY_HOURS),
      ...{ to: learned.hour, since: learned.from },
    };
    const files = this.#snapshot?.files ?? [];
    const { before, after } = await values.count(files, one.city, range, signal);
    const differing = Math.abs(after - learned.held) - learned.late;
    return before <= DIFFERING_MAX && differing <= DIFFERING_MAX;
  }

  /** Goes on from the state on disk; null when it is missing or of no use. */
  async #resume(one: CityProgress, signal: AbortSignal): Promise<Fed | null> {
    const { forecasters, logger } = this.#options;
    const opened = await forecasters.open(one.city);
    if (opened.state === 'missing') return null;
    if (opened.state === 'damaged') {
      logger.warn(`learning ${one.city} again: ${opened.why}`);
      this.#rebuilt += 1;
      return null;
    }
    if (!(await this.#isCurrent(one, opened, signal))) {
      await this.#rebuild(one, 'its history has changed');
      return null;
    }
    one.savedHour = opened.hour;
    const first = firstHourOf(dayOf(opened.hour - KNOWN_HOURS));
    const range = { after: first - 1, to: this.#complete(one) };
    const rows = await this.#read([one.city], range, signal);
    const values = matrixOf(rows, first, Math.max(opened.hour, lastValued(rows) ?? 0));
    await forecasters.feed(one.city, first, values);
    return { first, values };
  }

  async #learn(one: CityProgress, signal: AbortSignal): Promise<Fed> {
    const { forecasters, values, historyDays } = this.#options;
    const last = this.#complete(one);
    const range = { after: last - historyDays * DAY_HOURS, to: last };
    await forecasters.begin(one.city);
    let next: number | null = null;
    let recent: HourRow[] = [];
    const since = firstHourOf(dayOf(last - 2 * KNOWN_HOURS));
    const files = this.#snapshot?.files ?? [];
    for await (const rows of values.read(files, [one.city], range, signal)) {
      const [first, end] = [rows[0]?.hour, rows.at(-1)?.hour];
      if (first === undefined || end === undefined) continue;
      next ??= first;
      await forecasters.feed(one.city, next, matrixOf(rows, next, end));
      next = end + 1;
      recent = [...recent, ...rows].filter(({ hour }) => hour >= since);
      signal.throwIfAborted();
    }
    // Rows that went meanwhile.
    if (next === null) await forecasters.feed(one.city, last, matrixOf([], last, last));
    return { first: since, values: matrixOf(recent, since, (next ?? since) - 1) };
  }

  async #read(
    cities: readonly string[],
    range: { readonly after: number; readonly to: number },
    signal: AbortSignal,
  ): Promise<HourRow[]> {
    const all: HourRow[] = [];
    const files = this.#snapshot?.files ?? [];
    for await (const rows of this.#options.values.read(files, cities, range, signal)) {
      all.push(...rows);
    }
    return all;
  }

  /** Cities that are about equally far. */
  async #advance(group: readonly CityProgress[], signal: AbortSignal): Promise<void> {
    const hours = group.map(({ newest }) => newest?.hour ?? 0);
    const first = firstHourOf(dayOf(Math.min(...hours) - KNOWN_HOURS));
    const last = Math.max(...group.map((one) => this.#complete(one)));
    const ids = group.map(({ city }) => city);
    const rows = await this.#read(ids, { after: first - 1, to: last }, signal);
    const byCity = Map.groupBy(rows, ({ city_id }) => city_id);
    for (const one of group) {
      signal.throwIfAborted();
      const own = (byCity.get(one.city) ?? []).filter(({ hour }) => hour <= this.#complete(one));
      // Hours without a value wait for one: until then the forecast before is the newest.
      const end = lastValued(own);
      if (end === undefined || end <= (one.newest?.hour ?? 0)) continue;
      const fed = { first, values: matrixOf(own, first, end) };
      await this.#options.forecasters.feed(one.city, first, fed.values);
      await this.#noteNewest(one, fed);
    }
    this.#logDrops(group);
  }

  async #noteNewest(one: CityProgress, { first, values }: Fed): Promise<void> {
    one.newest = await this.#options.forecasters.newest(one.city);
    one.isChecked = true;
    this.#record?.note(one, first, values);
  }

  async #hindcastsOf(city: string): Promise<CityProgress['hindcasts']> {
    const days = await this.#options.forecasters.hindcasts(city);
    return new Map(days.map(({ day, sums }) => [day, sums]));
  }

  #logDrops(group: readonly CityProgress[]): void {
    const all = group.flatMap(drops);
    if (all.length === 0) return;
    const named = all.slice(0, DROPS_LOGGED_MAX).join('; ');
    const more = all.length > DROPS_LOGGED_MAX ? `; and ${all.length - DROPS_LOGGED_MAX} more` : '';
    this.#options.logger.info(`a baseline is served instead of the learned model: ${named}${more}`);
  }

  /** Keeps, scores and publishes what is new; then the states of a day ago are out of date. */
  async #settle(): Promise<void> {
    await this.#record?.settle(this.#chosen(), this.#firstKept());
    for (const one of this.#cities.values()) {
      if (one.newest === null || one.newest.hour - one.savedHour < SAVE_EVERY_HOURS) continue;
      await this.#options.forecasters.save(one.city);
      one.savedHour = one.newest.hour;
    }
  }

  /** Before that hour forecasts are removed: by the newest observation, but never by one of the future. */
  #firstKept(): number {
    const { clock, waitSeconds, keepDays } = this.#options;
    const hours = this.#chosen().map((one) => this.#complete(one));
    const now = completeHour(clock().toISOString(), clock(), waitSeconds);
    const last = hours.length === 0 ? now : Math.min(now, Math.max(...hours));
    return firstHourOf(dayOf(last - keepDays * DAY_HOURS));
  }

  #meanError(): number | null {
    const errors = (this.#record?.published() ?? [])
      .filter(({ variable }) => variable === 'temperature_c')
      .flatMap(({ skill }) => skill.find(({ horizon_h }) => horizon_h === 24)?.mae ?? []);
    if (errors.length === 0) return null;
    return errors.reduce((sum, error) => sum + error, 0) / errors.length;
  }
}

/** Values that were learned, from the first hour of a day on. */
interface Fed {
  readonly first: number;
  readonly values: Float64Array;
}

/** The last hour with a value. */
function lastValued(rows: readonly HourRow[]): number | undefined {
  return rows.findLast(({ values }) => values.some((value) => !Number.isNaN(value)))?.hour;
}

/** Cities that one statement can read together. */
function groupsOf(cities: readonly CityProgress[]): CityProgress[][] {
  const upTo = ({ newest }: CityProgress) => newest?.hour ?? 0;
  const sorted = [...cities].sort((a, b) => upTo(a) - upTo(b));
  const groups: CityProgress[][] = [];
  for (const one of sorted) {
    const last = groups.at(-1);
    const first = last?.[0];
    if (last === undefined || first === undefined || upTo(one) - upTo(first) > TOGETHER_HOURS) {
      groups.push([one]);
    } else last.push(one);
  }
  return groups;
}
