import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONTENT_COLUMNS } from '../src/model/observation.ts';
import { type Versioned, versionKey, versionSql } from '../src/model/versions.ts';
import { openDuckdbEngine } from '../src/sql/duckdb.ts';
import { fileLiteral } from '../src/sql/text.ts';

const PAIRS = 10_000;

const number = fc.oneof(
  fc.constantFrom(0, -0, 1, 10, 0.1, 1e-4, 1e-5, 1e15, 1e16, 1e21, 22.870000000000005),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -100, max: 200_000 }),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 3 });
const content = fc.record({
  temperature_c: optional(number),
  wind_speed_ms: optional(number),
  condition_id: optional(fc.integer({ min: 0, max: 999 })),
  condition: optional(fc.constantFrom('rain', 'Schneeschauer', 'a|b', '☃', '𝄞')),
});
const version: fc.Arbitrary<Versioned> = fc
  .record({
    source: fc.constantFrom('openweathermap', 'simulator', 'import:a', 'import:b'),
    collected_at: fc.constantFrom(
      '2024-10-31T22:00:00Z',
      '2024-10-31T22:00:00.5Z',
      '2024-10-31T22:00:00.500001Z',
      '2024-10-31T22:00:01Z',
    ),
    import_id: optional(fc.constantFrom(1, 2, 10)),
    import_row: optional(fc.constantFrom(1, 9, 10)),
    content,
  })
  .map(({ content: of, ...rest }) => ({ ...rest, ...of }));

test('SQL and TypeScript order the same versions the same way', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-versions-'));
  const engine = await openDuckdbEngine({ memoryMib: 512, threads: 1, tempFolder: folder });
  try {
    const seed = Number(process.env.ISOBAR_TEST_SEED ?? 12);
    const pairs = fc.sample(fc.tuple(version, version), { numRuns: PAIRS, seed });
    const file = join(folder, 'pairs.jsonl');
    writeFileSync(file, pairs.map((pair, at) => `${lineOf(pair, at)}\n`).join(''));
    await using session = await engine.session();
    const columns = [
      "source: 'VARCHAR', collected_at: 'TIMESTAMPTZ', import_id: 'BIGINT', import_row: 'BIGINT'",
      "rejected_fields: 'VARCHAR'",
      ...CONTENT_COLUMNS.map((name) =>
        name === 'condition' ? `${name}: 'VARCHAR'` : `${name}: '${typeOf(name)}'`,
      ),
    ];
    const struct = `STRUCT(${columns.join(', ').replaceAll("'", '').replaceAll(':', '')})`;
    const rows = await session.query<{ pair: number; compared: number }>(`
      SELECT pair, CASE WHEN a = b THEN 0 WHEN a < b THEN -1 ELSE 1 END AS compared
      FROM (SELECT pair, ${versionSql('l.', [])} AS a, ${versionSql('r.', [])} AS b
        FROM read_json(${fileLiteral(file)}, format = 'newline_delimited',
          columns = {pair: 'INTEGER', l: '${struct}', r: '${struct}'}))
      ORDER BY pair`);
    assert.equal(rows.length, PAIRS);
    const wrong = rows.filter(({ pair, compared }) => {
      const [left, right] = pairs[pair] ?? [];
      assert.ok(left !== undefined && right !== undefined);
      const [a, b] = [versionKey(left), versionKey(right)];
      return compared !== (a === b ? 0 : a < b ? -1 : 1);
    });
    assert.deepEqual(
      wrong.slice(0, 3).map(({ pair }) => pairs[pair]),
      [],
      `seed ${seed}`,
    );
  } finally {
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
});

function typeOf(name: string): string {
  return name === 'condition_id' ? 'INTEGER' : 'DOUBLE';
}

/** JSON writes -0 as 0. */
function lineOf([l, r]: readonly [Versioned, Versioned], at: number): string {
  const formatted = (value: Versioned) =>
    `{${Object.entries(value)
      .map(([key, part]) => `"${key}":${Object.is(part, -0) ? '-0.0' : JSON.stringify(part)}`)
      .join(',')}}`;
  return `{"pair":${at},"l":${formatted(l)},"r":${formatted(r)}}`;
}

const at = '2024-10-31T22:00:00Z';
const later = '2024-10-31T23:00:00Z';
/** Each outranks those before it. */
const ASCENDING: readonly Versioned[] = [
  { source: 'import:old', collected_at: at },
  { source: 'import:a', import_id: 1, import_row: 9, collected_at: later },
  { source: 'import:a', import_id: 2, import_row: 1, collected_at: at },
  { source: 'import:b', import_id: 2, import_row: 10, collected_at: at },
  { source: 'import:a', import_id: 10, import_row: 1, collected_at: at },
  { source: 'openweathermap', collected_at: at },
  { source: 'openweathermap', collected_at: later },
];

test('live data outranks imports, later imports and rows outrank earlier ones', () => {
  const keys = ASCENDING.map(versionKey);
  assert.deepEqual(keys.toSorted(), keys);
  assert.equal(new Set(keys).size, keys.length);
});
