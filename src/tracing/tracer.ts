import type { Step } from '../model/trace.ts';

/**
 * The tracer: each step that a record goes through becomes a span of the record's trace.
 *
 * Steps run in different processes, so that no context is handed on: the ids of a trace and of the
 * steps that it has once are made from the record (model/trace.ts), and a span names its parent by
 * these. Spans are kept in memory, up to a limit, and leave in batches; a receiver that is down or
 * slow costs spans and nothing else. Nothing here waits or throws.
 */
export interface Tracer {
  /** Begins a step now. */
  begin(step: Step): Begun;
  readonly figures: TracingFigures;
}

export interface Begun {
  /** The step is done now; which traces it was of may be found out later. */
  stop(): void;
  /** The span of this trace, ended now unless stopped; called for each record that a step is of. */
  end(traceId: string, outcome?: Outcome): void;
}

export interface Outcome {
  /** Ids, numbers and codes; texts of others may hold anything and belong in the log. */
  readonly attributes?: Attributes;
  /** Code of the error; without one the step succeeded. */
  readonly error?: string | undefined;
  /** Whether a trace may have the step several times: the span has an id of its own then. */
  readonly repeats?: boolean;
}

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Why spans were not exported. */
export type DropReason = 'queue_full' | 'unreachable' | 'refused' | 'shutdown';

export interface TracingFigures {
  /** Spans that the receiver has taken. */
  readonly exported: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}
