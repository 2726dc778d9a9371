/** One trace from the provider's call to the page, the same for all who compute it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { parseTailRecord } from '../src/api/tail-record.ts';
import { startTestProvider } from '../src/collector/testing/provider.ts';
import { loadConfig } from '../src/config/load.ts';
import type { Logger } from '../src/logger.ts';
import { DEFAULT_CITIES } from '../src/model/city.ts';
import { formatRecord } from '../src/model/observation.ts';
import {
  RECORDS_TRACED_MAX,
  STEPS,
  type Step,
  spanIdOf,
  TRACES_LOGGED_MAX,
  type Traced,
  traceIdOf,
} from '../src/model/trace.ts';
import { type Pipeline, ROLES, startPipeline } from '../src/pipeline/pipeline.ts';
import { OBSERVATION_COLUMNS } from '../src/table/table.ts';
import { observation, openTestLake } from '../src/table/testing/lake.ts';
import { type ReceivedSpan, startReceiver } from '../src/tracing/testing/receiver.ts';
import { stormOf } from './support/storm.ts';

const loaded: string[] = [];
registerHooks({
  load(url, context, next) {
    loaded.push(url);
    return next(url, context);
  },
});
const isExportLoaded = () =>
  loaded.some((url) => /tracing\/(exporting|otlp|sending)\.ts/.test(url));

const folder = mkdtempSync(join(tmpdir(), 'isobar-tracing-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const DOCUMENT = readFileSync(new URL('../docs/tracing.md', import.meta.url), 'utf8');
const KEY = 'a-key-that-stays-secret';

test('a record, its row and its event have one trace, whatever the time and the numbers', async () => {
  await using lake = await openTestLake(1);
  const opened = await lake.open();
  const time = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('2100-01-01T00:00:00Z'),
    noInvalidDate: true,
  });
  const record = fc.record({
    city: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/),
    at: time,
    collected: fc.oneof(
      time.map((at) => at.toISOString()),
      time.map((at) => at.toISOString().replace('.000Z', 'Z')),
      time.map((at) => at.toISOString().replace(/\.\d+Z$/, 'Z')),
      fc.tuple(time, fc.integer({ min: 0, max: 999 })).map(([at, micros]) => {
        return at.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
      }),
      time.map((at) => at.toISOString().replace('Z', '+00:00')),
    ),
    numbers: fc.option(fc.tuple(fc.integer({ min: 1 }), fc.integer({ min: 1 })), { nil: null }),
  });
  const drawn = fc.sample(record, stormOf(5_000, 300));
  const records = drawn.map(({ city, at, collected, numbers }, index) => ({
    ...observation(`${city}.${index}`.slice(0, 64), 0),
    observed_at: new Date(Math.min(at.getTime(), Date.parse(collected))).toISOString(),
    collected_at: collected,
    ...(numbers === null
      ? {}
      : { import_id: numbers[0], import_row: numbers[1], source: 'import:test' }),
  }));
  lake.log.put(0, ...records);
  await opened.sink.land(0);
  const snapshot = await opened.observations.refresh();
  const paths = await opened.observations.localPaths(snapshot.files);
  await lake.session.define('o', paths, OBSERVATION_COLUMNS);
  const rows = await lake.session.query<Traced & { log_offset: number }>('SELECT * FROM o');
  assert.equal(rows.length, records.length);
  for (const row of rows) {
    const made = records[Number(row.log_offset)];
    assert.ok(made);
    assert.equal(traceIdOf(row), traceIdOf(made), `${made.collected_at} as ${row.collected_at}`);
    assert.equal(parseTailRecord(formatRecord(made))?.trace_id, traceIdOf(made));
  }
});

function answerOf(lat: string | null, dt: number): string {
  const response = { coord: { lat }, dt, main: { temp: 10, humidity: 50 }, cod: 200 };
  return JSON.stringify({ ...response, timezone: 0, id: 1, name: 'A', weather: [] });
}

function recordingLogger() {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const note = (level: string) => (details: object | string, message?: string) => {
    lines.push(
      typeof details === 'string' ? { level, message: details } : { level, message, ...details },
    );
  };
  const [debug, info, warn, error] = ['debug', 'info', 'warn', 'error'].map(note);
  return { lines, logger: { debug, info, warn, error } as Logger };
}

async function start(
  name: string,
  flags: Readonly<Record<string, string>>,
  logger: Logger,
): Promise<Pipeline> {
  const { config } = loadConfig({
    file: null,
    env: {},
    flags: { data: join(folder, name), 'openweather.key': KEY, log_level: 'debug', ...flags },
    defaults: { 'table.landing_age_s': 1, 'api.port': 0, 'analytics.refresh_delay_s': 0.1 },
  });
  const rest = { version: '0.0.0', command: 'isobar test', webFolder: null };
  return startPipeline({ config, roles: ROLES, logger, ...rest });
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at as a client sees them.
type Json = any;

async function until<T>(find: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let tries = 0; ; tries++) {
    const found = await find();
    if (found !== undefined) return found;
    assert.ok(tries < 300, 'it did not come within 30 s');
    await delay(100);
  }
}

/** The data of the first event `observation` of the city. */
async function firstEvent(stream: Response, cityId: string): Promise<Json> {
  let text = '';
  for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const events = text.split('\n\n').slice(0, -1);
    for (const event of events.filter((one) => one.includes('event: observation'))) {
      const data = JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? '');
      if (data.city_id === cityId) return data;
    }
  }
  assert.fail('the stream ended');
}

test('one trace leads from the call through append, landing, publication and event to the row', async () => {
  assert.equal(isExportLoaded(), false);
  const provider = await startTestProvider();
  await using receiver = await startReceiver();
  const { lines, logger } = recordingLogger();
  const release = Promise.withResolvers<void>();
  const dt = Math.floor(Date.now() / 1_000) - 60;
  const [answered, failing] = DEFAULT_CITIES;
  assert.ok(answered && failing);
  provider.answer = (url, _request, response) => {
    const lat = url.searchParams.get('lat');
    void release.promise.then(() => {
      const isFailing = lat === String(failing.latitude);
      response.writeHead(isFailing ? 404 : 200, { 'content-type': 'application/json' });
      response.end(isFailing ? '{"cod":"404","message":"not found"}' : answerOf(lat, dt));
    });
    return null;
  };
  try {
    await using pipeline = await start(
      'whole',
      {
        'openweather.url': provider.url,
        'tracing.otlp_url': receiver.url,
        'tracing.headers': `api-key=${KEY}-2`,
      },
      logger,
    );
    assert.equal(isExportLoaded(), true);
    const stream = await fetch(`${pipeline.url}/api/events`);
    release.resolve();
    const { observation: event } = await firstEvent(stream, answered.city_id);
    await stream.body?.cancel().catch(() => {});
    const row = await until(async () => {
      const answer = await fetch(`${pipeline.url}/api/raw-data?city=${answered.city_id}`);
      const { data }: Json = await answer.json();
      return data[0];
    });
    assert.equal(row.trace_id, traceIdOf(row));
    assert.equal(event.trace_id, row.trace_id);
    assert.equal(event.collected_at, row.collected_at);
    const spans = await until(() => {
      const mine = receiver.spans.filter(({ traceId }) => traceId === row.trace_id);
      return mine.length >= Object.keys(STEPS).length ? mine : undefined;
    });
    assertChain(spans, row, answered.city_id);

    const failed = await until(() => receiver.spans.find(({ status }) => status?.code === 2));
    assert.equal(failed.name, 'collect');
    assert.equal(failed.attributes['isobar.city_id'], failing.city_id);
    assert.equal(failed.attributes['http.response.status_code'], 404);
    assert.equal(failed.attributes['error.type'], 'PROVIDER_CITY_UNKNOWN');
    assertLogged(lines, row.trace_id, failed.traceId);

    const text = receiver.bodies.join('') + JSON.stringify(lines);
    assert.ok(!text.includes(KEY) && !text.includes('appid'), 'a secret came through');
    assert.equal(receiver.requests[0]?.headers['api-key'], `${KEY}-2`);
    const metrics = await (await fetch(`${pipeline.url}/metrics`)).text();
    assert.match(metrics, /^isobar_tracing_exported_spans_total [1-9]/m);
    assert.match(metrics, /^isobar_tracing_dropped_spans_total\{reason="queue_full"\} 0$/m);
  } finally {
    release.resolve();
    await provider.stop();
  }
});

function assertChain(spans: readonly ReceivedSpan[], row: Json, cityId: string): void {
  const byName = new Map(spans.map((span) => [span.name, span]));
  assert.deepEqual([...byName.keys()].sort(), Object.keys(STEPS).sort());
  assert.equal(spans.length, byName.size);
  for (const [step, parent] of Object.entries(STEPS) as [Step, Step | null][]) {
    const span = byName.get(step);
    assert.ok(span);
    const parentId = parent === null ? undefined : byName.get(parent)?.spanId;
    assert.equal(span.parentSpanId, parentId, step);
    if (step !== 'serve.event') assert.equal(span.spanId, spanIdOf(row.trace_id, step));
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    assert.deepEqual(Object.keys(span.attributes).sort(), [...documented(step).attributes].sort());
  }
  const of = (step: Step) => byName.get(step)?.attributes ?? {};
  assert.deepEqual(of('collect'), {
    'isobar.city_id': cityId,
    'isobar.source': 'openweathermap',
    'http.response.status_code': 200,
  });
  assert.equal(of('land')['isobar.log.offset'], row.log_offset);
  assert.equal(of('land')['isobar.log.partition'], row.log_partition);
  assert.equal(of('land')['isobar.outcome'], 'landed');
  assert.equal(of('serve.event')['isobar.viewers'], 1);
  assert.ok(Number(of('publish')['isobar.publication.version']) >= 1);
}

/** What docs/tracing.md says of a span. */
function documented(step: Step) {
  const row = DOCUMENT.split('\n').find((line) => line.startsWith(`| \`${step}\` |`)) ?? '';
  const [, , parent = '', kind = '', , attributes = ''] = row.split('|').map((cell) => cell.trim());
  return {
    parent: parent.replaceAll('`', ''),
    kind,
    attributes: [...attributes.matchAll(/`([a-z_.]+\.[a-z_.]+)`/g)].map(([, name = '']) => name),
  };
}

test('docs/tracing.md has the spans, their parents, and an id that can be computed', () => {
  const names = [...DOCUMENT.matchAll(/^\| `([a-z.]+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(names, Object.keys(STEPS));
  for (const [step, parent] of Object.entries(STEPS) as [Step, Step | null][]) {
    assert.equal(documented(step).parent, parent ?? '');
  }
  const id = traceIdOf({ city_id: 'london', collected_at: '2024-10-31T14:00:05.120Z' });
  assert.ok(DOCUMENT.includes(id), id);
  for (const reason of ['queue_full', 'unreachable', 'refused', 'shutdown']) {
    assert.ok(DOCUMENT.includes(`\`${reason}\``), reason);
  }
  for (const limit of [TRACES_LOGGED_MAX, RECORDS_TRACED_MAX]) {
    assert.ok(DOCUMENT.includes(` ${limit.toLocaleString('en')} `), String(limit));
  }
});

function assertLogged(lines: readonly Json[], traceId: string, failedId: string): void {
  const one = (level: string, id: string) =>
    lines.some((line) => line.level === level && line.trace_id === id);
  assert.ok(one('debug', traceId), 'the call is logged');
  assert.ok(one('warn', failedId), 'the failure is logged');
  for (const message of ['landed', 'published']) {
    const ids = lines.filter((line) => line.message === message).map((line) => line.trace_ids);
    assert.ok(ids.flat().includes(traceId), message);
  }
}

/** `isobar start` with made-up weather of a few seconds. */
function spawnStart(name: string, url: string) {
  const child = spawn(process.execPath, ['src/cli/main.ts', 'start'], {
    cwd: join(import.meta.dirname, '..'),
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: '',
      ISOBAR_DATA: join(folder, name),
      ISOBAR_API_PORT: '0',
      ISOBAR_COLLECTOR_SOURCE: 'simulator',
      ISOBAR_SIMULATOR_HISTORY_DAYS: '0',
      ISOBAR_SIMULATOR_INTERVAL_S: '1',
      ISOBAR_TRACING_OTLP_URL: url,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return { child, ended: once(child, 'exit'), errors: () => errors };
}

test('SIGTERM sends the spans of what landed on the way out', async () => {
  await using receiver = await startReceiver();
  const { child, ended, errors } = spawnStart('flushed', receiver.url);
  await until(() => (receiver.spans.length > 0 ? true : undefined));
  child.kill('SIGTERM');
  const [code] = await ended;
  assert.equal(code, 0, errors());
  const appended = receiver.spans.filter(({ name }) => name === 'append');
  const published = new Set(
    receiver.spans.filter(({ name }) => name === 'publish').map(({ traceId }) => traceId),
  );
  assert.ok(appended.length > 0);
  for (const { traceId } of appended) assert.ok(published.has(traceId), errors());
  assert.equal(receiver.resources[0]?.['service.name'], 'isobar');
  assert.equal(receiver.resources[0]?.['isobar.data'], 'simulated');
});

test('a receiver that never answers delays neither landing nor, for long, SIGTERM', async () => {
  await using receiver = await startReceiver();
  receiver.answer = () => {};
  const { child, ended, errors } = spawnStart('slow', receiver.url);
  await until(() => (receiver.requests.length > 0 ? true : undefined));
  const at = performance.now();
  child.kill('SIGTERM');
  const [code] = await ended;
  const ms = performance.now() - at;
  assert.equal(code, 0, errors());
  assert.match(errors(), /exporting traces: stopped with \d+ spans not exported/);
  assert.ok(ms < 15_000, `stopping took ${ms} ms`);
});

for (const [what, answer] of [
  ['down', null],
  ['answering 500', (response: ServerResponse) => response.writeHead(500).end('no')],
  ['answering nonsense', (response: ServerResponse) => response.writeHead(200).end('<html>')],
] as const) {
  test(`with a receiver that is ${what}, everything else goes on, with one warning`, async () => {
    const receiver = await startReceiver();
    if (answer === null) await receiver[Symbol.asyncDispose]();
    else receiver.answer = answer;
    const { lines, logger } = recordingLogger();
    const flags = {
      'openweather.key': '',
      'collector.source': 'simulator',
      'simulator.history_days': '0',
      'simulator.interval_s': '1',
      'tracing.otlp_url': receiver.url,
    };
    try {
      await using pipeline = await start(what, flags, logger);
      const rows = await until(async () => {
        const { data }: Json = await (await fetch(`${pipeline.url}/api/raw-data`)).json();
        return data.length > 0 ? data : undefined;
      });
      assert.equal(rows[0].trace_id, traceIdOf(rows[0]));
      const warnings = await until(() => {
        const found = lines.filter(({ message }) => /^exporting traces/.test(String(message)));
        return found.length > 0 ? found : undefined;
      });
      assert.equal(warnings.length, 1);
      if (answer === null) return;
      await until(async () => {
        const metrics = await (await fetch(`${pipeline.url}/metrics`)).text();
        return (
          /^isobar_tracing_dropped_spans_total\{reason="refused"\} [1-9]/m.exec(metrics) ??
          undefined
        );
      });
    } finally {
      if (answer !== null) await receiver[Symbol.asyncDispose]();
    }
  });
}
