import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { Newest } from './latest-conditions.ts';
import { type Live, openLive } from './live.ts';
import { digestLogId } from './position.ts';
import type { Tail, TailEvent } from './tail.ts';

/** Enough of an answer for a stream; `closes` says whether the other side takes its end. */
function fakeResponse(closes = true) {
  const written: string[] = [];
  const response = Object.assign(new EventEmitter(), {
    written,
    destroyed: false,
    writableEnded: false,
    writableLength: 0,
    write: (text: string) => written.push(text),
    end(text: string) {
      written.push(text);
      response.writableEnded = true;
      if (closes) queueMicrotask(() => response.emit('close'));
    },
    destroy() {
      response.destroyed = true;
      response.emit('close');
    },
  });
  return response;
}

const join = (live: Live, response: ReturnType<typeof fakeResponse>, since?: string) =>
  live.join(response as unknown as ServerResponse, { since, cities: [], limit: null });

function record(offset: bigint): TailEvent {
  const observation = { city_id: `city-${offset}`, city: 'City', country: '' } as Newest;
  return { partition: 0, offset, observation };
}

/** A log of one partition whose reading may be watched. */
function fakeTail(count: bigint, onRead: () => void = () => {}) {
  const next = [count];
  const tail: Tail = {
    next,
    newest: () => null,
    cityIds: () => [],
    async readSince(from) {
      const events: TailEvent[] = [];
      for (let at = from[0] ?? 0n; at < (next[0] ?? 0n); at += 1n) events.push(record(at));
      onRead();
      return events;
    },
    run: async () => {},
  };
  return { tail, next };
}

const options = { logId: 'log', simulated: false, viewersMax: 10, landed: () => false };
const position = (offset: number) => `${digestLogId('log')}.${offset}..`;

function citiesOf(written: readonly string[]): string[] {
  return [...written.join('').matchAll(/"city_id":"city-(\d+)"/g)].map(
    ([, offset]) => offset ?? '',
  );
}

test('sends a record that arrives during a replay exactly once', async () => {
  for (let depth = 0; depth < 20; depth += 1) {
    const fake = fakeTail(3n, () => {
      let left = depth;
      const later = () => {
        if (left > 0) {
          left -= 1;
          queueMicrotask(later);
        } else if (fake.next[0] === 3n) {
          fake.next[0] = 4n;
          live.publishRecords([record(3n)]);
        }
      };
      later();
    });
    const live = openLive({ ...options, tail: () => fake.tail });
    const response = fakeResponse();
    join(live, response, position(1));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(citiesOf(response.written), ['1', '2', '3'], `after ${depth} turns`);
    live.publishRecords([record(3n), record(4n)]);
    assert.deepEqual(citiesOf(response.written), ['1', '2', '3', '4'], `after ${depth} turns`);
    await live.close();
  }
});

test('the id of each event is the position after it', () => {
  const { tail, next } = fakeTail(5n);
  const live = openLive({ ...options, tail: () => tail });
  const response = fakeResponse();
  join(live, response);
  next[0] = 8n;
  assert.match(response.written.join(''), /^retry: /);
  live.publishRecords([record(5n), record(6n), record(7n)]);
  const ids = [...response.written.join('').matchAll(/^id: \w+\.(\d+)\.\./gm)].map(([, id]) => id);
  assert.deepEqual(ids, ['6', '7', '8']);
});

test('a replay waits for a viewer that reads slowly, and closing does not', async () => {
  const { tail } = fakeTail(3n);
  const live = openLive({ ...options, tail: () => tail, queueBytesMax: 100, closeMs: 1 });
  const response = fakeResponse(false);
  response.writableLength = 50;
  join(live, response, position(0));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(citiesOf(response.written), ['0'], 'the first fills the queue');
  response.writableLength = 0;
  response.emit('drain');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(citiesOf(response.written), ['0', '1', '2']);
  await live.close();
  assert.equal(response.destroyed, true, 'it did not take its end');
  assert.throws(() => live.refuseTooMany(), { code: 'ABORTED' });
});

test('heartbeats go to all', async () => {
  const live = openLive({ ...options, tail: () => null, logId: null, heartbeatMs: 1 });
  const response = fakeResponse();
  join(live, response);
  const deadline = Date.now() + 5_000;
  while (!response.written.includes(': still here\n\n')) {
    assert.ok(Date.now() < deadline);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await live.close();
  assert.match(response.written.at(-1) ?? '', /^id: \.\.\.\nevent: bye\ndata: \{\}\n\n$/);
});
