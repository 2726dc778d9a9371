/**
 * The whole pipeline on the real services: a provider that sends an outlier, each step a process
 * of its own, and everything that people and other programs are promised at the other end.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { permitIsobar } from '../../src/cli/commands/cluster-permissions.ts';
import { PROFILE } from '../../src/cluster/profile.ts';
import { startTestProvider, type TestProvider } from '../../src/collector/testing/provider.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type City, DEFAULT_CITIES } from '../../src/model/city.ts';
import type { Status } from '../../src/model/status.ts';
import { openWorkspace } from '../../src/pipeline/workspace.ts';
import { AMPLE_BUDGET } from '../support/budget.ts';
import { openCrew } from '../support/crew.ts';
import { until } from '../support/until.ts';
import { absent, control, service } from './services.ts';

const missing = (['kafka', 'hdfs', 'spark'] as const).find((kind) => service(kind) === null);
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const CASE = join(import.meta.dirname, '../../src/collector/openweather/testcases/bare-rain');
const run = promisify(execFile);
const TIMEOUT_MS = 240_000;
const KEY = 'a-key-of-the-test';
const HISTORY = 24;
const HOUR_S = 3_600;
/** Files of a certificate for the provider and the API; without them both are met in the clear. */
const TLS = process.env.ISOBAR_TEST_TLS
  ? {
      cert: join(process.env.ISOBAR_TEST_TLS, 'server.pem'),
      key: join(process.env.ISOBAR_TEST_TLS, 'server.key'),
    }
  : null;
const OUTLIER = { city: 'london', temperature: 47.3 } as const;

/** A recorded answer, changed to be about this city at this time. */
function answerOf(city: City, dt: number, temperature: number): string {
  const answer = JSON.parse(readFileSync(join(CASE, 'response.json'), 'utf8'));
  const coord = { lon: city.longitude, lat: city.latitude };
  const main = { ...answer.main, temp: temperature, temp_min: temperature, temp_max: temperature };
  const sys = { ...answer.sys, country: city.country };
  return JSON.stringify({ ...answer, coord, main, sys, dt, timezone: 0, name: city.name });
}

const usual = (step: number) => 11 + (step % 3);

/** A day of what was usual, for `import`. */
function writeHistory(path: string, now: number): void {
  const lines = DEFAULT_CITIES.flatMap((city) =>
    Array.from({ length: HISTORY }, (_, step) =>
      answerOf(city, now - (HISTORY - step) * HOUR_S, usual(step)),
    ),
  );
  writeFileSync(path, lines.join('\n'));
}

/** Answers with each city's newest weather; one city has an outlier. */
async function startProvider(now: number): Promise<TestProvider> {
  const pair =
    TLS === null
      ? undefined
      : { cert: readFileSync(TLS.cert, 'utf8'), key: readFileSync(TLS.key, 'utf8') };
  const provider = await startTestProvider(pair);
  provider.answer = (url) => {
    const latitude = url.searchParams.get('lat');
    const city = DEFAULT_CITIES.find((one) => String(one.latitude) === latitude);
    if (city === undefined) return { status: 404, body: '{"cod":"404"}' };
    const temperature = city.city_id === OUTLIER.city ? OUTLIER.temperature : usual(0);
    return {
      headers: { 'content-type': 'application/json' },
      body: answerOf(city, now, temperature),
    };
  };
  return provider;
}

/** The settings of the cluster's profile, with a topic and a folder of this test's own. */
async function settingsOf(folder: string, provider: string): Promise<object> {
  const name = `pipeline-${randomUUID()}`;
  const { note } = await control();
  const profile = parse(readFileSync(join(note.folder, PROFILE), 'utf8'));
  const { log, lake, analytics } = profile;
  // Where all is encrypted, all that the cluster has is used.
  const cache = note.addresses.security === undefined ? {} : profile.api?.cache;
  const index = note.addresses.security === undefined ? {} : profile.index;
  return {
    data: join(folder, 'data'),
    openweather: { url: provider, key: KEY },
    collector: { interval_s: 10, delay_s: 0, budget: AMPLE_BUDGET },
    log: { ...log, kafka: { ...log.kafka, topic: name, group: name } },
    lake: {
      ...lake,
      hdfs: { ...lake.hdfs, folder: `${lake.hdfs.folder ?? ''}/test/${name}` },
    },
    table: { landing_age_s: 1 },
    analytics: { ...analytics, refresh_delay_s: 0.1 },
    index,
    api: {
      port: 0,
      cache,
      tls: TLS === null ? {} : { certificate_file: TLS.cert, key_file: TLS.key },
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at as a client sees them.
type Json = any;

async function ask(url: string): Promise<Json> {
  const answer = await fetch(url).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

/** Asks until the answer is as wanted; fails with the last one. */
async function untilTold(url: string, isRight: (answer: Json) => boolean): Promise<Json> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const answer = await ask(url);
    if (answer !== null && isRight(answer)) return answer;
    assert.ok(performance.now() < deadline, `${url}: ${JSON.stringify(answer)?.slice(0, 1_000)}`);
    await delay(200);
  }
}

/** What has been received from the stream of events so far. */
function listen(url: string) {
  const stop = new AbortController();
  const received = { text: '' };
  const reading = (async () => {
    const answer = await fetch(url, { signal: stop.signal });
    const decoder = new TextDecoder();
    for await (const part of answer.body ?? []) received.text += decoder.decode(part);
  })().catch(() => {
    // The stream ends with the server or with the test.
  });
  return {
    received,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}

test('observations of a provider come out of the API, with every step a process of its own', {
  skip: missing !== undefined && absent(missing),
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-pipeline-'));
  const now = Math.floor(Date.now() / 1_000) - 60;
  const provider = await startProvider(now);
  try {
    const profile = join(folder, 'profile.yaml');
    const settings = await settingsOf(folder, provider.url);
    writeFileSync(profile, stringify(settings), { mode: 0o600 });
    const { config } = loadConfig({ file: profile, env: {}, flags: {} });
    await permitIsobar(config, (await control()).note.addresses);
    const history = join(folder, 'history.jsonl');
    writeHistory(history, now);
    const isobar = async (...args: string[]) =>
      (await run(process.execPath, [MAIN, ...args, '--config', profile])).stdout;
    await isobar('import', history);
    {
      await using crew = openCrew(folder, profile);
      const server = crew.start('serve');
      crew.start('analyze');
      crew.start('land');
      const address = () => /https?:\/\/\S+(?= is up)/.exec(server.output)?.[0];
      await until('the API is up', () => address() !== undefined, TIMEOUT_MS);
      const url = address() ?? '';
      // A new viewer receives the events from now on.
      await using stream = listen(`${url}/api/events`);
      await until('the stream has begun', () => stream.received.text !== '', TIMEOUT_MS);
      crew.start('collect');
      await assertServed(url, now);
      await until('the stream reports it', () => tellsOfOutlier(stream.received.text), TIMEOUT_MS);
      await crew.stopAll();
    }
    assert.ok(!execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(profile));
    assert.deepEqual([...new Set(provider.requests.map(keyOf))], [KEY]);
    await assertKept(isobar, profile, folder);
  } finally {
    await provider.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

const keyOf = (url: URL) => url.searchParams.get('appid');

async function assertServed(url: string, now: number): Promise<void> {
  const at = new Date(now * 1_000).toISOString().replace('.000Z', 'Z');
  const anomalies = await untilTold(`${url}/api/anomalies`, ({ data }) =>
    data.some((row: Json) => row.rule === 'three_sigma' && row.city_id === OUTLIER.city),
  );
  const row = anomalies.data.find((one: Json) => one.rule === 'three_sigma');
  assert.deepEqual([row.city_id, row.observed_at, row.value], ['london', at, OUTLIER.temperature]);
  assert.equal(anomalies.meta.simulated, false);

  const rows = DEFAULT_CITIES.length * (HISTORY + 1);
  const { data: status }: { data: Status } = await untilTold(
    `${url}/api/status`,
    ({ data }) => data.table.rows === rows && data.log.partitions.every(isLanded),
  );
  assert.deepEqual([status.log.engine, status.analytics.engine], ['kafka', 'spark']);
  const { data: cities } = await untilTold(`${url}/api/city-statistics`, ({ data }) =>
    data.every((one: Json) => one.observation_count === HISTORY + 1),
  );
  assert.equal(cities.length, DEFAULT_CITIES.length);
  const hottest = cities.find((one: Json) => one.city_id === OUTLIER.city);
  assert.equal(hottest.temperature_c_max, OUTLIER.temperature);
  assert.equal(hottest.temperature_c_max_at, at);

  const { data: raw } = await ask(`${url}/api/raw-data?city=${OUTLIER.city}&limit=1`);
  const [london] = DEFAULT_CITIES.filter(({ city_id }) => city_id === OUTLIER.city);
  assert.ok(london !== undefined);
  assert.equal(raw[0].response, answerOf(london, now, OUTLIER.temperature));
  const chart = await ask(`${url}/api/temperature-chart?from=2000-01-01T00:00:00Z`);
  assert.equal(chart.data.length, DEFAULT_CITIES.length);
}

const isLanded = ({ waiting }: { waiting: number }) => waiting === 0;

/** The observation itself, and that newer datasets are there. */
function tellsOfOutlier(text: string): boolean {
  const events = text.split('\n\n');
  const isOutlier = (one: string) =>
    /^event: observation$/m.test(one) && one.includes(`"temperature_c":${OUTLIER.temperature}`);
  return events.some(isOutlier) && events.some((one) => /^event: version$/m.test(one));
}

/** By the files alone: nothing is missing, and a copy is as good. */
async function assertKept(
  isobar: (...args: string[]) => Promise<string>,
  profile: string,
  folder: string,
): Promise<void> {
  const appended = await countAppended(profile);
  const { sums, differences } = JSON.parse(await isobar('verify', '--json'));
  assert.deepEqual(differences, []);
  assert.equal(sums['offsets committed'], appended);
  assert.ok(sums['analytics version'] > 0);
  const backup = join(folder, 'backup');
  assert.match(await isobar('backup', backup), /everything adds up/);
  const elsewhere = async (...args: string[]) =>
    (await run(process.execPath, [MAIN, ...args, '--data', join(folder, 'restored')])).stdout;
  assert.match(await elsewhere('restore', backup), /everything adds up/);
  const restored = JSON.parse(await elsewhere('verify', '--json'));
  assert.deepEqual(restored.differences, []);
  assert.equal(restored.sums['observations rows'], sums['observations rows']);
}

async function countAppended(profile: string): Promise<number> {
  const { config } = loadConfig({ file: profile, env: {}, flags: {} });
  await using workspace = await openWorkspace(config, false);
  const log = await workspace.log();
  let sum = 0n;
  for (let partition = 0; partition < log.partitionCount; partition++) {
    sum += (await log.range(partition)).next;
  }
  return Number(sum);
}
