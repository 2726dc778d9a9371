/** Several servers, one Redis: whatever happens, each answers as it would alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  findRedis,
  NO_REDIS,
  startRedis,
  type TestRedis,
} from '../../../test/support/redis-server.ts';
import { stormOf } from '../../../test/support/storm.ts';
import { observation } from '../../table/testing/lake.ts';
import type { ApiContext } from '../context.ts';
import { openTestApi, type TestApi, waitFor } from '../testing/api.ts';
import { cacheOver, connectionTo } from './testing/connection.ts';
import { ask, openServer, type TestServer } from './testing/servers.ts';

const program = await findRedis();

function start(): Promise<TestRedis> {
  if (program === null) throw new Error(NO_REDIS);
  return startRedis(program);
}

const QUESTIONS = [
  '/api/city-statistics',
  '/api/city-statistics?format=csv',
  '/api/hourly-trends?city=berlin',
  '/api/city-statistics?from=2024-10-31T22:10:00Z',
  '/api/anomalies',
  '/api/raw-data?limit=3',
  '/api/raw-data?format=csv&excel=1',
  '/api/raw-data?format=parquet',
  '/api/series?city=cairo&variable=temperature_c&points=100',
  '/api/temperature-chart?city=berlin',
  '/api/hourly-means?city=berlin&variable=temperature_c&period=month',
] as const;

/** Everything that may look alike and is not: another lake, another kind, other names of cities. */
interface Kind extends AsyncDisposable {
  readonly api: TestApi;
  readonly alone: TestServer;
  readonly servers: readonly TestServer[];
  /** Question and versions → the answer of a server without Redis. */
  readonly expected: Map<string, string>;
}

async function openKinds(redis: TestRedis): Promise<readonly Kind[]> {
  const first = [0, 600, 1_200].map((at) => observation('berlin', at));
  const one = await openTestApi({ observations: [...first, observation('cairo', 0)] });
  const other = await openTestApi({
    observations: [...first.map((row) => ({ ...row, temperature_c: 33 })), observation('cairo', 0)],
  });
  const renamed = one.context.cities().map((city) => ({ ...city, name: `New ${city.name}` }));
  const changes: readonly (readonly [TestApi, Partial<ApiContext>])[] = [
    [one, {}],
    [other, {}],
    [one, { simulated: true }],
    [one, { cities: () => renamed }],
  ];
  const kinds: Kind[] = [];
  for (const [at, [api, change]] of changes.entries()) {
    const open = async () => openServer(api, cacheOver(await connectionTo(redis)), change);
    const alone = await openServer(api, null, change);
    const servers = [await open(), await open()];
    kinds.push({
      api,
      alone,
      servers,
      expected: new Map(),
      async [Symbol.asyncDispose]() {
        for (const server of [alone, ...servers]) await server[Symbol.asyncDispose]();
        if (at === 0 || at === 1) return;
        if (at === changes.length - 1)
          for (const each of [one, other]) await each[Symbol.asyncDispose]();
      },
    });
  }
  return kinds;
}

type Ask = {
  readonly kind: number;
  readonly server: number;
  readonly question: number;
  readonly gzip: boolean;
};
type Spoil = { readonly how: 'swap' | 'cut' | 'garble' | 'forget' | null; readonly at: number };
/** What happens between two versions: servers look, or not yet, while others are asked. */
interface Round {
  readonly land: { readonly kind: number; readonly publish: boolean };
  readonly looks: readonly { readonly kind: number; readonly server: number }[];
  readonly asks: readonly Ask[];
  readonly spoil: Spoil;
  readonly asksLater: readonly Ask[];
}

const place = { kind: fc.nat(3), server: fc.nat(1) };
const asks = fc.array(
  fc.record({ ...place, question: fc.nat(QUESTIONS.length - 1), gzip: fc.boolean() }),
  { minLength: 20, maxLength: 60, size: 'max' },
);
const anyRound: fc.Arbitrary<Round> = fc.record({
  land: fc.record({ kind: fc.nat(1), publish: fc.boolean() }),
  looks: fc.array(fc.record(place), { minLength: 4, maxLength: 8, size: 'max' }),
  asks,
  spoil: fc.record({
    how: fc.constantFrom('swap', 'cut', 'garble', 'forget', null),
    at: fc.nat(),
  }),
  asksLater: asks,
});

class Run {
  readonly #redis: TestRedis;
  readonly #kinds: readonly Kind[];
  #landed = 0;

  /** Answers that were. */
  compared = 0;

  constructor(redis: TestRedis, kinds: readonly Kind[]) {
    this.#redis = redis;
    this.#kinds = kinds;
  }

  /** What a server without Redis answers at the version that is the newest now. */
  async expectAll(): Promise<void> {
    for (const { alone, expected } of this.#kinds) {
      for (const url of QUESTIONS) {
        const { versions, answer } = await ask(alone, url, false);
        if (!expected.has(`${url} ${versions}`)) expected.set(`${url} ${versions}`, answer);
      }
    }
  }

  async play({ land, looks, asks, spoil, asksLater }: Round): Promise<void> {
    await this.#land(land.kind, land.publish);
    const asked = asks.map((one) => this.#ask(one));
    for (const { kind, server } of looks) this.#kind(kind).servers[server]?.look();
    await Promise.all(asked);
    await this.#spoil(spoil);
    await Promise.all(asksLater.map((one) => this.#ask(one)));
  }

  async #ask({ kind, server: number, question, gzip }: Ask): Promise<void> {
    const { servers, expected } = this.#kind(kind);
    const server = servers[number];
    const url = QUESTIONS[question] ?? '';
    assert.ok(server !== undefined);
    const { versions, answer } = await ask(server, url, gzip);
    const wanted = expected.get(`${url} ${versions}`);
    // A server may look between a landing and its publication, which the one without Redis has missed.
    if (wanted === undefined) return;
    this.compared += 1;
    assert.equal(answer, wanted, `${url} at ${versions}`);
  }

  #kind(number: number): Kind {
    const kind = this.#kinds[number];
    assert.ok(kind !== undefined);
    return kind;
  }

  /** A new version; the servers without Redis follow at once. */
  async #land(number: number, publish: boolean): Promise<void> {
    const { api } = this.#kind(number);
    this.#landed += 1;
    const at = 1_800 + 600 * this.#landed;
    const temperature_c = this.#landed % 30;
    api.put(0, observation('berlin', at, { temperature_c }), observation('cairo', at));
    await api.land({ publish });
    for (const { alone, api: own } of this.#kinds) {
      if (own !== api) continue;
      const { meta } = (await own.app.inject('/api/raw-data?limit=1')).json();
      const { version } = (await own.context.publications.latest()) ?? { version: null };
      alone.look();
      await waitFor('the server without Redis', async () => {
        const found = (await alone.app.inject('/api/raw-data?limit=1')).json().meta;
        return found.table_version === meta.table_version && found.analytics_version === version;
      });
    }
    await this.expectAll();
  }

  /** Changes all that Redis holds, as no server of ours would. */
  async #spoil({ how, at }: Spoil): Promise<void> {
    if (how === null) return;
    if (how === 'forget') return void (await this.#redis.call('FLUSHALL'));
    const found = (await this.#redis.call('KEYS', 'test:answer:*')) as Buffer[];
    const keys = found.map(String).filter((key) => !key.endsWith(':lock'));
    if (keys.length === 0) return;
    const values = (await this.#redis.call('MGET', ...keys)) as (Buffer | null)[];
    const pairs = keys.flatMap((key, index) => {
      const value = values[how === 'swap' ? (index + 1 + at) % values.length : index];
      if (!value) return [];
      const spoilt = Buffer.from(how === 'cut' ? value.subarray(0, value.length >> 1) : value);
      const place = at % spoilt.length;
      if (how === 'garble') spoilt[place] = (spoilt[place] ?? 0) ^ 0x20;
      return [key, spoilt];
    });
    await this.#redis.call('MSET', ...pairs);
  }
}

describe('servers that share a cache', { skip: program === null && NO_REDIS }, () => {
  test('each answers as one without it, whatever the others and Redis do', async () => {
    await using redis = await start();
    await using stack = new AsyncDisposableStack();
    const kinds = await openKinds(redis);
    for (const kind of kinds) stack.use(kind);
    const run = new Run(redis, kinds);
    await run.expectAll();
    await fc.assert(
      fc.asyncProperty(anyRound, (round) => run.play(round)),
      // What was played before is a part of it: a smaller case would be another one.
      { numRuns: stormOf(100, 6), endOnFailure: true },
    );
    const counts = kinds.flatMap(({ servers }) =>
      servers.map(({ cache }) => cache?.status().lookups),
    );
    const hits = counts.reduce((sum, lookups) => sum + (lookups?.hit ?? 0), 0);
    // How many depends on the rounds: now and then each answer is spoilt.
    assert.ok(hits > 0, `${hits} answers were shared`);
    assert.ok(run.compared > 100, `${run.compared} answers were compared`);
  });

  test('one computes for all, once a version', async () => {
    await using redis = await start();
    await using api = await openTestApi({ observations: [observation('berlin', 0)] });
    await using stack = new AsyncDisposableStack();
    const servers: TestServer[] = [];
    for (let count = 0; count < 4; count += 1) {
      servers.push(stack.use(await openServer(api, cacheOver(await connectionTo(redis)))));
    }
    for (const round of [1, 2]) {
      const before = api.queries.length;
      const url = `/api/raw-data?limit=${round}`;
      const all = [...servers, ...servers, ...servers].map((server) => ask(server, url, true));
      const answers = new Set((await Promise.all(all)).map(({ answer }) => answer));
      assert.equal(answers.size, 1);
      assert.equal(api.queries.length - before, 1);
    }
  });

  test('with Redis stopped, answers take no longer than without it', async () => {
    await using redis = await start();
    await using api = await openTestApi({ observations: [observation('berlin', 0)] });
    await using alone = await openServer(api, null);
    const pauses = { least: 20, most: 100 };
    const connection = await connectionTo(redis, { timeoutMs: 10, pauses });
    await using server = await openServer(api, cacheOver(connection));
    redis.signal('SIGSTOP');
    const times = { alone: [] as number[], shared: [] as number[] };
    for (let round = 1; round <= 60; round += 1) {
      const url = `/api/raw-data?limit=${round}`;
      for (const [who, asked] of [
        ['alone', alone],
        ['shared', server],
      ] as const) {
        const from = performance.now();
        await ask(asked, url, true);
        times[who].push(performance.now() - from);
      }
    }
    const p90 = (values: number[]) =>
      values.sort((a, b) => a - b)[Math.floor(0.9 * values.length)] ?? 0;
    const [without, beside] = [p90(times.alone), p90(times.shared)];
    assert.ok(beside < without + 20, `${beside} ms, ${without} ms without Redis`);
    assert.ok(server.cache !== null && server.cache.status().lookups.failed >= 3);
  });
});
