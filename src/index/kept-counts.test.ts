import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnomalyQuestion } from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import { KeptCounts } from './kept-counts.ts';
import { scanRows } from './scan.ts';
import { anomaliesOf, question, questions, someRows, someSentences } from './testing/anomalies.ts';

function countsOf(rows: readonly Anomaly[]): KeptCounts {
  const counts = new KeptCounts();
  for (const row of rows) counts.add(row, 1);
  return counts;
}

const facetsOf = (rows: readonly Anomaly[], ask: AnomalyQuestion) =>
  scanRows(rows, 1, { ...ask, facets: true }).facets;

/** As they come back from where they are stored. */
function stored(counts: KeptCounts): KeptCounts | null {
  const body = counts.body();
  return body && KeptCounts.parse(JSON.parse(JSON.stringify(body)));
}

test('kept counts say what counting says, or that rows have to be counted', () => {
  const sets = fc.tuple(fc.nat(80), fc.nat(80), fc.string({ maxLength: 2 }), questions());
  fc.assert(
    fc.property(sets, ([before, after, seed, ask]) => {
      const gone = someRows(before);
      const rows = anomaliesOf([...someRows(after, seed), ...someSentences(after)]);
      const counts = countsOf(gone);
      for (const row of rows) counts.add(row, 1);
      for (const row of gone) counts.add(row, -1);
      const kept = stored(counts);
      assert.ok(kept !== null);
      for (const asked of [ask, { ...ask, scoreMin: null, scoreMax: null, from: null, to: null }]) {
        const facets = kept.facets(asked);
        if (facets !== null) assert.deepEqual(facets, facetsOf(rows, asked));
      }
    }),
    { numRuns: 300 },
  );
});

const ROWS = someSentences(400).filter(({ city }) => !/Above|Mean/.test(city));

for (const text of ['', 'above', 'deviations below', 'temperature abo']) {
  test(`rows need not be counted for “${text}”`, () => {
    const chosen = { city_id: [], variable: ['temperature_c', 'pressure_hpa'], rule: [] };
    const kept = stored(countsOf(ROWS));
    for (const ask of [question({ text }), question({ text, chosen })]) {
      assert.deepEqual(kept?.facets(ask), facetsOf(ROWS, ask));
    }
  });
}

for (const text of ['3', 'above 3', 'york', 'above yor', 'y']) {
  test(`rows have to be counted for “${text}”`, () => {
    assert.equal(stored(countsOf(ROWS))?.facets(question({ text })), null);
  });
}

test('counts that do not fit together are not used', () => {
  const body = countsOf(ROWS).body();
  assert.ok(body !== null);
  assert.equal(KeptCounts.parse({ ...body, sentences: body.sentences.slice(1) }), null);
  assert.equal(KeptCounts.parse({ ...body, cities: body.cities.slice(1) }), null);
});

test('more numbers than are kept are not kept', () => {
  const counts = countsOf(ROWS);
  const { by_city = [], by_month = [] } = counts.body() ?? {};
  const size = by_city.length + by_month.length;
  assert.equal(counts.body(size - 1), null);
  assert.notEqual(counts.body(size), null);
});
