import type { Columns, ColumnType } from '../sql/engine.ts';

/**
 * The table: what other rooms may know of `observations` (and `rejected`, `cities`).
 *
 * A table is a chain of commits numbered from 0; a snapshot is the state after one of them and
 * never changes. Readers take one snapshot and stay with it for one answer. Files never change
 * under their name; vacuum removes them only `table.keep_days` after no version uses them.
 */
export interface Table {
  /** The newest snapshot; reads only the commits since the last call. Rejects with TABLE_CORRUPT,
   *  TABLE_GAP, TABLE_NEWER or TABLE_FOREIGN, LAKE_UNAVAILABLE: nothing was changed. */
  refresh(signal?: AbortSignal): Promise<Snapshot>;

  /** The newest snapshot this process has seen, without looking again; null before `refresh`. */
  readonly latest: Snapshot | null;

  /**
   * What was changed by the commits after `fromVersion` up to the snapshot's version, or null when
   * those commits are no longer all there (then start from the snapshot as a whole). Compaction
   * changes no row and is left out.
   */
  changes(fromVersion: number, to: Snapshot): Promise<Changes | null>;

  /** Paths on this machine of these data files, for a SqlSession's `define`. */
  localPaths(files: readonly DataFile[]): Promise<string[]>;
}

export interface Snapshot {
  /** −1 for a table that does not exist yet; it has no file then. */
  readonly version: number;
  /** When the commit was made, by its writer's clock; null for version −1. */
  readonly committedAt: Date | null;
  /** Live data files, ordered by path. */
  readonly files: readonly DataFile[];
  /** appId → version: the last offset that landed, of every log and partition. */
  readonly transactions: ReadonlyMap<string, number>;
  readonly rowCount: number;
  readonly simulated: boolean;
}

export interface DataFile {
  /** Relative to the table's folder, decoded: `observed_month=2024-10/part-….parquet`. */
  readonly path: string;
  /** Relative to the storage. */
  readonly storagePath: string;
  /** `2024-10`; null in a table without partitions. */
  readonly month: string | null;
  readonly bytes: number;
  readonly rows: number;
  /** Of `city_id` and `observed_at`, null when the file has no statistics. ISO 8601. */
  readonly cityIdMin: string | null;
  readonly cityIdMax: string | null;
  readonly observedAtMin: string | null;
  readonly observedAtMax: string | null;
}

export interface Changes {
  /** Months in which rows were added or replaced. */
  readonly months: readonly string[];
  /** Files added since and still live; those of a compaction among them may hold older rows, too. */
  readonly added: readonly DataFile[];
  /** Whether rows were only added: then all new ones are in `added`. */
  readonly onlyAdded: boolean;
  /** Whether observations were taken away without another version in their place. */
  readonly rowsRemoved: boolean;
}

/**
 * The columns of `observations` in order. `observed_month` is the partition column. `import_id` and
 * `import_row` say which row of which import it was; NULL for live data. `rejected_fields` is a JSON
 * list of the measurements that were not used: `[{"field":…,"value":…,"reason":…}]`.
 */
export const OBSERVATION_COLUMNS = {
  city_id: 'VARCHAR',
  city: 'VARCHAR',
  country: 'VARCHAR',
  observed_at: 'TIMESTAMPTZ',
  collected_at: 'TIMESTAMPTZ',
  source: 'VARCHAR',
  interval_s: 'INTEGER',
  hour_utc: 'INTEGER',
  hour_local: 'INTEGER',
  temperature_c: 'DOUBLE',
  feels_like_c: 'DOUBLE',
  humidity_pct: 'DOUBLE',
  pressure_hpa: 'DOUBLE',
  wind_speed_ms: 'DOUBLE',
  wind_gust_ms: 'DOUBLE',
  wind_direction_deg: 'DOUBLE',
  cloud_cover_pct: 'DOUBLE',
  visibility_m: 'DOUBLE',
  rain_1h_mm: 'DOUBLE',
  snow_1h_mm: 'DOUBLE',
  condition_id: 'INTEGER',
  condition: 'VARCHAR',
  utc_offset_s: 'INTEGER',
  provider_city_id: 'BIGINT',
  log_id: 'VARCHAR',
  log_partition: 'INTEGER',
  log_offset: 'BIGINT',
  import_id: 'BIGINT',
  import_row: 'BIGINT',
  rejected_fields: 'VARCHAR',
  response: 'VARCHAR',
} as const satisfies Record<string, ColumnType>;

/** Columns that tables did not have from the first schema on. */
const SINCE_SCHEMA: Readonly<Record<string, number>> = {
  import_id: 2,
  import_row: 2,
  rejected_fields: 2,
  by_import_id: 2,
  elevation_m: 3,
};

/** Those of a table's columns that it had in this schema. */
export function columnsOfSchema(schema: number, columns: Columns): Columns {
  const known = Object.entries(columns).filter(([name]) => (SINCE_SCHEMA[name] ?? 1) <= schema);
  return Object.fromEntries(known);
}

/**
 * The columns of `rejected`. `reason` is `duplicate`, `superseded`, `undone`, `invalid: …` or
 * `lost`; `detail` says more (for a lost range: its last offset); `bytes` holds the record as text,
 * of an invalid one the first 64 KiB (bytes that are not UTF-8 as hexadecimal digits after `hex:`).
 * `import_id` is the import that it came with, `by_import_id` the one whose version took its place.
 */
export const REJECTED_COLUMNS = {
  log_id: 'VARCHAR',
  log_partition: 'INTEGER',
  log_offset: 'BIGINT',
  log_offset_last: 'BIGINT',
  reason: 'VARCHAR',
  city_id: 'VARCHAR',
  observed_at: 'TIMESTAMPTZ',
  collected_at: 'TIMESTAMPTZ',
  detail: 'VARCHAR',
  bytes: 'VARCHAR',
  length: 'BIGINT',
  sha256: 'VARCHAR',
  import_id: 'BIGINT',
  by_import_id: 'BIGINT',
} as const satisfies Record<string, ColumnType>;

/** The columns of `cities`. */
export const CITY_COLUMNS = {
  city_id: 'VARCHAR',
  name: 'VARCHAR',
  country: 'VARCHAR',
  latitude: 'DOUBLE',
  longitude: 'DOUBLE',
  elevation_m: 'DOUBLE',
  time_zone: 'VARCHAR',
  source: 'VARCHAR',
} as const satisfies Record<string, ColumnType>;

/** The columns of `imports`; `inputs` is a JSON list of `{path, bytes, sha256}`. */
export const IMPORT_COLUMNS = {
  import_id: 'BIGINT',
  source: 'VARCHAR',
  state: 'VARCHAR',
  started_at: 'TIMESTAMPTZ',
  ended_at: 'TIMESTAMPTZ',
  inputs: 'VARCHAR',
  options: 'VARCHAR',
  records: 'BIGINT',
  landed: 'BIGINT',
  replaced: 'BIGINT',
  duplicate: 'BIGINT',
  superseded: 'BIGINT',
  invalid: 'BIGINT',
} as const satisfies Record<string, ColumnType>;

/** The columns of `collecting`. */
export const COLLECTING_COLUMNS = {
  stretch_id: 'VARCHAR',
  began_at: 'TIMESTAMPTZ',
  ended_at: 'TIMESTAMPTZ',
  activity: 'VARCHAR',
  reason: 'VARCHAR',
} as const satisfies Record<string, ColumnType>;

/** The columns of `incidents`; `subjects`, `evidence` and `notified` are JSON lists. */
export const INCIDENT_COLUMNS = {
  incident_id: 'VARCHAR',
  rule: 'VARCHAR',
  rule_version: 'VARCHAR',
  severity: 'VARCHAR',
  state: 'VARCHAR',
  city_id: 'VARCHAR',
  city: 'VARCHAR',
  subjects: 'VARCHAR',
  summary: 'VARCHAR',
  variable: 'VARCHAR',
  value: 'DOUBLE',
  threshold: 'DOUBLE',
  unit: 'VARCHAR',
  evidence: 'VARCHAR',
  began_at: 'TIMESTAMPTZ',
  opened_at: 'TIMESTAMPTZ',
  acknowledged_at: 'TIMESTAMPTZ',
  acknowledged_by: 'VARCHAR',
  note: 'VARCHAR',
  resolved_at: 'TIMESTAMPTZ',
  inhibited_by: 'VARCHAR',
  notified: 'VARCHAR',
  simulated: 'BOOLEAN',
} as const satisfies Record<string, ColumnType>;
