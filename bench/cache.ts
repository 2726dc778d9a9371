/**
 * Four servers of one data folder, each by itself and with a shared Redis, by turns: how many queries
 * a version costs, and how long answers take while versions come.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '../src/logger.ts';
import { findRedis, NO_REDIS, startRedis, type TestRedis } from '../test/support/redis-server.ts';
import { quantile } from './figures.ts';
import type { Measured } from './main.ts';
import { appendHours, type BenchWorkspace, openBenchWorkspace, range } from './observations.ts';

const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
const CITIES = 36;
const HOURS = 8_766;
const SERVERS = 4;
const VERSIONS = 10;
const TURNS = 2;
const VERSION_MS = 3_000;
const BETWEEN_ANSWERS_MS = 20;
const QUESTIONS_STOPPED = 500;

const CITIES_ASKED = ['city-1', 'city-2', 'city-3'].map((id) => `city=${id}`).join('&');
/** A page's, asked again and again. */
const QUESTIONS = [
  '/api/city-statistics',
  '/api/hourly-trends?city=city-1',
  '/api/raw-data?limit=50',
  `/api/temperature-chart?${CITIES_ASKED}`,
  `/api/humidity-chart?${CITIES_ASKED}`,
  `/api/series?${CITIES_ASKED}&variable=pressure_hpa&from=2013-01-01T00:00:00Z`,
  `/api/series?${CITIES_ASKED}&variable=temperature_c&from=2013-01-01T00:00:00Z`,
  `/api/hourly-means?${CITIES_ASKED}&variable=temperature_c&from=2013-06-01T00:00:00Z`,
] as const;

interface Turn {
  readonly queries: number;
  readonly answers: readonly number[];
  /** Of a question that was not asked before, at each version. */
  readonly first: readonly number[];
}

export async function benchCache(): Promise<Measured[]> {
  const program = await findRedis();
  if (program === null) {
    process.stderr.write(`${NO_REDIS}: left out\n`);
    return [];
  }
  await using bench = await openBenchWorkspace({ 'log.partitions': '1' });
  await using redis = await startRedis(program, ['--maxmemory', '128mb']);
  const advance = await openVersions(bench);
  const alone: Turn[] = [];
  const shared: Turn[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    alone.push(await measure(bench.folder, advance, ''));
    shared.push(await measure(bench.folder, advance, redis.url));
  }
  const [without, beside] = [sumUp(alone), sumUp(shared)];
  return [
    {
      name: `${SERVERS} servers, one cache: queries for a version`,
      figure: `${beside.queries.toFixed(1)} with Redis`,
      bar: 'fewer than half of those without Redis',
      compared: `${without.queries.toFixed(1)} without; ${QUESTIONS.length + 1} questions, and one query of each server for the latest conditions`,
      reached: beside.queries < without.queries / 2,
    },
    {
      name: `${SERVERS} servers, one cache: answers while versions come`,
      figure: `p50 ${beside.p50} ms, p99 ${beside.p99} ms; asked for the first time p50 ${beside.firstP50} ms, p99 ${beside.firstP99} ms`,
      bar: 'p99 at most 20 ms above that without Redis',
      compared: `without p50 ${without.p50} ms, p99 ${without.p99} ms; for the first time p50 ${without.firstP50} ms, p99 ${without.firstP99} ms (${without.count} and ${beside.count} answers)`,
      reached: beside.p99 <= without.p99 + 20,
    },
    await timeStopped(bench.folder, redis),
  ];
}

function sumUp(turns: readonly Turn[]) {
  const answers = turns.flatMap((turn) => turn.answers);
  const first = turns.flatMap((turn) => turn.first);
  const queries = turns.reduce((sum, turn) => sum + turn.queries, 0) / (TURNS * VERSIONS);
  return {
    queries,
    count: answers.length,
    p50: quantile(answers, 0.5),
    p99: quantile(answers, 0.99),
    firstP50: quantile(first, 0.5),
    firstP99: quantile(first, 0.99),
  };
}

/** A year of weather; each call lands and publishes one more hour. */
async function openVersions({ workspace }: BenchWorkspace): Promise<() => Promise<void>> {
  const sink = await workspace.sink();
  const refresher = await workspace.refresher(silentLogger);
  const publish = async () => {
    while ((await sink.land(0)) !== null) {}
    await refresher.refresh();
  };
  await appendHours(workspace, CITIES, range(0, HOURS));
  await publish();
  let hour = HOURS;
  return async () => {
    await appendHours(workspace, CITIES, [hour]);
    hour += 1;
    await publish();
  };
}

/** Questions that were never asked, to a server with a Redis that hangs and to one without, by turns. */
async function timeStopped(folder: string, redis: TestRedis): Promise<Measured> {
  const servers = [await serve(folder, ''), await serve(folder, redis.url)] as const;
  const times: readonly [number[], number[]] = [[], []];
  try {
    for (const { url } of servers) await ask(`${url}${QUESTIONS[0]}`);
    redis.signal('SIGSTOP');
    for (let limit = 1; limit <= QUESTIONS_STOPPED; limit += 1) {
      for (const at of limit % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        times[at].push(await ask(`${servers[at].url}/api/hourly-trends?limit=${limit}`));
      }
    }
  } finally {
    redis.signal('SIGCONT');
    await Promise.all(servers.map(({ child }) => end(child)));
  }
  const [[p50, p99], [stoppedP50, stoppedP99]] = [describe(times[0]), describe(times[1])];
  return {
    name: 'a server whose Redis is stopped (SIGSTOP): answers that are not kept',
    figure: `p50 ${stoppedP50} ms, p99 ${stoppedP99} ms`,
    bar: 'both at most 20 ms above those without Redis',
    compared: `without p50 ${p50} ms, p99 ${p99} ms; ${QUESTIONS_STOPPED} answers of each by turns`,
    reached: stoppedP50 <= p50 + 20 && stoppedP99 <= p99 + 20,
  };
}

function describe(times: readonly number[]): readonly [p50: number, p99: number] {
  return [quantile(times, 0.5), quantile(times, 0.99)];
}

let firsts = 0;

async function measure(
  folder: string,
  advance: () => Promise<void>,
  redisUrl: string,
): Promise<Turn> {
  const servers = await Promise.all(Array.from({ length: SERVERS }, () => serve(folder, redisUrl)));
  const urls = servers.map(({ url }) => url);
  try {
    for (const url of urls) for (const question of QUESTIONS) await ask(url + question);
    const before = await countQueries(urls);
    const answers: number[] = [];
    const first: number[] = [];
    const stop = new AbortController();
    const viewers = urls.map((url) => watch(url, answers, stop.signal));
    for (let version = 0; version < VERSIONS; version += 1) {
      const from = performance.now();
      await advance();
      await delay(VERSION_MS / 2 - Math.min(VERSION_MS / 2, performance.now() - from));
      firsts += 1;
      const question = `/api/series?city=city-4&variable=temperature_c&from=2013-01-01T00:00:00Z&points=${1_000 + firsts}`;
      first.push(...(await Promise.all(urls.map((url) => ask(url + question)))));
      await delay(VERSION_MS - Math.min(VERSION_MS, performance.now() - from));
    }
    stop.abort();
    await Promise.all(viewers);
    return { queries: (await countQueries(urls)) - before, answers, first };
  } finally {
    await Promise.all(servers.map(({ child }) => end(child)));
  }
}

async function watch(url: string, answers: number[], signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    answers.push(await ask(url + (QUESTIONS[turn % QUESTIONS.length] ?? '')));
    await delay(BETWEEN_ANSWERS_MS);
  }
}

/** Milliseconds until the answer was there. */
async function ask(url: string): Promise<number> {
  const from = performance.now();
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`);
  return performance.now() - from;
}

async function countQueries(urls: readonly string[]): Promise<number> {
  let sum = 0;
  for (const url of urls) {
    const text = await (await fetch(`${url}/metrics`)).text();
    sum += Number(/^isobar_api_queries_total (\d+)/m.exec(text)?.[1]);
  }
  return sum;
}

async function serve(folder: string, redisUrl: string) {
  const settings = ['--data', folder, '--port', '0', '--set', 'collector.source=none'];
  const child = spawn(process.execPath, [MAIN, 'serve', ...settings], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ISOBAR_OPENWEATHER_KEY: '', ISOBAR_API_CACHE_REDIS_URL: redisUrl },
  });
  let said = '';
  for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    const [, url] = /(http:\S+) is up/.exec(said) ?? [];
    if (url === undefined) continue;
    child.stderr.resume();
    return { child, url };
  }
  throw new Error(`a server ended: ${said}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
