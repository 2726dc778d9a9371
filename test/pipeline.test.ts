/** The whole pipeline in one process: answers of a provider in, pages and pictures out. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyWorkspace } from '../src/cli/commands/verify.ts';
import { loadConfig } from '../src/config/load.ts';
import { silentLogger } from '../src/logger.ts';
import { DEFAULT_CITIES } from '../src/model/city.ts';
import { findWebFolder, type Pipeline, ROLES, startPipeline } from '../src/pipeline/pipeline.ts';
import { openWorkspace } from '../src/pipeline/workspace.ts';
import { until } from './cases/place.ts';

const CASES = join(import.meta.dirname, '..', 'src/collector/openweather/testcases');
interface Answer {
  readonly body: string;
  readonly temperature: number;
  readonly humidity: number;
  readonly dt: number;
}

/** For each default city a real recorded answer in metric units, all of other moments. */
function recordedAnswers(): Map<string, Answer> {
  const distinct = new Map<number, Answer>();
  for (const name of readdirSync(CASES).sort()) {
    const answer = readAnswer(join(CASES, name));
    if (answer !== null && !distinct.has(answer.dt)) distinct.set(answer.dt, answer);
  }
  const usable = [...distinct.values()];
  return new Map(
    DEFAULT_CITIES.map((city, index) => [city.city_id, usable[index * 2] as Answer] as const),
  );
}

/** The answer of a recorded case that makes an observation, as it would today; else null. */
function readAnswer(folder: string): Answer | null {
  try {
    const given = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
    const { record } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
    if (given.source === 'made up' || (given.units ?? 'metric') !== 'metric') return null;
    const body = readFileSync(join(folder, 'response.json'), 'utf8');
    const { main, dt } = JSON.parse(body);
    if (record.temperature_c !== main.temp || record.humidity_pct === null) return null;
    return { body, temperature: main.temp, humidity: main.humidity, dt };
  } catch {
    return null;
  }
}

/** A provider on this machine that sends the recorded answers by place. */
async function startRecordedProvider(answers: ReadonlyMap<string, Answer>) {
  const keys = new Set<string>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://provider');
    keys.add(url.searchParams.get('appid') ?? '');
    const city = DEFAULT_CITIES.find(
      ({ latitude }) => String(latitude) === url.searchParams.get('lat'),
    );
    const answer = answers.get(city?.city_id ?? '');
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(answer?.body ?? '{"cod":"404","message":"city not found"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    keys,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function start(flags: Readonly<Record<string, string>>): Promise<Pipeline> {
  const defaults = { 'table.landing_age_s': 1, 'api.port': 0, 'analytics.refresh_delay_s': 0.1 };
  const { config } = loadConfig({ file: null, env: {}, flags, defaults });
  return startPipeline({
    config,
    roles: ROLES,
    logger: silentLogger,
    version: '0.0.0',
    command: 'isobar test',
    webFolder: findWebFolder(),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at as a client sees them.
type Json = any;

async function get(pipeline: Pipeline, path: string): Promise<Json> {
  const response = await fetch(pipeline.url + path);
  assert.equal(response.status, 200, path);
  return response.json();
}

test('recorded answers of the provider come out of every route, right to the digit', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-pipeline-'));
  const answers = recordedAnswers();
  try {
    await using provider = await startRecordedProvider(answers);
    await using pipeline = await start({
      data: folder,
      'openweather.url': provider.url,
      'openweather.key': 'a-key-of-the-test',
    });
    assert.equal(pipeline.simulated, false);
    const statistics = await until(
      () => get(pipeline, '/api/city-statistics'),
      ({ data }) => data.length === DEFAULT_CITIES.length,
    );
    assert.deepEqual([...provider.keys], ['a-key-of-the-test']);
    for (const row of statistics.data) {
      const answer = answers.get(row.city_id);
      const at = new Date((answer?.dt ?? 0) * 1_000).toISOString().replace('.000Z', 'Z');
      assert.equal(row.observation_count, 1);
      assert.equal(row.temperature_c_mean, answer?.temperature);
      assert.equal(row.temperature_c_max, answer?.temperature);
      assert.equal(row.temperature_c_max_at, at);
      assert.equal(row.temperature_c_stddev, null);
      assert.equal(row.humidity_pct_mean, answer?.humidity);
      assert.equal(row.coverage_pct, 100);
    }
    const { meta } = statistics;
    assert.deepEqual([meta.simulated, meta.stale, meta.source], [false, true, ['openweathermap']]);
    assert.match(meta.reason, /old|stale|newest/i);

    const trends = await get(pipeline, '/api/hourly-trends');
    const london = answers.get('london');
    const hour = new Date((london?.dt ?? 0) * 1_000).getUTCHours();
    const utc = trends.data.filter((row: Json) => row.city_id === 'london' && row.clock === 'utc');
    assert.deepEqual(
      utc.map((row: Json) => [row.hour, row.temperature_c_mean]),
      [[hour, london?.temperature]],
    );

    const anomalies = await get(pipeline, '/api/anomalies');
    assert.deepEqual(anomalies.data, []);
    assert.deepEqual(
      [...anomalies.meta.not_enough_values].sort(),
      DEFAULT_CITIES.map((city) => city.city_id).sort(),
    );

    const raw = await get(pipeline, '/api/raw-data');
    assert.equal(raw.data.length, DEFAULT_CITIES.length);
    for (const row of raw.data) assert.equal(row.response, answers.get(row.city_id)?.body);

    for (const path of ['/api/temperature-chart', '/api/humidity-chart']) {
      const figure = await get(pipeline, `${path}?from=2000-01-01T00:00:00Z`);
      assert.equal(figure.data.length, DEFAULT_CITIES.length);
      assert.ok(figure.layout.yaxis);
      const given = figure.data.flatMap((trace: Json) => trace.y.filter((y: Json) => y !== null));
      const wanted = [...answers.values()].map((answer) =>
        path.includes('humidity') ? answer.humidity : answer.temperature,
      );
      assert.deepEqual(given.sort(), wanted.sort());
    }
    const page = await fetch(`${pipeline.url}/`);
    assert.match(await page.text(), /<!doctype html>/i);
    assert.equal((await fetch(`${pipeline.url}/api/city-statistics?city=nowhere`)).status, 404);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('without a key the simulator fills every route, and all of it says that it is simulated', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-pipeline-'));
  try {
    await using pipeline = await start({ data: folder, 'simulator.history_days': '3' });
    assert.equal(pipeline.simulated, true);
    const isFilled = ({ data }: Json) => data.length === DEFAULT_CITIES.length;
    for (const path of [
      '/api/city-statistics',
      '/api/temperature-chart',
      '/api/humidity-chart',
      '/api/cities',
    ]) {
      const answer = await until(() => get(pipeline, path), isFilled);
      assert.equal(answer.meta.simulated, true, path);
      assert.deepEqual(answer.meta.source, ['simulator'], path);
      assert.equal(answer.meta.stale, false, path);
    }
    const trends = await until(
      () => get(pipeline, '/api/hourly-trends'),
      ({ data }) => data.length === DEFAULT_CITIES.length * 48,
    );
    assert.equal(trends.meta.simulated, true);
    const raw = await get(pipeline, '/api/raw-data?limit=1000');
    assert.ok(raw.data.every((row: Json) => row.source === 'simulator'));
    const status = await get(pipeline, '/api/status');
    assert.equal((status.data ?? status).simulated, true);
    const again = start({ data: folder });
    await assert.rejects(again, (error: Json) => error.code === 'DATA_IN_USE');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('stopped and started again, it goes on where it was and everything adds up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-pipeline-'));
  try {
    const flags = { data: folder, 'simulator.history_days': '1' };
    for (let run = 0; run < 2; run++) {
      await using pipeline = await start(flags);
      await until(
        () => get(pipeline, '/api/city-statistics'),
        ({ data }) => data.length === DEFAULT_CITIES.length,
      );
    }
    const { config } = loadConfig({ file: null, env: {}, flags });
    await using workspace = await openWorkspace(config, true);
    const report = await verifyWorkspace(workspace);
    assert.deepEqual(report.differences, []);
    const { 'raw export hours': whole, 'raw export pending hours': open } = report.sums;
    assert.ok(Number(whole) + Number(open) >= 24);
    const log = await workspace.log();
    let appended = 0;
    for (let partition = 0; partition < log.partitionCount; partition++) {
      appended += Number((await log.range(partition)).next);
    }
    assert.equal(report.sums['offsets committed'], appended);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
