import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomError } from '../model/status.ts';
import type { EngineFacts, Progress } from '../sql/engine.ts';
import { computingStatus, publishComputing, readComputing } from './computing-status.ts';

test('other processes read what the computing process publishes with its lease', () => {
  const engine = {
    facts: { version: null, properties: {} } as EngineFacts,
    progress: null as Progress | null,
  };
  const loop = { failure: null as RoomError | null };
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
  const unwatch = publishComputing(leases, lease, () => computingStatus(engine, loop));
  // As it comes out of the lease's file.
  const read = () => readComputing(JSON.parse(JSON.stringify(published.at(-1))));
  assert.deepEqual(read(), { facts: null, progress: null, error: null }, 'nothing was asked yet');

  engine.facts = { version: '4.2.0', properties: { 'spark.executor.memory': '1g' } };
  engine.progress = { done: 3, of: 12 };
  loop.failure = { code: 'QUERY_FAILED', message: 'm', remedy: 'r', since: '2026-11-24T10:00:00Z' };
  for (const listener of listeners) listener();
  assert.deepEqual(read(), {
    facts: engine.facts,
    progress: engine.progress,
    error: loop.failure,
  });
  unwatch();
  assert.equal(listeners.size, 0);
});

test('what says nothing of the kind is not read', () => {
  for (const detail of [undefined, {}, { facts: 'spark' }, { progress: 3 }]) {
    assert.equal(readComputing(detail), null);
  }
});
