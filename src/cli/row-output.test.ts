import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { Row } from '../sql/engine.ts';
import { formatRows, type RowFormat } from './row-output.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-query-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function format(form: RowFormat, columns: string[], ...batches: Row[][]): Promise<string> {
  async function* made() {
    for (const rows of batches) yield { columns, rows };
  }
  return (await Array.fromAsync(formatRows(made(), form))).join('');
}

test('rows of several batches make one CSV, JSON or table', async () => {
  const batches = [[{ a: 1, b: 'x,y' }], [{ a: 20n, b: null }]];
  assert.equal(await format('csv', ['a', 'b'], ...batches), 'a,b\r\n1,"x,y"\r\n20,\r\n');
  const json = await format('json', ['a', 'b'], ...batches);
  const expected = [
    { a: 1, b: 'x,y' },
    { a: '20', b: null },
  ];
  assert.equal(json, `${JSON.stringify(expected, null, 2)}\n`);
  assert.equal(await format('table', ['a', 'b'], ...batches), ' a  b\n 1  x,y\n20\n');
});

test('an answer without rows says so, and as CSV names its columns', async () => {
  assert.equal(await format('csv', ['a', 'b'], []), 'a,b\r\n');
  assert.equal(await format('json', ['a', 'b'], []), '[]\n');
  assert.equal(await format('table', ['a', 'b'], []), '(no rows)\n');
});

test('a table of many rows is aligned by the first of them', async () => {
  const narrow = Array.from({ length: 10_001 }, () => ({ a: 'ab', b: 1 }));
  const table = await format('table', ['a', 'b'], narrow, [{ a: 'abc', b: 1 }]);
  const lines = table.split('\n');
  assert.deepEqual([lines.length, lines[1], lines.at(-2)], [10_004, 'ab  1', 'abc  1']);
});

test('rows are written before the last of them is there', async () => {
  for (const form of ['csv', 'json', 'table'] as const) {
    let made = 0;
    async function* batches() {
      for (; made < 20; made++) {
        yield { columns: ['n'], rows: Array.from({ length: 2_048 }, (_, n) => ({ n })) };
      }
    }
    let first = '';
    for await (const part of formatRows(batches(), form)) {
      first = part;
      break;
    }
    assert.ok(first.length > 0 && made < 10, form);
  }
});

/** `isobar query` with a heap that the rows do not fit into. */
function startQuery(form: RowFormat, sql: string, stdout: number | 'pipe') {
  const child = spawn(
    process.execPath,
    ['--max-old-space-size=64', MAIN, 'query', '--data', folder, '--format', form, sql],
    { stdio: ['ignore', stdout, 'pipe'], env: { ...process.env, NODE_TEST_CONTEXT: '' } },
  );
  return { child, ended: once(child, 'close').then(([code]) => Number(code)) };
}

const manyRows = (count: number) =>
  `SELECT range AS n, repeat('x', 500) || range AS t FROM range(${count})`;

test('a query gives more rows than fit into memory', async () => {
  const { child, ended } = startQuery('csv', manyRows(120_000), 'pipe');
  let bytes = 0;
  child.stdout?.on('data', (part: Buffer) => {
    bytes += part.length;
  });
  assert.equal(await ended, 0);
  assert.ok(bytes > 120_000 * 506);
});

test('a query ends quietly when its reader leaves, and leaves nothing behind', async () => {
  const { child, ended } = startQuery('csv', manyRows(40_000_000), 'pipe');
  assert.ok(child.stdout && child.stderr);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code, stderr] = await Promise.all([ended, text(child.stderr)]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(readdirSync(join(folder, 'scratch')), []);
});

test('a query whose result cannot be written says so', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('without /dev/full');
  const full = openSync('/dev/full', 'w');
  const { child, ended } = startQuery('csv', manyRows(5_000), full);
  closeSync(full);
  assert.ok(child.stderr);
  const [code, stderr] = await Promise.all([ended, text(child.stderr)]);
  assert.equal(code, 1);
  assert.match(stderr, /standard output: .*ENOSPC/);
});
