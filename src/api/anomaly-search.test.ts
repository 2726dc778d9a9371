/** `/api/anomalies` with words, numbers and orders, answered by a real index beside the lake. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openAnomalySource } from '../analytics/published-anomalies.ts';
import { openAnomalySearch } from '../index/answering.ts';
import { type IndexLoop, startIndexLoop } from '../index/index-loop.ts';
import { openSqliteIndex } from '../index/sqlite.ts';
import { silentLogger } from '../logger.ts';
import type { Anomaly } from '../model/datasets.ts';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

/** Ten days of two cities every hour, each with some very hot and some very cold hours. */
const HOT = new Map([
  [17, 61],
  [58, 62.5],
  [59, 62.5],
  [120, -41],
  [200, -43.5],
]);
const HISTORY = Array.from({ length: 240 }, (_, slot) => slot).flatMap((slot) =>
  ['berlin', 'cairo'].map((city, at) =>
    observation(city, slot * 3_600 - 10 * 86_400, {
      city: city === 'cairo' ? 'Caïro' : 'Berlin',
      temperature_c: (HOT.get(slot) ?? 10 + (slot % 5)) + at,
    }),
  ),
);

describe('search in the anomalies', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-api-index-'));
  const stack = new AsyncDisposableStack();
  let api: TestApi;
  let loop: IndexLoop;
  before(async () => {
    api = stack.use(
      await openTestApi({
        observations: HISTORY,
        change: (context) => ({ ...context, search: lazySearch() }),
      }),
    );
    api.now = new Date('2024-10-31T22:00:00Z');
    const index = stack.use(openSqliteIndex(folder));
    const session = stack.use(await api.lake.engine.session());
    const source = openAnomalySource(api.lake.storage, session);
    const options = { index, source, logger: silentLogger, lookMs: 3_600_000, writes: () => true };
    loop = startIndexLoop(options);
    stack.defer(() => loop.stop());
    search = openAnomalySearch({ index, loop, catchUpMs: 20_000 });
  });
  after(async () => {
    await stack.disposeAsync();
    rmSync(folder, { recursive: true });
  });

  let search = openAnomalySearch(null);
  /** The index lies beside the lake of the API, which is made first. */
  const lazySearch = () => ({
    get version() {
      return search.version;
    },
    ask: (...asked: Parameters<typeof search.ask>) => search.ask(...asked),
  });
  const ask = async (query: string) => {
    const answer = await api.app.inject(`/api/anomalies?${query}`);
    assert.equal(answer.statusCode, 200, answer.body);
    return answer.json();
  };
  const refuse = async (query: string, status = 400) => {
    const answer = await api.app.inject(`/api/anomalies?${query}`);
    assert.equal(answer.statusCode, status, answer.body);
    return answer.json();
  };

  test('words find city and reason, without case and diacritics; the last may be begun', async () => {
    const { meta, data } = await ask('q=CAIRO%20bel');
    assert.equal(data.length, 2);
    assert.ok(data.every((row: Anomaly) => row.city_id === 'cairo' && row.score < 0));
    assert.deepEqual([meta.index_version, meta.reason, meta.row_count], [1, null, 2]);
    const none = await ask('q=nowhere');
    assert.deepEqual(none.data, []);
    assert.match(none.meta.reason, /nothing unusual was found/);
  });

  test('plain answers are as ever, and those of the index have the same rows', async () => {
    const plain = await ask('');
    assert.deepEqual(Object.keys(plain.meta).slice(-2), ['next_cursor', 'not_enough_values']);
    const found = await ask('order=desc');
    assert.deepEqual(found.data, plain.data);
  });

  test('pages of every order neither repeat nor leave out a row', async () => {
    const all = (await ask('')).data.length;
    for (const sort of ['time', 'score', 'value']) {
      for (const order of ['asc', 'desc']) {
        const rows: Anomaly[] = [];
        let cursor = '';
        do {
          const { meta, data } = await ask(`sort=${sort}&order=${order}&limit=3${cursor}`);
          rows.push(...data);
          cursor =
            meta.next_cursor === null ? '' : `&cursor=${encodeURIComponent(meta.next_cursor)}`;
        } while (cursor !== '');
        assert.equal(new Set(rows.map((row) => `${row.city_id} ${row.observed_at}`)).size, all);
        const numberOf = (row: Anomaly) =>
          ({ time: Date.parse(row.observed_at), score: Math.abs(row.score), value: row.value })[
            sort
          ] ?? 0;
        const sorted = rows.toSorted((a, b) => numberOf(a) - numberOf(b)).map(numberOf);
        assert.deepEqual(rows.map(numberOf), order === 'asc' ? sorted : sorted.reverse());
      }
    }
  });

  test('filters and facets count the same rows', async () => {
    const { meta, data } = await ask('facets=1&limit=1&variable=temperature_c&rule=three_sigma');
    assert.equal(data.length, 1);
    const { facets } = meta;
    assert.equal(facets.total, 10);
    assert.deepEqual(facets.city_id, [
      { value: 'berlin', count: 5 },
      { value: 'cairo', count: 5 },
    ]);
    const strong = await ask(`min_score=${Math.abs(data[0].score)}&facets=1&city=berlin`);
    assert.equal(strong.data.length, strong.meta.facets.total);
    assert.deepEqual((await ask('max_score=1&facets=1')).meta.facets.total, 0);
  });

  test('files have the rows that were found, and no facets', async () => {
    const csv = await api.app.inject('/api/anomalies?q=berlin&facets=1&format=csv');
    assert.equal(csv.body.trim().split('\r\n').length, 6);
    const meta = JSON.parse(String(csv.headers['x-isobar-meta']));
    assert.deepEqual([meta.index_version, meta.facets], [1, undefined]);
    const parquet = await api.app.inject('/api/anomalies?q=berlin&format=parquet');
    assert.equal(parquet.rawPayload.subarray(0, 4).toString(), 'PAR1');
  });

  test('refuses what does not fit, with the name of the parameter', async () => {
    const { next_cursor: byTime } = (await ask('limit=1&sort=time')).meta;
    const { next_cursor: byScore } = (await ask('limit=1&sort=score')).meta;
    const wrong = [
      ['cursor', 'sort=value&cursor=1e999999,2024-01-01T00:00:00Z,a,b,c'],
      ['max_score', 'min_score=4&max_score=3'],
      ['min_score', 'min_score=-1'],
      ['min_score', 'min_score=0x3'],
      ['min_score', 'min_score=1e9'],
      ['sort', 'sort=reason'],
      ['order', 'order=up'],
      ['variable', 'variable=mood'],
      ['rule', 'rule=none'],
      ['facets', 'facets=yes'],
      ['q', `q=${'x'.repeat(201)}`],
    ];
    for (const query of [
      `sort=score&cursor=${byTime}`,
      `sort=time&cursor=${byScore}`,
      `cursor=${byScore}`,
    ]) {
      assert.equal((await refuse(query, 409)).code, 'CURSOR_MISMATCH', query);
    }
    for (const [field, query = ''] of wrong) {
      const problem = await refuse(query);
      assert.deepEqual([problem.code, problem.field], ['PARAMETER_INVALID', field], query);
    }
  });

  test('no character of a question has a meaning of its own', async () => {
    for (const q of ['"', '*', 'NEAR(', 'a OR b', 'words:x', '-berlin"', '%00', '\ud800']) {
      const { meta } = await ask(`q=${encodeURIComponent(q.toWellFormed())}`);
      assert.equal(meta.index_version, 1, q);
    }
  });

  test('the next publication is answered once it is indexed, and the ETag moves with it', async () => {
    const before = await api.app.inject('/api/anomalies?q=berlin');
    api.put(0, observation('berlin', 0, { city: 'Berlin', temperature_c: 60 }));
    await api.land();
    const later = await api.app.inject({
      url: '/api/anomalies?q=berlin',
      headers: { 'if-none-match': String(before.headers.etag) },
    });
    assert.equal(later.statusCode, 200);
    assert.equal(later.json().meta.index_version, 2);
    assert.equal(loop.held?.version, 2);
    assert.equal(later.json().data[0].value, 60);
  });
});
