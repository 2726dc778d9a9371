import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spansAfter, type Walked, walkCities } from './city-walk.ts';

const spans = Array.from({ length: 1_000 }, (_, at) => ({
  city_id: `city-${String(at).padStart(4, '0')}`,
  dayCount: 3_650,
}));

test('where cities have no rows a page ends all the same, and the next one goes on', async () => {
  const read: string[] = [];
  let pages = 0;
  for (let after: readonly string[] | null = null; ; pages += 1) {
    const { rows, lastCity }: Walked<never> = await walkCities(
      spansAfter(spans, after),
      10,
      async (cities) => {
        assert.ok(cities.length * 3_650 <= 110_000, 'they are read a few at a time');
        read.push(...cities);
        return [];
      },
    );
    assert.deepEqual(rows, []);
    assert.ok(read.length * 3_650 <= 1_200_000 * (pages + 1));
    if (lastCity === null) break;
    assert.equal(lastCity, read.at(-1));
    after = [lastCity, '9999-12-31'];
  }
  assert.ok(pages >= 2);
  // The city of the cursor is read again: it may have more rows.
  assert.equal(read.length, spans.length + pages);
  assert.deepEqual(
    [...new Set(read)],
    spans.map(({ city_id }) => city_id),
  );
});

test('a page that is full reads on no further', async () => {
  const read: string[] = [];
  const { rows, lastCity } = await walkCities(spans, 3, async (cities) => {
    read.push(...cities);
    return cities;
  });
  assert.deepEqual(rows, read);
  assert.equal(read.length, 7, 'one, two and four');
  assert.equal(lastCity, 'city-0006');
});
