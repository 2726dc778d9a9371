/**
 * The state of the computing, which the process that does it publishes with its lease: only that
 * process has asked the engine what is in effect and receives the progress of a statement.
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { QualityLoop } from '../analytics/quality-loop.ts';
import type { RecomputeLoop } from '../analytics/recompute-loop.ts';
import type { RefreshLoop } from '../analytics/refresh-loop.ts';
import { type AnalyticsStatus, errorOrNull, RecomputationSchema } from '../model/status.ts';
import type { SqlEngine } from '../sql/engine.ts';

export type ComputingStatus = Pick<
  AnalyticsStatus,
  'facts' | 'progress' | 'recomputation' | 'error'
>;

const TEXT_OR_NULL = Type.Union([Type.String(), Type.Null()]);
const SCHEMA = Type.Object({
  facts: Type.Union([
    Type.Object({ version: TEXT_OR_NULL, properties: Type.Record(Type.String(), Type.String()) }),
    Type.Null(),
  ]),
  progress: Type.Union([Type.Object({ done: Type.Number(), of: Type.Number() }), Type.Null()]),
  recomputation: Type.Union([RecomputationSchema, Type.Null()]),
  error: errorOrNull,
});

export function computingStatus(
  engine: Pick<SqlEngine, 'facts' | 'progress'>,
  loop: Pick<RefreshLoop, 'failure'> | null,
  recomputing: Pick<RecomputeLoop, 'failure' | 'status'> | null,
  checking: Pick<QualityLoop, 'failure'> | null = null,
): ComputingStatus & Static<typeof SCHEMA> {
  const { facts, progress } = engine;
  const known = facts.version === null ? null : { ...facts, properties: { ...facts.properties } };
  const error = loop?.failure ?? recomputing?.failure ?? checking?.failure ?? null;
  return { facts: known, progress, recomputation: recomputing?.status ?? null, error };
}

/** Null when it says nothing of the kind: another version of the program, or nothing yet. */
export function readComputing(detail: unknown): ComputingStatus | null {
  return Value.Check(SCHEMA, detail) ? detail : null;
}
