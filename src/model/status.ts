/**
 * What an operator wants to know, room by room: `/api/status`, `isobar status` and the page show it.
 * Times are ISO 8601 in UTC; null means "not yet".
 */
export interface Status {
  readonly version: string;
  readonly started_at: string;
  readonly simulated: boolean;
  readonly data: string;
  /** The process that answers. */
  readonly process: ProcessStatus;
  readonly work: WorkStatus;
  readonly collector: CollectorStatus | null;
  readonly log: LogStatus;
  readonly landing: LandingStatus;
  readonly table: TableStatus;
  readonly analytics: AnalyticsStatus;
  readonly raw_export: ExportStatus | null;
}

export interface ProcessStatus {
  readonly pid: number;
  /** Memory of the machine that the process takes up: all that follows, and the program itself. */
  readonly resident_bytes: number;
  /** JavaScript's heap: values in use and not yet collected, and what is set apart for them. */
  readonly heap_used_bytes: number;
  readonly heap_bytes: number;
  /** Buffers outside of the heap. */
  readonly external_bytes: number;
  /** The embedded engine's, by its own names of what it is used for. */
  readonly engine_bytes: Readonly<Record<string, number>>;
  /** `analytics.memory_mib`; null for an engine elsewhere. */
  readonly engine_bytes_max: number | null;
  /** Files, connections and pipes; null where the system does not say. */
  readonly open_files: number | null;
  /** Log lines that standard error did not take. */
  readonly dropped_log_lines: number;
}

/** Who does what: the parts of the work that processes have leaseed, on whatever machine. */
export interface WorkStatus {
  readonly leases: readonly LeaseStatus[];
  /** Why the leases cannot be read; they are then the last ones known. */
  readonly error: RoomError | null;
}

export interface LeaseStatus {
  /** `collect` and `land`: offers to; `partition`: lands that one; the others: does that alone. */
  readonly role:
    | 'collect'
    | 'land'
    | 'partition'
    | 'analyze'
    | 'export'
    | 'maintain'
    | 'serve'
    | 'import';
  /** Of the partition, else which of those with that role it is. */
  readonly number: number;
  /** `silent`: no update for too long; another process takes over. */
  readonly state: 'live' | 'silent';
  readonly host: string;
  readonly pid: number;
  readonly command: string;
  readonly since: string;
  /** When its file was last written, by the lake's clock. */
  readonly last_sign_at: string;
}

/**
 * `key_not_active`: refused, but so new that it may become active; `key_refused`: refused for over
 * two hours or after it had worked; `budget_spent`: our own budget; `quota`: the provider's;
 * `rejecting`: no answer of any city can be used.
 */
export type CollectorState =
  | 'starting'
  | 'live'
  | 'paused'
  | 'key_not_active'
  | 'key_refused'
  | 'quota'
  | 'budget_spent'
  | 'provider_down'
  | 'log_full'
  | 'rejecting'
  | 'stopped';

export interface CollectorStatus {
  readonly source: string;
  readonly state: CollectorState;
  /** One sentence for people: what the matter is and what happens next. */
  readonly message: string;
  readonly city_count: number;
  readonly last_checked_at: string | null;
  readonly last_observed_at: string | null;
  readonly next_poll_at: string | null;
  readonly calls: {
    readonly minute: CallCount;
    readonly day: CallCount;
    readonly month: CallCount;
  };
  /** Cities in trouble, with the reason (`city unknown`, …); at most 100. */
  readonly troubled: readonly { readonly city_id: string; readonly reason: string }[];
  /** Fields that could not be used since the start; the rest of their answers was kept. */
  readonly rejected_fields: readonly RejectedFieldCount[];
}

export interface RejectedFieldCount {
  readonly field: string;
  readonly reason: string;
  readonly answers: number;
  /** The value that came last. */
  readonly example: string;
}

export interface CallCount {
  readonly used: number;
  readonly limit: number;
}

export interface LogStatus {
  readonly engine: string;
  readonly id: string;
  readonly bytes: number;
  /** 0 when the log has no limit of its own. */
  readonly bytes_max: number;
  readonly full: boolean;
  readonly partitions: readonly {
    readonly partition: number;
    readonly first: number;
    readonly next: number;
    /** Records that have not landed. */
    readonly waiting: number;
    /** Age of the oldest of them in seconds: the lag in time; 0 when nothing waits. */
    readonly lag_s: number;
    /** Seconds until the oldest of them is removed although it has not landed; null: never. */
    readonly expires_in_s: number | null;
  }[];
  /** Records that wait on this machine in front of a log elsewhere; null where none can. */
  readonly spool: SpoolStatus | null;
  /** Why the log cannot be reached; the numbers are then the last ones known. */
  readonly error: RoomError | null;
}

export interface SpoolStatus {
  readonly records: number;
  readonly bytes: number;
  readonly bytes_max: number;
  /** When the oldest of them came. */
  readonly since: string | null;
}

export interface LandingStatus {
  readonly last_landed_at: string | null;
  readonly last_rows: number;
  readonly error: RoomError | null;
}

export interface TableStatus {
  readonly version: number;
  readonly committed_at: string | null;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** Rejected records by reason, `invalid: …` joined under `invalid`. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Why the lake cannot be read; the numbers are then the last ones known. */
  readonly error: RoomError | null;
}

export interface AnalyticsStatus {
  readonly engine: string;
  readonly version: number;
  readonly table_version: number;
  readonly computed_at: string | null;
  /** What is in effect in the engine; null until a computing process has reported it. */
  readonly facts: {
    readonly version: string | null;
    readonly properties: Readonly<Record<string, string>>;
  } | null;
  /** Tasks of the statement that runs now, where the engine reports them. */
  readonly progress: { readonly done: number; readonly of: number } | null;
  readonly error: RoomError | null;
}

export interface ExportStatus {
  readonly table_version: number;
  readonly exported_at: string | null;
  readonly error: RoomError | null;
}

export interface RoomError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly since: string;
}
