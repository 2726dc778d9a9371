import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Changes, DataFile, Snapshot } from '../table/table.ts';
import { type Newest, readConditions } from './latest-conditions.ts';
import type { Reader } from './reader.ts';
import { readNewest } from './routes/raw-data.ts';
import type { ObservationRow } from './schemas.ts';

const at = (minute: number) =>
  new Date(Date.UTC(2024, 0, 1, 0, minute)).toISOString().replace('.000Z', 'Z');

interface Row {
  readonly city_id: string;
  readonly observed_at: string;
  readonly source: string;
}

function file(
  path: string,
  rows: readonly Row[],
  month = '2024-01',
): DataFile & { rowsOf: readonly Row[] } {
  const times = rows.map(({ observed_at }) => observed_at).sort();
  return {
    path,
    storagePath: path,
    month,
    bytes: 1,
    rows: rows.length,
    cityIdMin: null,
    cityIdMax: null,
    observedAtMin: times[0] ?? null,
    observedAtMax: times.at(-1) ?? null,
    rowsOf: rows,
  };
}

const row = (city_id: string, minute: number, source = 'a'): Row => ({
  city_id,
  observed_at: at(minute),
  source,
});

function snapshot(version: number, files: readonly DataFile[]): Snapshot {
  const rowCount = files.length;
  return { version, committedAt: null, files, transactions: new Map(), rowCount, simulated: false };
}

/** Answers the query of a conditions from the rows that the files carry, and notes the files. */
function fakeReader(read: string[]): Pick<Reader, 'query'> {
  return {
    async query<R>(files: readonly DataFile[]) {
      read.push(...files.map(({ path }) => path));
      const rows = (files as ReturnType<typeof file>[]).flatMap(({ rowsOf }) => rowsOf);
      const sorted = [...rows].sort((a, b) => (a.observed_at < b.observed_at ? -1 : 1));
      const newest = new Map(sorted.map((one) => [one.city_id, one]));
      return [...newest.values()].map((latest) => ({
        ...latest,
        sources: [
          ...new Set(rows.filter((one) => one.city_id === latest.city_id).map((one) => one.source)),
        ],
      })) as R[];
    },
  };
}

test('a conditions is kept up by reading only what came, wherever that lies by now', async () => {
  const old = file('old', [row('x', 50), row('y', 10)], '2023-12');
  const landed = file('landed', [row('x', 60), row('z', 20, 'b')]);
  const rewritten = file('rewritten', [row('y', 30)]);
  const times = (newest: ReadonlyMap<string, Newest>) =>
    Object.fromEntries([...newest].map(([city, { observed_at }]) => [city, observed_at]));

  for (const [changes, files, expected] of [
    [
      { months: ['2024-01'], added: [landed, rewritten], onlyAdded: true, rowsRemoved: false },
      [old, landed, rewritten],
      ['landed', 'rewritten'],
    ],
    // Compacted before we looked: what was added is not live any more.
    [
      { months: ['2024-01'], added: [], onlyAdded: false, rowsRemoved: false },
      [old, landed, rewritten],
      ['landed', 'rewritten'],
    ],
    [null, [old, landed, rewritten], ['landed', 'old', 'rewritten']],
  ] as const) {
    const read: string[] = [];
    const reader = fakeReader(read) as Reader;
    const table = { changes: async () => changes as Changes | null };
    const first = await readConditions(reader, table, snapshot(0, [old]), null);
    assert.deepEqual([first.observedFrom, first.observedTo], [at(10), at(50)]);
    read.length = 0;
    const second = await readConditions(reader, table, snapshot(3, files), first);
    assert.deepEqual([...new Set(read)].sort(), expected);
    assert.deepEqual(times(second.newest), { x: at(60), y: at(30), z: at(20) });
    assert.deepEqual(second.sources.get('z'), ['b']);
    assert.deepEqual(times(first.newest), { x: at(50), y: at(10) }, 'the one before stays');
  }
});

test('the newest rows are found whatever the files overlap, reading few of them', async () => {
  const observation = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat({ max: 300 }));
  const layout = fc.array(
    fc.uniqueArray(observation, { minLength: 1, maxLength: 12, selector: String }),
    {
      maxLength: 30,
    },
  );
  const newestFirst = (x: Row, y: Row) =>
    y.observed_at.localeCompare(x.observed_at) || x.city_id.localeCompare(y.city_id);
  let asked = 0;
  let read = 0;
  await fc.assert(
    fc.asyncProperty(layout, fc.integer({ min: 1, max: 8 }), async (contents, limit) => {
      const taken = new Set<string>();
      const files = contents.map((pairs, index) => {
        const rows = pairs.filter((pair) => !taken.has(String(pair)));
        for (const pair of rows) taken.add(String(pair));
        return file(
          `f${index}`,
          rows.map(([city, minute]) => row(city, minute)),
        );
      });
      const query: Reader['query'] = async <R>(chosen: readonly DataFile[]) => {
        read += chosen.length;
        const rows = (chosen as typeof files).flatMap(({ rowsOf }) => rowsOf);
        return rows.sort(newestFirst).slice(0, limit + 1) as R[];
      };
      asked += files.length;
      const after = { at: '9999-12-31T23:59:59Z', city: '' };
      const range = { from: null, to: null, cities: [], limit, after };
      const found = await readNewest({ query }, files, range);
      const all = files.flatMap(({ rowsOf }) => rowsOf).sort(newestFirst);
      assert.deepEqual(found, all.slice(0, limit + 1) as unknown as ObservationRow[]);
    }),
  );
  assert.ok(read < 2 * asked, `${read} read of ${asked}`);
});
