import type { AlertDesk } from '../alerts/desk.ts';
import type { DatasetRows } from '../analytics/export.ts';
import type { PublishedVersion } from '../analytics/published.ts';
import type { Config } from '../config/schema.ts';
import type { Engines } from '../engines/engine-probe.ts';
import type { LatestForecasts } from '../forecast/latest.ts';
import type { AnomalySearch } from '../index/answering.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import type { City } from '../model/city.ts';
import type { HourSums } from '../model/hours.ts';
import type { Stretch } from '../model/outages.ts';
import type { Explanation } from '../model/provenance.ts';
import type { RoomError, Status } from '../model/status.ts';
import type { Asked } from '../provenance/explain.ts';
import type { Columns, SqlEngine } from '../sql/engine.ts';
import type { Snapshot, Table } from '../table/table.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { ApiAccess } from './access.ts';
import type { SharedCache } from './shared/cache.ts';
import type { RateLimits } from './shared/rate-limits.ts';
import type { Certificate } from './tls/certificate.ts';

/** What the API needs from the other rooms; `pipeline.ts` brings it together. */
export interface ApiContext {
  readonly config: Config['api'];
  /** The program's own version. */
  readonly version: string;
  /** Null for plain HTTP. Closed by whoever opened it, after the app. */
  readonly certificate: Certificate | null;
  /** Whether this data root holds made-up observations. */
  readonly simulated: boolean;
  /** Folder of the built page; null answers `/` with a hint. */
  readonly webFolder: string | null;
  readonly table: Pick<Table, 'refresh' | 'latest' | 'changes' | 'localPaths'>;
  /** The columns of `observations`, in order. */
  readonly columns: Columns;
  readonly engine: Pick<SqlEngine, 'session'>;
  readonly publications: Publications;
  /** Closed by whoever opened it, after the app; null where every server computes for itself. */
  readonly sharedCache: SharedCache | null;
  /** Counts what clients ask; null where nothing is limited. Closed with the app. */
  readonly rateLimits: RateLimits | null;
  /** What is behind a number; one call does not wait for another. Rejects as the room does. */
  explain(asked: Asked, signal?: AbortSignal): Promise<Explanation>;
  /** What answers questions about the anomalies. */
  readonly search: AnomalySearch;
  /** The newest forecasts; null where they are switched off. */
  readonly forecasts: { latest(): Promise<LatestForecasts> } | null;
  /** The log's tail; null where there is none to follow: then no event `observation` comes. */
  readonly log: LogTail | null;
  /** The last offset of this partition of `log` that had landed in the snapshot, else null. */
  lastLanded(snapshot: Snapshot, partition: number): number | null;
  /** The cities that are watched or were imported. The same array as long as nothing changed. */
  cities(): readonly City[];
  status(): Promise<Status>;
  /** What the collectors did over time, as far as it is recorded and known here. */
  collecting(): Promise<readonly Stretch[]>;
  /** Incidents and rules; null where alerts are switched off. */
  readonly alerts: AlertDesk | null;
  /** Asks for a login; null where the server is open. */
  readonly access: ApiAccess | null;
  /** The services that are watched; null where none are. */
  readonly engines: Engines | null;
  /** What the stream has summed up; null where it is switched off. */
  readonly recentHours: StreamedHours | null;
  /** Null where no collector runs in this process. */
  readonly controls: Controls | null;
  /**
   * Calls the listener soon after each landing and each publication of this process. Whether it
   * is called or not, the API looks for new versions every `pollMs`. Resolves to the way out.
   */
  onChange?(listener: () => void): () => void;
  readonly logger: Logger;
  /** Undefined when no spans are exported. */
  readonly tracer?: Tracer | undefined;
  readonly clock?: () => Date;
  /** Milliseconds between two checks for a new version; 1,000 by default. */
  readonly pollMs?: number;
}

export interface StreamedHours {
  /** `city|hour` → its sums, as of the last `refresh`. */
  readonly sums: ReadonlyMap<string, HourSums>;
  /** Grows with each change. */
  readonly version: number;
  /** Reads what has come since; rejects as the log does. */
  refresh(): Promise<void>;
}

export type LogTail = Pick<Log, 'id' | 'partitionCount' | 'read' | 'range' | 'follow'>;

/** The published analytics. */
export interface Publications {
  /** The newest complete publication, or null before the first. Rejects as the storage does. */
  latest(signal?: AbortSignal): Promise<Publication | null>;

  /** What the last run failed with; null when it succeeded. The last good version stays. */
  readonly failure: RoomError | null;

  /**
   * The rows of a dataset over the observations of these cities (all when empty) from `from`
   * (inclusive) to `to` (exclusive), by the same SQL as the published ones. Called one at a time;
   * the snapshot's files are those that may hold such observations.
   */
  compute<D extends RangedDataset>(
    dataset: D,
    snapshot: Snapshot,
    selection: SoundSelection,
    signal?: AbortSignal,
  ): Promise<readonly DatasetRows[D][]>;
}

/** One publication; it never changes. */
export type Publication = PublishedVersion;

/** Without the values that failed quality control. */
export interface SoundSelection extends Selection {
  /** Local paths of the files with the values that are left out. */
  readonly flags: readonly string[];
}

/** The datasets that a range recomputes. */
export type RangedDataset = 'city_statistics' | 'hourly_trends';

export interface Selection {
  readonly cities: readonly string[];
  /** ISO 8601 in UTC, or null for no limit. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface Controls {
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Lands what waits and computes the analytics anew; resolves when that has been asked for. */
  refreshNow(): Promise<void>;
}
