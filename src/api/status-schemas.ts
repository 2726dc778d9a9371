/** Schemas of the checks, of the events and of what surrounds the status; the rest is in schemas.ts. */
import { type Static, Type } from 'typebox';
import { IncidentCountsSchema } from '../model/alerts.ts';
import { record, timeOrNull } from '../model/schema.ts';
import { errorOrNull, StatusSchema } from '../model/status.ts';
import { LatestObservationSchema } from './schemas.ts';

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
    observed_to: timeOrNull(),
  },
  'There is a new version of the table or of the analytics: fetch again.',
);

/** Data of the event `status`: the parts of the status that change what the page shows. */
export const StatusEventSchema = record(
  {
    collector: Type.Union([
      record({ state: Type.String(), message: Type.String() }, 'The collector.'),
      Type.Null(),
    ]),
    log_full: Type.Boolean(),
    landing_error: errorOrNull,
    analytics_error: errorOrNull,
    incidents: Type.Union([IncidentCountsSchema, Type.Null()], {
      description: 'Null where alerts are switched off.',
    }),
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
