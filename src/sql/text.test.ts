import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDuckdbEngine } from './duckdb.ts';
import type { SqlEngine } from './engine.ts';
import { fileLiteral, filesLiteral, literal, quoted } from './text.ts';

const folder = mkdtempSync(join(tmpdir(), 'isobar-sql-text-'));
let engine: SqlEngine;
before(async () => {
  engine = await openDuckdbEngine({ memoryMib: 256, threads: 1, tempFolder: folder });
});
after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Each name beside those that it would match as a pattern. */
const NAMES = [
  '[A]_hourly.csv',
  'A_hourly.csv',
  's*r.csv',
  'star.csv',
  'q?.csv',
  'qx.csv',
  '{a,b}.csv',
  'a.csv',
  'b.csv',
  '[!x].csv',
  '**.csv',
  '[].csv',
  ']].csv',
  '[[].csv',
  "it's.csv",
  'per%41.csv',
  'back\\slash.csv',
  'station[1]/hours.csv',
  'station1/hours.csv',
] as const;

test('reads exactly the named file, whatever its name', async () => {
  for (const name of NAMES) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${name}\n`);
  }
  await using session = await engine.session();
  for (const name of NAMES) {
    const rows = await session.query<{ content: string }>(
      `SELECT content FROM read_text(${fileLiteral(join(folder, name))})`,
    );
    assert.deepEqual(
      rows.map(({ content }) => content.trim()),
      [name],
    );
  }
  const all = await session.query(
    `SELECT content FROM read_text(${filesLiteral(NAMES.map((name) => join(folder, name)))})`,
  );
  assert.equal(all.length, NAMES.length);
});

test('refuses a path that no pattern can name exactly', () => {
  assert.throws(() => fileLiteral('/data/back\\slash/[A].csv'), { code: 'PATH_UNREADABLE' });
});

test('keeps quotes within literals and identifiers', async () => {
  await using session = await engine.session();
  assert.deepEqual(await session.query(`SELECT ${literal("it's")} AS ${quoted('a "b"')}`), [
    { 'a "b"': "it's" },
  ]);
});
