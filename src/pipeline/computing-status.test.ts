import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecomputationStatus, RoomError } from '../model/status.ts';
import type { EngineFacts, Progress } from '../sql/engine.ts';
import { computingStatus, readComputing } from './computing-status.ts';
import { publishDetail } from './status-detail.ts';

test('other processes read what the computing process publishes with its lease', () => {
  const engine = {
    facts: { version: null, properties: {} } as EngineFacts,
    progress: null as Progress | null,
  };
  const loop = { failure: null as RoomError | null };
  const recomputing = {
    failure: null as RoomError | null,
    status: null as RecomputationStatus | null,
  };
  const published: Readonly<Record<string, unknown>>[] = [];
  const listeners = new Set<() => void>();
  const leases = {
    watch(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const lease = {
    async publish(detail: Readonly<Record<string, unknown>>) {
      published.push(detail);
      return true;
    },
  };
  const unwatch = publishDetail(leases, lease, () => computingStatus(engine, loop, recomputing));
  // As it comes out of the lease's file.
  const read = () => readComputing(JSON.parse(JSON.stringify(published.at(-1))));
  const nothing = { facts: null, progress: null, recomputation: null, error: null };
  assert.deepEqual(read(), nothing, 'nothing was asked yet');

  engine.facts = { version: '4.2.0', properties: { 'spark.executor.memory': '1g' } };
  engine.progress = { done: 3, of: 12 };
  loop.failure = { code: 'QUERY_FAILED', message: 'm', remedy: 'r', since: '2026-11-24T10:00:00Z' };
  for (const listener of listeners) listener();
  assert.deepEqual(read(), {
    facts: engine.facts,
    progress: engine.progress,
    recomputation: null,
    error: loop.failure,
  });
  // Numbers that differ are an error of the analytics, although the last refresh went well.
  loop.failure = null;
  recomputing.failure = {
    code: 'ENGINES_DIFFER',
    message: 'm',
    remedy: 'r',
    since: '2026-11-24T10:00:00Z',
  };
  recomputing.status = {
    ...{ engine: 'spark', version: 3, months: 1, recomputed_at: '2026-11-24T10:00:00Z' },
    ...{ seconds: 12.5, differences: 2, error: null },
  };
  for (const listener of listeners) listener();
  assert.equal(read()?.error?.code, 'ENGINES_DIFFER');
  assert.equal(read()?.recomputation?.differences, 2);
  unwatch();
  assert.equal(listeners.size, 0);
});

test('what says nothing of the kind is not read', () => {
  for (const detail of [undefined, {}, { facts: 'spark' }, { progress: 3 }]) {
    assert.equal(readComputing(detail), null);
  }
});
