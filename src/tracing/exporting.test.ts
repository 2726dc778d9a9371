import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../logger.ts';
import { spanIdOf, traceIdOf } from '../model/trace.ts';
import { type ExportingOptions, isSampled, openExporting } from './exporting.ts';
import { startReceiver } from './testing/receiver.ts';

const TRACE = traceIdOf({ city_id: 'london', collected_at: '2024-10-31T14:00:05.120Z' });

function recordingLogger() {
  const lines: string[] = [];
  const note = (level: string) => (details: object | string, message?: string) => {
    lines.push(`${level} ${message ?? details}`);
  };
  const [debug, info, warn, error] = ['debug', 'info', 'warn', 'error'].map(note);
  return { lines, logger: { debug, info, warn, error } as Logger };
}

function open(url: string, options: Partial<ExportingOptions> = {}) {
  const { lines, logger } = recordingLogger();
  const tracer = openExporting({
    receiver: { url, headers: { 'api-key': 'k' } },
    resource: { 'service.name': 'isobar' },
    version: '1.2.3',
    samplePct: 100,
    timeoutMs: 5_000,
    delayMs: 5,
    retryMs: { least: 1, most: 5 },
    closingMs: 200,
    logger,
    ...options,
  });
  return { tracer, lines };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 1_000, 'it did not happen within 10 s');
    await delay(10);
  }
}

test('a span comes with its ids, times, attributes and resource', async () => {
  await using receiver = await startReceiver();
  const { tracer } = open(`${receiver.url}/v1/traces`);
  const before = Date.now();
  tracer.begin('append').end(TRACE, {
    attributes: { 'isobar.city_id': 'london', n: 3, share: 0.5, yes: true, not: undefined },
  });
  tracer.begin('collect').end(TRACE, { error: 'PROVIDER_DOWN' });
  await until(() => receiver.spans.length === 2);
  await tracer[Symbol.asyncDispose]();
  const [append, collect] = receiver.spans;
  assert.ok(append && collect);
  assert.deepEqual(append, {
    traceId: TRACE,
    spanId: spanIdOf(TRACE, 'append'),
    parentSpanId: spanIdOf(TRACE, 'collect'),
    name: 'append',
    kind: 4,
    startTimeUnixNano: append.startTimeUnixNano,
    endTimeUnixNano: append.endTimeUnixNano,
    attributes: { 'isobar.city_id': 'london', n: 3, share: 0.5, yes: true },
  });
  assert.ok(BigInt(append.startTimeUnixNano) >= BigInt(before) * 1_000_000n);
  assert.ok(BigInt(append.endTimeUnixNano) >= BigInt(append.startTimeUnixNano));
  assert.equal(collect.parentSpanId, undefined);
  assert.deepEqual(collect.status, { code: 2 });
  assert.equal(collect.attributes['error.type'], 'PROVIDER_DOWN');
  assert.deepEqual(receiver.resources, [{ 'service.name': 'isobar' }]);
  const [request] = receiver.requests;
  assert.equal(request?.path, '/v1/traces');
  assert.equal(request?.headers['api-key'], 'k');
  assert.deepEqual(tracer.figures.exported, 2);
});

test('what repeats has span ids of its own below the same parent', async () => {
  await using receiver = await startReceiver();
  const { tracer } = open(receiver.url);
  const begun = tracer.begin('serve.event');
  begun.end(TRACE, { repeats: true });
  begun.end(TRACE, { repeats: true });
  await tracer[Symbol.asyncDispose]();
  const ids = new Set(receiver.spans.map(({ spanId }) => spanId));
  assert.equal(ids.size, 2);
  for (const { parentSpanId } of receiver.spans) {
    assert.equal(parentSpanId, spanIdOf(TRACE, 'append'));
  }
});

test('a share of the traces is exported, the same in every process', async () => {
  const ids = Array.from({ length: 2_000 }, (_, at) => {
    return createHash('sha256').update(String(at)).digest('hex').slice(0, 32);
  });
  for (const pct of [0, 1, 25, 100]) {
    const share = ids.filter((id) => isSampled(id, pct)).length / ids.length;
    assert.ok(Math.abs(share - pct / 100) < 0.03, `${share} for ${pct} %`);
  }
  const few = ids.filter((id) => isSampled(id, 10));
  assert.ok(few.every((id) => isSampled(id, 30)));
});

test('a receiver that is down costs spans and one warning, and later spans get through', async () => {
  const gone = await startReceiver();
  await gone[Symbol.asyncDispose]();
  const { tracer, lines } = open(gone.url);
  tracer.begin('collect').end(TRACE);
  await until(() => tracer.figures.dropped.unreachable === 1);
  tracer.begin('collect').end(TRACE);
  await until(() => tracer.figures.dropped.unreachable === 2);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^warn exporting traces to http:.*ECONNREFUSED.*left out/);
  await using _back = await startReceiver(Number(new URL(gone.url).port));
  tracer.begin('collect').end(TRACE);
  await until(() => tracer.figures.exported === 1);
  assert.match(lines[1] ?? '', /^info .*takes spans again/);
  await tracer[Symbol.asyncDispose]();
  assert.equal(lines.length, 2);
});

test('while a receiver does not answer, only a bounded number of spans waits', async () => {
  await using receiver = await startReceiver();
  receiver.answer = () => {};
  const { tracer, lines } = open(receiver.url, { queueMax: 10, timeoutMs: 60_000 });
  tracer.begin('collect').end(TRACE);
  await until(() => receiver.requests.length === 1);
  const started = performance.now();
  for (let n = 0; n < 100; n++) tracer.begin('collect').end(TRACE);
  assert.ok(performance.now() - started < 1_000);
  assert.equal(tracer.figures.dropped.queue_full, 90);
  const closing = performance.now();
  await tracer[Symbol.asyncDispose]();
  const ms = performance.now() - closing;
  assert.ok(ms >= 150 && ms < 5_000, `closing took ${ms} ms`);
  assert.equal(tracer.figures.dropped.shutdown, 11);
  assert.match(lines.at(-1) ?? '', /^warn .*stopped with 11 spans/);
  tracer.begin('collect').end(TRACE);
  assert.equal(tracer.figures.dropped.shutdown, 12);
});

test('an answer that never comes is given up, sent again, and then dropped', async () => {
  await using receiver = await startReceiver();
  receiver.answer = () => {};
  const { tracer, lines } = open(receiver.url, { timeoutMs: 20 });
  tracer.begin('collect').end(TRACE);
  await until(() => tracer.figures.dropped.unreachable === 1);
  assert.equal(receiver.requests.length, 4);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /no answer in time/);
  await tracer[Symbol.asyncDispose]();
});

test('passing refusals are sent again, others are not, and nonsense counts as a refusal', async () => {
  await using receiver = await startReceiver();
  const { tracer, lines } = open(receiver.url);
  const answers: [number, string, number][] = [
    [503, '', 4],
    [429, '{}', 4],
    [500, 'x'.repeat(1_000_000), 1],
    [401, '{"message":"no"}', 1],
    [302, '', 1],
    [200, '<html>', 1],
    [200, '[]', 1],
  ];
  for (const [status, body, requests] of answers) {
    const before = receiver.requests.length;
    const { dropped } = tracer.figures;
    receiver.answer = (response) => {
      response.writeHead(status, { location: `${receiver.url}/elsewhere` }).end(body);
    };
    tracer.begin('collect').end(TRACE);
    const reason = requests === 1 ? 'refused' : 'unreachable';
    await until(() => tracer.figures.dropped[reason] > dropped[reason]);
    assert.equal(receiver.requests.length - before, requests, `${status} ${body.slice(0, 20)}`);
  }
  assert.equal(tracer.figures.exported, 0);
  assert.equal(lines.length, 1);
  receiver.answer = (response) => {
    response.writeHead(200).end('{"partialSuccess":{"rejectedSpans":"1","errorMessage":"old"}}');
  };
  const begun = tracer.begin('collect');
  for (let n = 0; n < 3; n++) begun.end(TRACE);
  await until(() => tracer.figures.exported === 2);
  assert.equal(tracer.figures.dropped.refused, 6);
  await tracer[Symbol.asyncDispose]();
});

test('closing sends what waits', async () => {
  await using receiver = await startReceiver();
  const { tracer, lines } = open(receiver.url, { delayMs: 60_000, closingMs: 5_000 });
  for (let n = 0; n < 1_300; n++) tracer.begin('collect').end(TRACE);
  await tracer[Symbol.asyncDispose]();
  assert.equal(receiver.spans.length, 1_300);
  assert.equal(tracer.figures.exported, 1_300);
  assert.deepEqual(lines, []);
});
