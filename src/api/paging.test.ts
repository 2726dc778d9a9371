import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LightMyRequestResponse } from 'fastify';
import { observation, timeAt } from '../table/testing/lake.ts';
import { isAfter, pageRows, type RowOrder } from './paging.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

type Row = Record<string, unknown>;

/** All pages from this address on; `between` runs after each. */
async function readPages(api: TestApi, url: string, between?: () => Promise<void>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const answer: LightMyRequestResponse = await api.app.inject(
      `${url}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    assert.equal(answer.statusCode, 200, answer.body);
    const { meta, data } = answer.json();
    rows.push(...data);
    cursor = meta.next_cursor;
    await between?.();
  }
  return rows;
}

const keyOf = ({ city_id, observed_at }: Row) => `${observed_at} ${city_id}`;

test('paging through raw data is complete and without overlap while landing goes on', async () => {
  const slots = Array.from({ length: 60 }, (_, slot) => slot);
  const before = slots.flatMap((slot) => [
    observation('berlin', slot * 600),
    observation('cairo', slot * 600),
    observation('oslo', slot * 1_200),
  ]);
  await using api = await openTestApi({ observations: before });
  let round = 0;
  const rows = await readPages(api, '/api/raw-data?limit=17', async () => {
    round += 1;
    if (round > 3) return;
    // Something newer than all, something late, and another word on what is there already.
    api.put(
      round % 2,
      observation('berlin', 100_000 + round),
      observation('cairo', 30 * 600 + round),
      observation('oslo', round * 1_200, { collectedAt: 200_000 + round, temperature_c: round }),
    );
    await api.land({ publish: false });
  });
  const keys = rows.map(keyOf);
  assert.equal(new Set(keys).size, keys.length, 'no row twice');
  const expected = new Set(before.map((row) => `${row.observed_at} ${row.city_id}`));
  for (const key of expected) assert.ok(keys.includes(key), `${key} is missing`);
  const times = rows.map(({ observed_at }) => String(observed_at));
  assert.deepEqual(times, [...times].sort().reverse());

  const all = (await api.app.inject('/api/raw-data?limit=1000')).json();
  assert.equal(all.data.length, before.length + 6);
  assert.equal(all.meta.next_cursor, null);
  const berlin = await readPages(
    api,
    `/api/raw-data?limit=7&city=berlin&from=${timeAt(600)}&to=${timeAt(12_000)}`,
  );
  assert.deepEqual(
    berlin.map(({ observed_at }) => observed_at),
    slots
      .slice(1, 20)
      .map((slot) => timeAt(slot * 600))
      .reverse(),
  );
});

test('the pages of the published datasets and of the cities join to the whole', async () => {
  const hours = Array.from({ length: 30 }, (_, hour) => hour);
  await using api = await openTestApi({
    observations: hours.flatMap((hour) =>
      ['berlin', 'cairo', 'oslo'].map((city) => observation(city, hour * 3_600)),
    ),
  });
  for (const route of ['city-statistics', 'hourly-trends', 'cities']) {
    const url = `/api/${route}`;
    const whole = (await api.app.inject(url)).json();
    const paged = await readPages(api, `${url}?limit=2`);
    assert.deepEqual(paged, whole.data, url);
  }
});

test('pages in memory join to the sorted whole, whatever the size', () => {
  const order: RowOrder<readonly [string, number]> = {
    key: (row) => row,
    kinds: ['string', 'number'],
    directions: [-1, 1],
  };
  const rows = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'b-1', 'a.b'), fc.nat()), {
    selector: (row) => row.join(),
  });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 10 }), (all, limit) => {
      const found: (readonly [string, number])[] = [];
      let cursor: string | null = null;
      do {
        const query = cursor === null ? { limit } : { limit, cursor };
        const page: ReturnType<typeof pageRows<readonly [string, number]>> = pageRows(
          all,
          order,
          query,
        );
        assert.ok(page.rows.length <= limit);
        found.push(...page.rows);
        cursor = page.nextCursor;
      } while (cursor !== null);
      const sorted = [...all].sort(([a, m], [b, n]) => (a === b ? m - n : a < b ? 1 : -1));
      assert.deepEqual(found, sorted);
    }),
  );
});

test('a key is after a cursor by city, then by what orders its rows', () => {
  const order = { kinds: ['string', 'number'], directions: [1, 1] } as const;
  assert.equal(isAfter(['b', 2_022], null, order), true);
  assert.equal(isAfter(['b', 2_022], ['a', 2_023], order), true);
  assert.equal(isAfter(['b', 2_022], ['b', 2_022], order), false);
  assert.equal(isAfter(['b', 2_023], ['b', 2_022], order), true);
  assert.equal(isAfter(['b', 2_023], ['c', 2_022], order), false);
});
