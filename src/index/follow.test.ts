import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { until } from '../../test/support/until.ts';
import { IsobarError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import type { Anomaly } from '../model/datasets.ts';
import type { AnomalyIndex } from './anomaly-index.ts';
import { openAnomalySearch } from './answering.ts';
import { followPublication } from './follow.ts';
import { startIndexLoop } from './index-loop.ts';
import { scanRows } from './scan.ts';
import { openSqliteIndex } from './sqlite.ts';
import { bucketsOf, question, someRows } from './testing/anomalies.ts';
import { openTestSource } from './testing/publications.ts';

async function withIndex(run: (index: AnomalyIndex, folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-index-'));
  try {
    await using index = openSqliteIndex(folder);
    await run(index, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const EVERYTHING = question({ limit: 1_000, facets: true });

test('after each publication the index holds its rows, whatever changed', async () => {
  await withIndex(async (index) => {
    const source = openTestSource();
    let rows: readonly Anomaly[] = [];
    const step = fc.tuple(fc.nat(60), fc.nat(60), fc.string({ maxLength: 2 }));
    for (const [from, count, seed] of fc.sample(step, { numRuns: 25, seed: 5 })) {
      rows = someRows(from + count).filter((_, at) => at < from || seed.length > 0);
      rows = rows.map((row, at) =>
        at % 5 === 0 ? { ...row, reason: `${row.reason}${seed}` } : row,
      );
      source.publish(rows);
      const published = await source.latest();
      assert.ok(published !== null);
      await followPublication(index, published);
      assert.deepEqual(
        await index.search(EVERYTHING),
        scanRows(rows, published.version, EVERYTHING),
      );
    }
  });
});

test('what has not changed is neither read nor written', async () => {
  await withIndex(async (index) => {
    const source = openTestSource();
    const rows = someRows(200);
    const follow = async () => {
      source.read.length = 0;
      const published = await source.latest();
      assert.ok(published !== null);
      return followPublication(index, published);
    };
    source.publish(rows);
    assert.deepEqual(await follow(), { version: 1, changed: rows.length, replaced: true });
    assert.deepEqual(await follow(), { version: 1, changed: 0, replaced: false });
    source.publish(rows);
    assert.deepEqual(await follow(), { version: 2, changed: 0, replaced: false });
    assert.deepEqual(source.read, [], 'the same rows under another number');
    source.publish(rows.map((row, at) => (at === 3 ? { ...row, score: -9 } : row)));
    assert.deepEqual(await follow(), { version: 3, changed: 1, replaced: false });
    const [bucket] =
      [...bucketsOf(rows)].find(([, own]) => own.some((row) => row === rows[3])) ?? [];
    assert.deepEqual(source.read, [bucket]);
  });
});

test('publications of another lake replace what is there, also where numbers are lower', async () => {
  await withIndex(async (index) => {
    const before = openTestSource();
    for (let version = 0; version < 3; version += 1) before.publish(someRows(50, `${version}`));
    const after = openTestSource();
    after.publish(someRows(60, 'other'));
    for (const source of [before, after]) {
      const published = await source.latest();
      assert.ok(published !== null);
      await followPublication(index, published);
    }
    assert.deepEqual(
      await index.search(EVERYTHING),
      scanRows(someRows(60, 'other'), 1, EVERYTHING),
    );
  });
});

const UNAVAILABLE = new IsobarError('INDEX_UNAVAILABLE', 'it is away');

/** A loop with the index of a test, which looks only when it is woken. */
function startLoop(index: AnomalyIndex, source = openTestSource()) {
  const loop = startIndexLoop({
    index,
    source,
    logger: silentLogger,
    lookMs: 3_600_000,
    writes: () => true,
  });
  return {
    loop,
    source,
    search: openAnomalySearch({ index, loop, catchUpMs: 20_000 }),
    [Symbol.asyncDispose]: () => loop.stop(),
  };
}

test('a question waits a moment for the publication that it is about', async () => {
  await withIndex(async (index) => {
    await using place = startLoop(index);
    const { source, search } = place;
    const rows = someRows(80);
    source.publish(rows);
    const answered = await search.ask(EVERYTHING, { version: 1, rows: async () => [] });
    assert.deepEqual(answered, {
      ...scanRows(rows, 1, EVERYTHING),
      indexVersion: 1,
      reason: null,
    });
    assert.equal(search.version, 1);
  });
});

test('a question about what the index holds does not look at the lake', async () => {
  await withIndex(async (index) => {
    await using place = startLoop(index);
    const { loop, source, search } = place;
    source.publish(someRows(80));
    await loop.reach(1, 10_000);
    const looks = source.looks;
    const published = { version: 1, rows: async () => [] };
    for (let time = 0; time < 5; time += 1) {
      assert.equal((await search.ask(EVERYTHING, published)).indexVersion, 1);
    }
    assert.equal(source.looks, looks);
  });
});

test('a question notices that the index was wiped, and has it made anew', async () => {
  await withIndex(async (real) => {
    let wiped = false;
    const index: AnomalyIndex = {
      ...real,
      engine: 'sqlite',
      state: async () => (wiped ? null : real.state()),
      begin(kind) {
        wiped = false;
        return real.begin(kind);
      },
      search: (ask) => (wiped ? Promise.reject(UNAVAILABLE) : real.search(ask)),
    };
    await using place = startLoop(index);
    const { loop, source, search } = place;
    const rows = someRows(80);
    source.publish(rows);
    await loop.reach(1, 10_000);
    wiped = true;
    const published = { version: 1, rows: async () => rows };
    assert.equal((await search.ask(EVERYTHING, published)).indexVersion, null);
    await until('it was wiped', () => !wiped);
    await until('it is replaced', () => loop.counts.replacements === 2);
    assert.equal((await search.ask(EVERYTHING, published)).indexVersion, 1);
  });
});

test('an index that stays behind answers, and says so', async () => {
  await withIndex(async (index) => {
    await using place = startLoop(index);
    const { loop, source } = place;
    source.publish(someRows(80));
    await loop.reach(1, 10_000);
    const { indexVersion, reason } = await openAnomalySearch({ index, loop, catchUpMs: 5 }).ask(
      EVERYTHING,
      {
        version: 2,
        rows: async () => [],
      },
    );
    assert.equal(indexVersion, 1);
    assert.match(reason ?? '', /version 1 of the analytics, not yet 2/);
  });
});

test('while the index is away the published rows answer, but for words in many', async () => {
  await withIndex(async (real) => {
    let isAway = true;
    const away = <T>(work: () => Promise<T>) => (isAway ? Promise.reject(UNAVAILABLE) : work());
    const index: AnomalyIndex = {
      ...real,
      engine: 'sqlite',
      state: () => away(() => real.state()),
      begin: (kind) => away(() => real.begin(kind)),
      search: (ask) => away(() => real.search(ask)),
    };
    await using place = startLoop(index);
    const { loop, source, search } = place;
    const rows = someRows(80);
    const published = { version: 1, rows: async () => rows };
    source.publish(rows);
    const words = question({ text: 'above', facets: true });
    const answered = await search.ask(words, published);
    assert.deepEqual(answered.rows, scanRows(rows, 1, words).rows);
    assert.equal(answered.indexVersion, null);
    assert.match(answered.reason ?? '', /INDEX_UNAVAILABLE/);
    assert.equal(search.version, null);
    assert.equal(loop.failure?.code, 'INDEX_UNAVAILABLE');
    isAway = false;
    loop.retry();
    await until('version 1', () => loop.held?.version === 1);
    assert.equal(loop.failure, null);
    assert.equal((await search.ask(words, published)).indexVersion, 1);
  });
});

test('a lake that fails is looked at again, and the index answers meanwhile', async () => {
  await withIndex(async (index) => {
    await using place = startLoop(index);
    const { loop, source, search } = place;
    source.publish(someRows(10));
    await loop.reach(1, 10_000);
    source.failure = new IsobarError('LAKE_UNAVAILABLE', 'it is away');
    loop.wake();
    await until('it fails', () => loop.failure !== null);
    const published = { version: 1, rows: async () => [] };
    assert.equal((await search.ask(EVERYTHING, published)).indexVersion, 1);
    source.failure = null;
    source.publish(someRows(20));
    loop.retry();
    await until('version 2', () => loop.held?.version === 2);
    assert.equal(loop.held?.version, 2);
    assert.equal(loop.counts.failures, 1);
  });
});

test('an index whose parts are gone for good is made anew', async () => {
  await withIndex(async (real) => {
    const lost = new IsobarError('INDEX_UNAVAILABLE', 'gone', { details: { lost: true } });
    let isLost = true;
    const index: AnomalyIndex = {
      ...real,
      engine: 'opensearch',
      state: () => (isLost ? Promise.reject(lost) : real.state()),
      async begin(kind) {
        assert.equal(kind, 'replace');
        isLost = false;
        return real.begin(kind);
      },
    };
    await using place = startLoop(index);
    const { loop, source } = place;
    source.publish(someRows(10));
    await until('version 1', () => {
      loop.retry();
      return loop.held?.version === 1;
    });
    assert.ok(loop.counts.failures >= 5, `${loop.counts.failures} failures`);
  });
});
