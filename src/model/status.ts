/**
 * What an operator wants to know, room by room: `/api/status`, `isobar status` and the page show it.
 * Times are ISO 8601 in UTC; null means "not yet". With an error the numbers are the last ones known.
 */
import { Type } from 'typebox';
import { IncidentCountsSchema } from './alerts.ts';
import { ForecastCountsSchema } from './forecast.ts';
import { QualityStatusSchema } from './quality.ts';
import { type Of, record, time, timeOrNull } from './schema.ts';

export const RoomErrorSchema = record(
  {
    code: Type.String({ description: 'Stable name of the error, see docs/errors.md.' }),
    message: Type.String(),
    remedy: Type.String(),
    since: time(),
  },
  'What a room fails with.',
);

export const errorOrNull = Type.Union([RoomErrorSchema, Type.Null()]);
const CallCountSchema = record(
  { used: Type.Number(), limit: Type.Number() },
  'Calls of the provider.',
);

/**
 * `key_not_active`: refused, but so new that it may become active; `key_refused`: refused for over
 * two hours or after it had worked; `budget_spent`: our own budget; `quota`: the provider's;
 * `rejecting`: no answer of any city can be used.
 */
export const COLLECTOR_STATES = [
  'starting',
  'live',
  'paused',
  'key_not_active',
  'key_refused',
  'quota',
  'budget_spent',
  'provider_down',
  'log_full',
  'rejecting',
  'stopped',
] as const;
const CollectorStateSchema = Type.Enum([...COLLECTOR_STATES]);

const CollectorStatusSchema = record(
  {
    source: Type.String(),
    state: CollectorStateSchema,
    message: Type.String({ description: 'What the matter is and what happens next.' }),
    city_count: Type.Integer(),
    last_checked_at: timeOrNull(),
    last_observed_at: timeOrNull(),
    next_poll_at: timeOrNull(),
    calls: record(
      { minute: CallCountSchema, day: CallCountSchema, month: CallCountSchema },
      'Calls used, and their limits.',
    ),
    troubled: Type.Array(record({ city_id: Type.String(), reason: Type.String() }, 'One city.'), {
      description: 'Cities in trouble, with the reason; at most 100.',
    }),
    rejected_fields: Type.Array(
      record(
        {
          field: Type.String(),
          reason: Type.String(),
          answers: Type.Integer(),
          example: Type.String({ description: 'The value that came last.' }),
        },
        'One field and reason.',
      ),
      { description: 'Fields that could not be used since the start.' },
    ),
  },
  'The collector.',
);

const SpoolSchema = record(
  {
    records: Type.Number(),
    bytes: Type.Number(),
    bytes_max: Type.Number(),
    since: timeOrNull(),
  },
  'Records that wait on this machine while the log cannot be reached.',
);

const LogStatusSchema = record(
  {
    engine: Type.String(),
    id: Type.String(),
    bytes: Type.Number(),
    bytes_max: Type.Number({ description: '0 when the log has no limit of its own.' }),
    full: Type.Boolean(),
    partitions: Type.Array(
      record(
        {
          partition: Type.Integer(),
          first: Type.Number(),
          next: Type.Number(),
          waiting: Type.Number({ description: 'Records that have not landed.' }),
          lag_s: Type.Number({ description: 'Age of the oldest of them in seconds.' }),
          expires_in_s: Type.Union([Type.Number(), Type.Null()], {
            description: 'Seconds until it is removed although it has not landed; null: never.',
          }),
        },
        'One partition.',
      ),
    ),
    spool: Type.Union([SpoolSchema, Type.Null()]),
    error: errorOrNull,
  },
  'The log.',
);

const LeaseSchema = record(
  {
    role: Type.Enum(
      [
        ...(['collect', 'land', 'partition', 'analyze', 'export', 'maintain'] as const),
        ...(['index', 'alert', 'stream', 'forecast', 'serve', 'import'] as const),
      ],
      {
        description:
          '`land` and `serve`: offers to; `partition`: lands that one; the others: does that alone.',
      },
    ),
    number: Type.Integer({
      description: 'Of the partition, else which of those with that role it is.',
    }),
    state: Type.Enum(['live', 'silent'], {
      description: '`silent`: no heartbeat for too long; another process takes over.',
    }),
    host: Type.String(),
    pid: Type.Integer(),
    command: Type.String(),
    since: time(),
    last_sign_at: time('By the lake’s clock.'),
  },
  'A part of the work, and the process that does it.',
);

const FactsSchema = record(
  {
    version: Type.Union([Type.String(), Type.Null()]),
    properties: Type.Record(Type.String(), Type.String()),
  },
  'What is in effect in the engine; null until the process that computes has reported it.',
);

const ProcessSchema = record(
  {
    pid: Type.Integer(),
    resident_bytes: Type.Number({ description: 'Memory of the machine that it takes up.' }),
    heap_used_bytes: Type.Number({ description: 'JavaScript’s values.' }),
    heap_bytes: Type.Number({ description: 'Set apart for them.' }),
    external_bytes: Type.Number({ description: 'Buffers outside of the heap.' }),
    engine_bytes: Type.Record(Type.String(), Type.Number(), {
      description: 'The embedded engine’s, by its own names of their use.',
    }),
    engine_bytes_max: Type.Union([Type.Number(), Type.Null()], {
      description: 'Its limit: `analytics.memory_mib`.',
    }),
    open_files: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Files, connections and pipes; null where the system does not say.',
    }),
    dropped_log_lines: Type.Integer({
      description: 'Log lines that standard error did not take.',
    }),
  },
  'The process that answers.',
);

const ProgressSchema = record(
  { done: Type.Integer(), of: Type.Integer() },
  'Tasks of the statement that runs now, where the engine reports them.',
);

const WorkStatusSchema = record(
  { leases: Type.Array(LeaseSchema), error: errorOrNull },
  'The leases that processes hold, on whatever machine.',
);

const LandingStatusSchema = record(
  { last_landed_at: timeOrNull(), last_rows: Type.Number(), error: errorOrNull },
  'Landing.',
);

const TableStatusSchema = record(
  {
    version: Type.Integer(),
    committed_at: timeOrNull(),
    rows: Type.Number(),
    files: Type.Number(),
    bytes: Type.Number(),
    rejected: Type.Record(Type.String(), Type.Number(), {
      description: 'Rejected records by reason; `invalid: …` joined under `invalid`.',
    }),
    error: errorOrNull,
  },
  'The table.',
);

export const RecomputationSchema = record(
  {
    engine: Type.String(),
    version: Type.Integer({ description: 'The version of the analytics that was compared.' }),
    months: Type.Integer({ description: 'Months whose rows were read.' }),
    recomputed_at: timeOrNull(),
    seconds: Type.Union([Type.Number(), Type.Null()]),
    differences: Type.Integer({ description: 'Values that differ; at most a few are counted.' }),
    error: errorOrNull,
  },
  'What the second engine computed again, and whether the numbers were the same.',
);

const AnalyticsStatusSchema = record(
  {
    engine: Type.String({ description: 'The engine of large computations.' }),
    version: Type.Integer(),
    table_version: Type.Integer(),
    computed_at: timeOrNull(),
    facts: Type.Union([FactsSchema, Type.Null()]),
    progress: Type.Union([ProgressSchema, Type.Null()]),
    recomputation: Type.Union([RecomputationSchema, Type.Null()], {
      description: 'Null before the first, and without a second engine.',
    }),
    quality: Type.Union([QualityStatusSchema, Type.Null()], {
      description: 'Null while values are not checked.',
    }),
    error: errorOrNull,
  },
  'The analytics.',
);

export const StreamingStatusSchema = record(
  {
    state: Type.Enum(['starting', 'running', 'failing', 'away'], {
      description: 'Of the query on Spark; away: no process runs the step.',
    }),
    query: Type.Union([Type.String(), Type.Null()], { description: 'Its id on Spark.' }),
    batch: Type.Integer({ description: 'The last batch that ended; -1 before the first.' }),
    records_per_second: Type.Number(),
    watermark: timeOrNull(),
    hours: Type.Integer({ description: 'Hours of cities whose sums are held.' }),
    restarts: Type.Integer({ description: 'By this process.' }),
    compared_at: timeOrNull(),
    compared: Type.Integer({ description: 'Hours of cities that were compared with the table.' }),
    late: Type.Integer({
      description: 'Observations that came too late for the stream; the table has them.',
    }),
    differences: Type.Integer({ description: 'Hours of cities whose sums differ.' }),
    error: errorOrNull,
  },
  'The stream.',
);

export const ForecastStatusSchema = record(
  { ...ForecastCountsSchema.properties, error: errorOrNull },
  'The forecasts.',
);

const IndexStatusSchema = record(
  {
    engine: Type.String(),
    version: Type.Integer({ description: 'Of the analytics; 0 while nothing is indexed.' }),
    analytics_version: Type.Integer({ description: 'The newest: what the index goes for.' }),
    rows: Type.Number(),
    committed_at: timeOrNull(),
    error: errorOrNull,
  },
  'The index of the anomalies.',
);

const ExportStatusSchema = record(
  { table_version: Type.Integer(), exported_at: timeOrNull(), error: errorOrNull },
  'The raw export.',
);

const AlertsStatusSchema = record(
  {
    evaluates: Type.Boolean({ description: 'Whether this process evaluates the rules.' }),
    rules: Type.Integer({ description: 'Rules in effect.' }),
    incidents: IncidentCountsSchema,
    channels: Type.Array(
      record(
        {
          name: Type.String(),
          type: Type.String(),
          waiting: Type.Integer({ description: 'Messages that are not sent yet.' }),
          problem: Type.Union([Type.String(), Type.Null()], {
            description: 'Why the last attempt failed.',
          }),
        },
        'One channel.',
      ),
    ),
    error: errorOrNull,
  },
  'Alerts.',
);

export const CacheStatusSchema = record(
  {
    engine: Type.Enum(['redis']),
    address: Type.String({ description: 'Host and port.' }),
    state: Type.Enum(['connecting', 'ready', 'away'], {
      description: '`away`: left alone for a while after failures; answers are computed.',
    }),
    lookups: record(
      {
        hit: Type.Integer({ description: 'Found.' }),
        miss: Type.Integer({ description: 'Not there: this server computed it.' }),
        wait: Type.Integer({ description: 'Not there: another server computed it.' }),
        skipped: Type.Integer({ description: 'Not asked: the cache is away or busy.' }),
        failed: Type.Integer({ description: 'No reply in time, or an error.' }),
        garbled: Type.Integer({ description: 'There, but it could not be used.' }),
      },
      'Look-ups since the start, by outcome.',
    ),
    error: errorOrNull,
  },
  'The cache that servers share.',
);

export const CertificateStatusSchema = record(
  {
    file: Type.String(),
    names: Type.Array(Type.String(), { description: 'Hosts and addresses that it is good for.' }),
    issuer: Type.String(),
    valid_from: time(),
    expires_at: time(),
    sha256: Type.String({ description: 'Fingerprint: hexadecimal, with colons.' }),
    loaded_at: time('When the server began to use it.'),
    error: errorOrNull,
  },
  'The certificate in use; the error is about it or about the files that should replace it.',
);

export const StatusSchema = record(
  {
    version: Type.String({ description: 'Version of the program.' }),
    started_at: time(),
    simulated: Type.Boolean(),
    data: Type.String({ description: 'Folder of the data.' }),
    process: ProcessSchema,
    work: WorkStatusSchema,
    collector: Type.Union([CollectorStatusSchema, Type.Null()]),
    log: LogStatusSchema,
    landing: LandingStatusSchema,
    table: TableStatusSchema,
    analytics: AnalyticsStatusSchema,
    streaming: Type.Union([StreamingStatusSchema, Type.Null()], {
      description: 'Null where it is switched off.',
    }),
    forecast: Type.Union([ForecastStatusSchema, Type.Null()], {
      description: 'Null where they are switched off.',
    }),
    index: IndexStatusSchema,
    raw_export: Type.Union([ExportStatusSchema, Type.Null()]),
    alerts: Type.Union([AlertsStatusSchema, Type.Null()], {
      description: 'Null where alerts are switched off.',
    }),
    shared_cache: Type.Union([CacheStatusSchema, Type.Null()]),
    certificate: Type.Union([CertificateStatusSchema, Type.Null()], {
      description: 'Null where the server speaks plain HTTP.',
    }),
  },
  'What an operator wants to know, room by room.',
);

export type Status = Of<typeof StatusSchema>;
export type RoomError = Of<typeof RoomErrorSchema>;
export type CallCount = Of<typeof CallCountSchema>;
export type CollectorState = Of<typeof CollectorStateSchema>;
export type CollectorStatus = Of<typeof CollectorStatusSchema>;
export type RejectedFieldCount = CollectorStatus['rejected_fields'][number];
export type SpoolStatus = Of<typeof SpoolSchema>;
export type LogStatus = Of<typeof LogStatusSchema>;
export type LeaseStatus = Of<typeof LeaseSchema>;
export type WorkStatus = Of<typeof WorkStatusSchema>;
export type ProcessStatus = Of<typeof ProcessSchema>;
export type LandingStatus = Of<typeof LandingStatusSchema>;
export type TableStatus = Of<typeof TableStatusSchema>;
export type StreamingStatus = Of<typeof StreamingStatusSchema>;
export type ForecastStatus = Of<typeof ForecastStatusSchema>;
export type RecomputationStatus = Of<typeof RecomputationSchema>;
export type AnalyticsStatus = Of<typeof AnalyticsStatusSchema>;
export type AlertsStatus = Of<typeof AlertsStatusSchema>;
export type CacheStatus = Of<typeof CacheStatusSchema>;
export type CertificateStatus = Of<typeof CertificateStatusSchema>;
export type IndexStatus = Of<typeof IndexStatusSchema>;
export type ExportStatus = Of<typeof ExportStatusSchema>;
