/** Schemas of the status, of the checks and of the events; the rest is in schemas.ts. */
import { type Static, type TProperties, Type } from 'typebox';
import { LatestObservationSchema } from './schemas.ts';

const when = (description?: string) =>
  Type.String({ format: 'date-time', ...(description === undefined ? {} : { description }) });
const whenOrNull = () => Type.Union([when(), Type.Null()]);

function record<T extends TProperties>(properties: T, description: string) {
  return Type.Object(properties, { additionalProperties: false, description });
}

export const RoomErrorSchema = record(
  {
    code: Type.String({ description: 'Stable name of the error, see docs/errors.md.' }),
    message: Type.String(),
    remedy: Type.String(),
    since: when(),
  },
  'What a room fails with.',
);

const errorOrNull = Type.Union([RoomErrorSchema, Type.Null()]);
const CallCountSchema = record(
  { used: Type.Number(), limit: Type.Number() },
  'Calls of the provider.',
);

const CollectorStatusSchema = record(
  {
    source: Type.String(),
    state: Type.Enum([
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
    ]),
    message: Type.String({ description: 'One sentence for people.' }),
    city_count: Type.Integer(),
    last_checked_at: whenOrNull(),
    last_observed_at: whenOrNull(),
    next_poll_at: whenOrNull(),
    calls: record(
      { minute: CallCountSchema, day: CallCountSchema, month: CallCountSchema },
      'Calls used, and their limits.',
    ),
    troubled: Type.Array(record({ city_id: Type.String(), reason: Type.String() }, 'One city.')),
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
    since: whenOrNull(),
  },
  'Records that wait on this machine while the log cannot be reached.',
);

const LogStatusSchema = record(
  {
    engine: Type.String(),
    id: Type.String(),
    bytes: Type.Number(),
    bytes_max: Type.Number(),
    full: Type.Boolean(),
    partitions: Type.Array(
      record(
        {
          partition: Type.Integer(),
          first: Type.Number(),
          next: Type.Number(),
          waiting: Type.Number({ description: 'Records that have not landed.' }),
          lag_s: Type.Number({ description: 'Age of the oldest of them.' }),
          expires_in_s: Type.Union([Type.Number(), Type.Null()], {
            description: 'Until it is removed although it has not landed; null: never.',
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
      ['collect', 'land', 'partition', 'analyze', 'export', 'maintain', 'serve', 'import'],
      {
        description:
          '`collect` and `land`: offers to; `partition`: lands that one; the others: does that alone.',
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
    since: when(),
    last_sign_at: when('By the lake’s clock.'),
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
  'Tasks of the statement that runs now, where the engine can tell.',
);

export const StatusSchema = record(
  {
    version: Type.String({ description: 'Version of the program.' }),
    started_at: when(),
    simulated: Type.Boolean(),
    data: Type.String({ description: 'Folder of the data.' }),
    process: ProcessSchema,
    work: record(
      { leases: Type.Array(LeaseSchema), error: errorOrNull },
      'Who does what, on whatever machine.',
    ),
    collector: Type.Union([CollectorStatusSchema, Type.Null()]),
    log: LogStatusSchema,
    landing: record(
      { last_landed_at: whenOrNull(), last_rows: Type.Number(), error: errorOrNull },
      'Landing.',
    ),
    table: record(
      {
        version: Type.Integer(),
        committed_at: whenOrNull(),
        rows: Type.Number(),
        files: Type.Number(),
        bytes: Type.Number(),
        rejected: Type.Record(Type.String(), Type.Number()),
        error: errorOrNull,
      },
      'The table.',
    ),
    analytics: record(
      {
        engine: Type.String(),
        version: Type.Integer(),
        table_version: Type.Integer(),
        computed_at: whenOrNull(),
        facts: Type.Union([FactsSchema, Type.Null()]),
        progress: Type.Union([ProgressSchema, Type.Null()]),
        error: errorOrNull,
      },
      'The analytics.',
    ),
    raw_export: Type.Union([
      record(
        { table_version: Type.Integer(), exported_at: whenOrNull(), error: errorOrNull },
        'The raw export.',
      ),
      Type.Null(),
    ]),
  },
  'What an operator wants to know, room by room.',
);

export const StatusMetaSchema = record(
  {
    answered_at: Type.String({ format: 'date-time', description: 'The server’s clock.' }),
    position: Type.String({ description: 'Where the events stand.' }),
    controls: Type.Boolean({ description: 'Whether pause, resume and refresh work here.' }),
  },
  'About the answer.',
);

export const StatusAnswerSchema = record(
  { meta: StatusMetaSchema, data: StatusSchema },
  'The status.',
);

const CheckSchema = record(
  {
    name: Type.String(),
    state: Type.Enum(['ok', 'degraded', 'failing']),
    message: Type.String(),
  },
  'One check.',
);

const HealthProblemSchema = record(
  {
    code: Type.String({ description: 'Stable; most are those of the errors.' }),
    message: Type.String({ description: 'What is wrong, and what to do where that is known.' }),
  },
  'What makes a check degraded or failing.',
);

export const HealthSchema = record(
  {
    status: Type.Enum(['ok', 'degraded', 'failing']),
    version: Type.String(),
    checks: Type.Array(CheckSchema),
    problems: Type.Array(HealthProblemSchema, {
      description: 'One for each check that is not ok; empty when all are.',
    }),
  },
  'Whether it is well, and if not, what is the matter.',
);

export const LiveSchema = record({ status: Type.Literal('ok') }, 'The process answers.');

export const ControlAnswerSchema = record(
  { done: Type.Enum(['pause', 'resume', 'refresh']) },
  'What was done.',
);

/** Data of the event `observation`. */
export const ObservationEventSchema = record(
  {
    city_id: Type.String(),
    city: Type.String(),
    country: Type.String(),
    simulated: Type.Boolean(),
    observation: Type.Omit(LatestObservationSchema, ['age_s'], { additionalProperties: false }),
  },
  'An observation that has just come.',
);

/** Data of the event `version`. */
export const VersionEventSchema = record(
  {
    table_version: Type.Union([Type.Integer(), Type.Null()]),
    analytics_version: Type.Union([Type.Integer(), Type.Null()]),
    observed_to: whenOrNull(),
  },
  'There is a new version of the table or of the analytics: fetch again.',
);

/** Data of the event `status`: the parts of the status that changed the picture. */
export const StatusEventSchema = record(
  {
    collector: Type.Union([
      record({ state: Type.String(), message: Type.String() }, 'The collector.'),
      Type.Null(),
    ]),
    log_full: Type.Boolean(),
    landing_error: errorOrNull,
    analytics_error: errorOrNull,
  },
  'The state of a room has changed.',
);

/** Data of the event `reset`: forget what you have and fetch everything again. */
export const ResetEventSchema = record(
  { reason: Type.String() },
  'Missed events are no longer available: fetch everything again.',
);

/** Data of the event `bye`: the server stops; connect again later. */
export const ByeEventSchema = record({}, 'The server stops.');

export type StatusAnswer = Static<typeof StatusAnswerSchema>;
export type Health = Static<typeof HealthSchema>;
export type ControlAnswer = Static<typeof ControlAnswerSchema>;
export type ObservationEvent = Static<typeof ObservationEventSchema>;
export type VersionEvent = Static<typeof VersionEventSchema>;
export type StatusEvent = Static<typeof StatusEventSchema>;
export type ResetEvent = Static<typeof ResetEventSchema>;
export type ByeEvent = Static<typeof ByeEventSchema>;
