/**
 * The state of the computing, which the process that does it publishes with its lease: only that
 * process has asked the engine what is in effect and receives the progress of a statement.
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { RefreshLoop } from '../analytics/refresh-loop.ts';
import type { Lease } from '../leases/held-lease.ts';
import type { Leases } from '../leases/leases.ts';
import type { AnalyticsStatus } from '../model/status.ts';
import type { SqlEngine } from '../sql/engine.ts';

export type ComputingStatus = Pick<AnalyticsStatus, 'facts' | 'progress' | 'error'>;

const TEXT_OR_NULL = Type.Union([Type.String(), Type.Null()]);
const SCHEMA = Type.Object({
  facts: Type.Union([
    Type.Object({ version: TEXT_OR_NULL, properties: Type.Record(Type.String(), Type.String()) }),
    Type.Null(),
  ]),
  progress: Type.Union([Type.Object({ done: Type.Number(), of: Type.Number() }), Type.Null()]),
  error: Type.Union([
    Type.Object({
      code: Type.String(),
      message: Type.String(),
      remedy: Type.String(),
      since: Type.String(),
    }),
    Type.Null(),
  ]),
});

export function computingStatus(
  engine: Pick<SqlEngine, 'facts' | 'progress'>,
  loop: Pick<RefreshLoop, 'failure'> | null,
): ComputingStatus & Static<typeof SCHEMA> {
  const { facts, progress } = engine;
  const known = facts.version === null ? null : { ...facts, properties: { ...facts.properties } };
  return { facts: known, progress, error: loop?.failure ?? null };
}

/** Publishes the status at each look at the leases that finds it changed; returns how to stop. */
export function publishComputing(
  leases: Pick<Leases, 'watch'>,
  lease: Pick<Lease, 'publish'>,
  status: () => ComputingStatus,
): () => void {
  const publish = () => void lease.publish({ ...status() });
  publish();
  return leases.watch(publish);
}

/** Null when it says nothing of the kind: another version of the program, or nothing yet. */
export function readComputing(detail: unknown): ComputingStatus | null {
  return Value.Check(SCHEMA, detail) ? detail : null;
}
