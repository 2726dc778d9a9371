import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stormOf } from '../../test/support/storm.ts';
import { isClose } from '../model/agreement.ts';
import { ALL_ROWS, CLIMATE_DATASETS } from '../model/climate-datasets.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { readClimate } from './climate.ts';
import { type Publication, readPublication } from './publication.ts';
import { climateOf } from './testing/climate-by-definition.ts';
import { history, makeHistory } from './testing/history.ts';
import { type Made, openPlace, type Place, START, timeOf } from './testing/place.ts';
import { verifyPublication } from './verify.ts';

async function assertByDefinition(place: Place, publication: Publication, rows: readonly Made[]) {
  const { storage, session, table } = place;
  const wanted = climateOf(rows.map((row) => ({ ...row, second: START / 1_000 + row.at })));
  for (const dataset of CLIMATE_DATASETS) {
    const found = await readClimate(storage, session, publication, dataset);
    assert.equal(found.length, wanted[dataset].length, dataset);
    for (const [at, row] of wanted[dataset].entries()) {
      const other = found[at] as unknown as Record<string, unknown>;
      for (const [name, value] of Object.entries(row)) {
        const what = `${dataset} ${JSON.stringify(Object.values(row).slice(0, 3))} ${name}`;
        assert.ok(isClose(other[name], value), `${what}: ${other[name]}, not ${value}`);
      }
    }
  }
  const options = { storage, session, table, columns: OBSERVATION_COLUMNS };
  assert.deepEqual((await verifyPublication(options)).differences, []);
}

test('days, months, normals and records are those of the definitions, however rows came in', async () => {
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 8 }),
      fc.integer({ min: 0, max: 7 }),
      async (given, order, corrected) => {
        const all = makeHistory(given);
        if (all.length === 0) return;
        await using place = await openPlace();
        const refresher = await place.refresher();
        const monthOf = ({ at }: Made) => timeOf(at).slice(0, 7);
        const months = [...new Set(all.map(monthOf))].sort();
        // A month comes in one or two commits, in an order of its own.
        for (let commit = 0; commit <= 3; commit += 1) {
          const part = all.filter((row) => order[months.indexOf(monthOf(row))] === commit);
          for (const half of [0, 1]) {
            const rows = part.filter((_, at) => at % 2 === half);
            if (rows.length === 0) continue;
            await place.add(rows);
            await refresher.refresh();
          }
        }
        const wrong = months[corrected % months.length];
        const after = all.map((row) =>
          monthOf(row) === wrong ? { ...row, temperature: (row.temperature ?? 9) - 20 } : row,
        );
        await place.correct(after.filter((row) => monthOf(row) === wrong));
        await refresher.refresh();
        const publication = (await readPublication(place.storage)) as Publication;
        await assertByDefinition(place, publication, after);
      },
    ),
    { numRuns: stormOf(10, 3), endOnFailure: true },
  );
});

test('parts of a dataset are its rows: cities, dates, pages', async () => {
  await using place = await openPlace();
  const cities = [
    { offset: 0, kept: 0.97, interval: 7_200, level: 10 },
    { offset: 50_400, kept: 0.7, interval: 7_200, level: 26 },
  ] as const;
  await place.add(makeHistory({ seed: 7, decimals: 1, cities }));
  const publication = (await (await place.refresher()).refresh()) as Publication;
  const { storage, session } = place;
  const read = (dataset: (typeof CLIMATE_DATASETS)[number], selection = {}) =>
    readClimate(storage, session, publication, dataset, { ...ALL_ROWS, ...selection });
  const days = (await read('daily_summaries')) as { city_id: string; date: string }[];
  assert.deepEqual(
    await read('daily_summaries', { cities: ['city-1'], from: '2024-02-01', to: '2024-03-01' }),
    days.filter(({ city_id, date }) => city_id === 'city-1' && date.startsWith('2024-02')),
  );
  const months = (await read('monthly_summaries')) as { month: string }[];
  assert.deepEqual(
    await read('monthly_summaries', { from: '2024-02-01', to: '2024-06-01' }),
    months.filter(({ month }) => month >= '2024-02' && month < '2024-06'),
  );
  for (const [dataset, key] of [
    ['daily_summaries', ['city_id', 'date']],
    ['monthly_summaries', ['city_id', 'month']],
    ['climate_normals', ['city_id', 'calendar_month']],
    ['records', ['city_id', 'variable', 'calendar_month']],
  ] as const) {
    const all = (await read(dataset)) as unknown as Record<string, string | number>[];
    const paged: unknown[] = [];
    for (let after: readonly (string | number)[] | null = null; ; ) {
      const page = (await read(dataset, { after, limit: 40 })) as unknown as typeof all;
      paged.push(...page);
      const last = page.at(-1);
      if (last === undefined) break;
      after = key.map((name) => last[name] ?? '');
    }
    assert.ok(all.length >= 13, dataset);
    assert.deepEqual(paged, all, dataset);
  }
});
