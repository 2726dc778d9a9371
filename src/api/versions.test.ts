import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, waitFor } from './testing/api.ts';

test('a lake that cannot be read from the start is said, and recovers by itself', async () => {
  let broken = true;
  await using api = await openTestApi({
    observations: [observation('berlin', 7_200)],
    change: (context) => ({
      ...context,
      table: {
        changes: (from, to) => context.table.changes(from, to),
        localPaths: (files) => context.table.localPaths(files),
        get latest() {
          return context.table.latest;
        },
        refresh(signal) {
          if (broken) throw new IsobarError('LAKE_UNAVAILABLE', 'the lake: it is away');
          return context.table.refresh(signal);
        },
      },
    }),
  });
  const answer = await api.app.inject('/api/raw-data');
  assert.deepEqual([answer.statusCode, answer.json().code], [503, 'LAKE_UNAVAILABLE']);
  assert.equal(answer.headers['retry-after'], '2');
  assert.equal((await api.app.inject('/readyz')).statusCode, 503);
  assert.equal((await api.app.inject('/livez')).statusCode, 200);
  assert.equal((await api.app.inject('/metrics')).statusCode, 200);

  broken = false;
  await api.look();
  assert.equal((await api.app.inject('/readyz')).statusCode, 200);
  assert.equal((await api.app.inject('/api/raw-data')).json().data.length, 1);

  // Later on, the last good version is served, and said to be old.
  broken = true;
  await api.look();
  const old = await waitFor('the failure', async () => {
    const answer = await api.app.inject('/api/raw-data');
    return answer.json().meta.stale ? answer : null;
  });
  assert.ok(old);
  const { meta, data } = old.json();
  assert.deepEqual([old.statusCode, data.length, meta.stale], [200, 1, true]);
  assert.match(meta.reason, /the newest version cannot be read \(LAKE_UNAVAILABLE: the lake/);
  const health = (await api.app.inject('/readyz')).json();
  assert.equal(health.status, 'degraded');
});

test('the newest observation of each city follows landings, also of superseded rows', async () => {
  await using api = await openTestApi({
    observations: [observation('berlin', 0), observation('berlin', 600), observation('cairo', 0)],
  });
  const temperatures = async () => {
    const { data } = (await api.app.inject('/api/cities')).json();
    return data.map(
      ({ latest }: { latest: { temperature_c: number } | null }) => latest?.temperature_c,
    );
  };
  assert.deepEqual(await temperatures(), [10, 10, undefined]);

  api.put(0, observation('berlin', 600, { collectedAt: 900, temperature_c: 11 }));
  api.put(1, observation('oslo', 300, { temperature_c: 5 }), observation('cairo', -600));
  await api.land();
  assert.deepEqual(await temperatures(), [11, 10, 5]);
  const { meta } = (await api.app.inject('/api/city-statistics')).json();
  assert.ok(meta.table_version > 0);
});

test('analytics that cannot be read are said, and the table is answered from', async () => {
  let broken = false;
  await using api = await openTestApi({
    observations: [observation('berlin', 7_200)],
    change: (context) => ({
      ...context,
      publications: {
        get failure() {
          return context.publications.failure;
        },
        compute: context.publications.compute,
        latest() {
          if (broken) throw new IsobarError('LAKE_MISSING', 'the publication: it is gone');
          return context.publications.latest();
        },
      },
    }),
  });
  broken = true;
  await api.look();
  const { meta, data } = await waitFor('the failure', async () => {
    const answer = (await api.app.inject('/api/city-statistics')).json();
    return answer.meta.stale && answer;
  });
  assert.deepEqual([data.length, meta.analytics_version], [1, 1]);
  assert.match(meta.reason, /LAKE_MISSING: the publication/);
});

test('analytics whose rows cannot be read do not take the place of the last ones', async () => {
  let broken = false;
  await using api = await openTestApi({
    observations: [observation('berlin', 0)],
    change: (context) => ({
      ...context,
      publications: {
        get failure() {
          return context.publications.failure;
        },
        compute: context.publications.compute,
        async latest() {
          const latest = await context.publications.latest();
          if (latest === null || !broken) return latest;
          const away = new IsobarError('LAKE_UNAVAILABLE', 'the rows: they are away');
          const reject = () => Promise.reject(away);
          return { ...latest, rows: reject, prepare: reject };
        },
      },
    }),
  });
  const ask = async () => (await api.app.inject('/api/city-statistics')).json();
  assert.equal((await ask()).meta.analytics_version, 1);
  broken = true;
  api.put(0, observation('berlin', 600));
  await api.land({ look: false });
  const old = await waitFor('the failure', async () => {
    api.changed();
    const answer = await ask();
    return answer.meta?.stale === true ? answer : null;
  });
  assert.deepEqual([old.data[0].observation_count, old.meta.analytics_version], [1, 1]);
  assert.match(old.meta.reason, /LAKE_UNAVAILABLE: the rows: they are away/);
  broken = false;
  await api.look();
  const { meta, data } = await ask();
  assert.deepEqual([data[0].observation_count, meta.analytics_version, meta.stale], [2, 2, false]);
});

test('a new source is named once it has landed', async () => {
  await using api = await openTestApi({ observations: [observation('berlin', 0)] });
  api.put(0, observation('cairo', 0, { source: 'import:kaggle' }));
  await api.land();
  const sources = async (query: string) =>
    (await api.app.inject(`/api/raw-data${query}`)).json().meta.source;
  assert.deepEqual(await sources(''), ['import:kaggle', 'openweathermap']);
  assert.deepEqual(await sources('?city=cairo'), ['import:kaggle']);
});

test('a new version is computed once more, and answers of the old one are not given', async () => {
  await using api = await openTestApi({ observations: [observation('berlin', 0)] });
  const first = await api.app.inject('/api/temperature-chart');
  api.put(0, observation('berlin', 600, { temperature_c: 20 }));
  api.queries.length = 0;
  await api.land({ publish: false });
  const seriesQueries = () => api.queries.filter((sql) => sql.includes('lowest_us')).length;
  assert.equal(seriesQueries(), 1, 'what was asked for is there before the version is');
  const headers = { 'if-none-match': String(first.headers.etag) };
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => api.app.inject({ url: '/api/temperature-chart', headers })),
  );
  assert.equal(seriesQueries(), 1);
  for (const answer of answers) {
    assert.deepEqual(answer.json().data[0].y, [10, 20]);
    assert.equal(answer.json().meta.table_version, 1);
  }

  // An answer that is no longer requested is not computed again.
  for (const minutes of [20, 30]) {
    api.queries.length = 0;
    api.put(0, observation('berlin', minutes * 60));
    await api.land({ publish: false });
  }
  assert.equal(seriesQueries(), 0);
});
