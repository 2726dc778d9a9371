/** What alert rules ask the lake: history, what is usual, published anomalies, availability. */

import type { Observed } from '../alerts/alert-loop.ts';
import type { EvaluationFacts, Needs } from '../alerts/evaluate.ts';
import type { Usual, Values } from '../alerts/judging.ts';
import { openPublished } from '../analytics/published.ts';
import { type Newest, readGaps, readingRange } from '../api/gaps.ts';
import { fillQuery, loadQuery, selectFiles } from '../api/reader.ts';
import { LEAST_VALUES } from '../api/routes/climate.ts';
import { type LatestForecasts, openLatest } from '../forecast/latest.ts';
import type { AnomalyEvent } from '../model/anomaly-events.ts';
import { stationShares } from '../model/availability.ts';
import type { City } from '../model/city.ts';
import type { Anomaly } from '../model/datasets.ts';
import { type CityForecast, type ForecastVariable, forecastKey } from '../model/forecast.ts';
import { notCollectedS, type Piece, timelineOf } from '../model/gaps.ts';
import type { Stretch } from '../model/outages.ts';
import type { QualityFlag } from '../model/quality.ts';
import { formatTime, zoneOffsets } from '../model/time-zone.ts';
import { VARIABLE_NAMES, type VariableName } from '../model/variables.ts';
import type { SqlSession } from '../sql/engine.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import type { Workspace } from './workspace.ts';

export interface AlertFacts extends EvaluationFacts {
  refresh(evaluation: { readonly needs: Needs }, now: number): Promise<void>;
  history(since: number): Promise<readonly Observed[]>;
  /** Time of the newest observation of all cities; null without any. */
  newestAt(): Promise<number | null>;
}

const DAY_MS = 86_400_000;
const USUAL_EVERY_MS = DAY_MS;
const AVAILABILITY_EVERY_MS = 600_000;
const TIMELINE_EVERY_MS = 60_000;
const CLIMATOLOGY_SQL = loadQuery('climatology');
const OVER_MS = { day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS } as const;
/** Flags, and events, that are looked at, newest first. */
const FINDINGS_MAX = 20_000;
/** Of events that last longer the beginning is not found. */
const EVENT_MS_MAX = 7 * DAY_MS;
type Over = keyof typeof OVER_MS;

const HISTORY_SQL = `
  SELECT city_id, observed_at, ${VARIABLE_NAMES.join(', ')}
  FROM observations
  WHERE observed_at >= CAST($since AS TIMESTAMPTZ)
  UNION ALL
  SELECT city_id, max(observed_at), ${VARIABLE_NAMES.map((name) => `arg_max(${name}, observed_at)`).join(', ')}
  FROM observations
  WHERE observed_at < CAST($since AS TIMESTAMPTZ)
  GROUP BY city_id
  ORDER BY observed_at, city_id`;

/** One row per city: its newest observation. */
const NEWEST_SQL = `
  SELECT city_id, epoch(max(observed_at)) AS at,
    CAST(arg_max(coalesce(interval_s, 3600), observed_at) AS DOUBLE) AS step,
    arg_max(source, observed_at) AS source
  FROM observations GROUP BY city_id`;

/** Cities whose availability is read at once. */
const CITIES_AT_ONCE = 1_000;

export async function openAlertFacts(
  workspace: Workspace,
  cities: () => readonly City[],
  collecting: () => Promise<readonly Stretch[]>,
): Promise<AlertFacts> {
  return new LakeFacts(workspace, cities, collecting, await workspace.session());
}

class LakeFacts implements AlertFacts {
  readonly #workspace: Workspace;
  readonly #cities: () => readonly City[];
  readonly #collecting: () => Promise<readonly Stretch[]>;
  readonly #session: SqlSession;
  readonly #published;
  readonly #usual = new Map<string, Usual>();
  readonly #availability = new Map<string, number>();
  readonly #zones = new Map<string, (at: number) => number>();
  #anomalies: ReadonlyMap<string, readonly Anomaly[]> = new Map();
  #anomalyVersion = 0;
  #flags: Findings<QualityFlag> = UNKNOWN;
  #events: Findings<AnomalyEvent> = UNKNOWN;
  readonly #latest;
  #forecasts: LatestForecasts['forecasts'] = new Map();
  #timeline: readonly Piece[] = timelineOf([]);
  #timelineAt = Number.NEGATIVE_INFINITY;
  #usualAt = Number.NEGATIVE_INFINITY;
  #availabilityAt = Number.NEGATIVE_INFINITY;

  constructor(
    workspace: Workspace,
    cities: () => readonly City[],
    collecting: () => Promise<readonly Stretch[]>,
    session: SqlSession,
  ) {
    this.#workspace = workspace;
    this.#cities = cities;
    this.#collecting = collecting;
    this.#session = session;
    this.#published = openPublished(workspace.storage, session);
    this.#latest = openLatest(workspace.storage, 0);
  }

  usual(cityId: string, variable: VariableName, at: number): Usual | null {
    const local = new Date(at + this.#offsetOf(cityId, at) * 1_000);
    const key = `${cityId}\n${variable}\n${local.getUTCMonth() + 1}\n${local.getUTCHours()}`;
    return this.#usual.get(key) ?? null;
  }

  anomalies(cityId: string, at: number): readonly Anomaly[] {
    const found = this.#anomalies.get(cityId) ?? [];
    return found.filter(({ observed_at }) => Date.parse(observed_at) === at);
  }

  flags(cityId: string): readonly QualityFlag[] | null {
    return this.#flags.rows === null ? null : (this.#flags.rows.get(cityId) ?? []);
  }

  events(cityId: string): readonly AnomalyEvent[] | null {
    return this.#events.rows === null ? null : (this.#events.rows.get(cityId) ?? []);
  }

  availability(cityId: string, over: Over): number | null {
    return this.#availability.get(`${cityId}\n${over}`) ?? null;
  }

  forecast(cityId: string, variable: ForecastVariable): CityForecast | null {
    return this.#forecasts.get(forecastKey(cityId, variable)) ?? null;
  }

  stoppedMs(from: number, to: number): number {
    return 1_000 * notCollectedS(this.#timeline, from / 1_000, to / 1_000);
  }

  async refresh({ needs }: { readonly needs: Needs }, now: number): Promise<void> {
    if (now - this.#timelineAt >= TIMELINE_EVERY_MS) {
      this.#timeline = timelineOf(await this.#collecting());
      this.#timelineAt = now;
    }
    if (needs.anomalies) await this.#readAnomalies();
    if (needs.flagsMs > 0 || needs.eventsMs > 0) await this.#readFindings(needs, now);
    if (needs.forecasts) this.#forecasts = (await this.#latest.latest()).forecasts;
    if (needs.usual.length > 0 && now - this.#usualAt >= USUAL_EVERY_MS) {
      for (const variable of needs.usual) await this.#readUsual(variable, now);
      this.#usualAt = now;
    }
    if (needs.availability && now - this.#availabilityAt >= AVAILABILITY_EVERY_MS) {
      for (const over of Object.keys(OVER_MS) as Over[]) await this.#readAvailability(over, now);
      this.#availabilityAt = now;
    }
  }

  async history(since: number): Promise<readonly Observed[]> {
    type HistoryRow = Values & { readonly city_id: string; readonly observed_at: string };
    await this.#define(null);
    const parameters = { since: formatTime(new Date(since)) };
    const rows = await this.#session.query<HistoryRow>(HISTORY_SQL, parameters);
    return rows.map(({ city_id, observed_at, ...values }) => ({
      cityId: city_id,
      point: { at: Date.parse(observed_at), values },
    }));
  }

  async newestAt(): Promise<number | null> {
    const { files } = await this.#workspace.observations.refresh();
    const times = files.flatMap(({ observedAtMax }) =>
      observedAtMax === null ? [] : [Date.parse(observedAtMax)],
    );
    return times.length === 0 ? null : Math.max(...times);
  }

  async #readAnomalies(): Promise<void> {
    const latest = await this.#published.latest();
    if (latest === null || latest.version === this.#anomalyVersion) return;
    this.#anomalies = Map.groupBy(await latest.rows('anomalies'), ({ city_id }) => city_id);
    this.#anomalyVersion = latest.version;
  }

  async #readFindings({ flagsMs, eventsMs }: Needs, now: number): Promise<void> {
    const latest = await this.#published.latest();
    if (latest === null) return;
    const all = { cities: [], variables: [], to: null, after: null, limit: FINDINGS_MAX };
    const since = (ms: number) => formatTime(new Date(now - ms));
    if (flagsMs > 0 && latest.version !== this.#flags.version) {
      const asked = { ...all, from: since(flagsMs), tests: [], verdict: null };
      const rows = latest.quality === null ? null : await latest.flags(asked);
      this.#flags = findings(latest.version, rows);
    }
    if (eventsMs > 0 && latest.version !== this.#events.version) {
      // They are found by their beginning, and some last for days.
      const asked = { ...all, from: since(eventsMs + EVENT_MS_MAX), classes: [], severities: [] };
      const rows = latest.judgedMonths.length === 0 ? null : await latest.events(asked);
      this.#events = findings(latest.version, rows);
    }
  }

  async #readUsual(variable: VariableName, now: number): Promise<void> {
    type UsualRow = Usual & {
      readonly city_id: string;
      readonly month: number;
      readonly hour: number;
    };
    await this.#define(null);
    const sql = fillQuery(CLIMATOLOGY_SQL, { value: variable });
    const rows = await this.#session.query<UsualRow>(sql, {
      to: formatTime(new Date(now)),
      cities: this.#cities()
        .map(({ city_id }) => city_id)
        .join(','),
      least: LEAST_VALUES,
    });
    for (const { city_id, month, hour, low, median, high } of rows) {
      this.#usual.set(`${city_id}\n${variable}\n${month}\n${hour}`, { low, median, high });
    }
  }

  /** As `station_pct` of `/api/availability` has it. */
  async #readAvailability(over: Over, now: number): Promise<void> {
    const range = { from: Math.floor((now - OVER_MS[over]) / 1_000), to: Math.floor(now / 1_000) };
    const ids = this.#cities().map(({ city_id }) => city_id);
    await this.#define(null);
    const newest = new Map(
      (await this.#session.query<Newest & { city_id: string }>(NEWEST_SQL, {})).map((row) => [
        row.city_id,
        row,
      ]),
    );
    await this.#define(Date.parse(readingRange({ ...range, now: range.to }).from));
    for (let at = 0; at < ids.length; at += CITIES_AT_ONCE) {
      const cities = ids.slice(at, at + CITIES_AT_ONCE);
      const asked = { ...range, now: range.to, cities, newest, timeline: this.#timeline };
      const { counts, runs } = await readGaps(
        (sql, parameters) => this.#session.query(sql, parameters),
        asked,
      );
      const shares = stationShares(counts, runs, range);
      for (const city of cities) {
        const key = `${city}\n${over}`;
        const share = shares.get(city);
        if (share === undefined) this.#availability.delete(key);
        else this.#availability.set(key, share);
      }
    }
  }

  /** Makes the view `observations`; from that time on where one is given. */
  async #define(from: number | null): Promise<void> {
    const { observations } = this.#workspace;
    const { files } = await observations.refresh();
    const since = from === null ? null : formatTime(new Date(from));
    const selected = selectFiles(files, { cities: [], from: since, to: null });
    const paths = await observations.localPaths(selected);
    await this.#session.define('observations', paths, OBSERVATION_COLUMNS);
  }

  #offsetOf(cityId: string, at: number): number {
    let offset = this.#zones.get(cityId);
    if (offset === undefined) {
      const city = this.#cities().find(({ city_id }) => city_id === cityId);
      offset = zoneOffsets(city?.time_zone ?? 'UTC');
      this.#zones.set(cityId, offset);
    }
    return offset(at);
  }
}

/** `rows` by city; null where they were not looked for. */
interface Findings<R> {
  readonly version: number;
  readonly rows: ReadonlyMap<string, readonly R[]> | null;
}

const UNKNOWN = { version: 0, rows: null };

function findings<R extends { readonly city_id: string }>(
  version: number,
  rows: readonly R[] | null,
): Findings<R> {
  return { version, rows: rows === null ? null : Map.groupBy(rows, ({ city_id }) => city_id) };
}

/** The measurements of a row, whatever else it has. */
export function valuesOf(row: Readonly<Record<string, unknown>>): Values {
  return Object.fromEntries(
    VARIABLE_NAMES.map((name) => [name, (row[name] ?? null) as number | null]),
  );
}
