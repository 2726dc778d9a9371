import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { type CsvDialect, type CsvProblem, type CsvRecord, readRecords } from './csv.ts';

/** The records of a text whose lines come in batches of this many. */
async function read(text: string, batch = 1_000, dialect: CsvDialect = { delimiter: ',' }) {
  const lines = text.split(/\r\n|\n/);
  async function* batches() {
    for (let from = 0; from <= lines.length; from += batch) {
      const last = from + batch > lines.length;
      yield { from: from + 1, lines: lines.slice(from, from + batch), last };
    }
  }
  const records: (CsvRecord | CsvProblem)[] = [];
  for await (const some of readRecords(batches(), dialect)) {
    for (const record of some) records.push(record);
  }
  return records;
}

const cell = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', '1', '-2.5', 'NNE', '5" gust', "it's", 'Ärger') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('a,b', 'a;b', 'two\nlines', 'a "quoted" word', '"', ','),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 6 }).filter((text) => !/[\r\n]/.test(text)) },
);

test('what a table holds is read as another parser reads it, whatever its cells and batches', async () => {
  const table = fc.record({
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    rows: fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
    batch: fc.integer({ min: 1, max: 4 }),
    newline: fc.constantFrom('\n', '\r\n'),
    quotes: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(table, async ({ delimiter, rows, batch, newline, quotes }) => {
      const write = (text: string) => {
        const needed = quotes || text.includes(delimiter) || /["\n]|^ | $/.test(text);
        return needed ? `"${text.replaceAll('"', '""')}"` : text;
      };
      const lines = rows.map((row) => row.map(write).join(delimiter));
      // A line of nothing but tabs is blank.
      const text = lines.filter((line) => line.trim() !== '').join(newline);
      const wanted = parse(text, { delimiter, relax_column_count: true, skip_empty_lines: true });
      const got = await read(text, batch, { delimiter });
      const cells = got.map((record) => ('cells' in record ? record.cells : record.problem));
      assert.deepEqual(cells, text === '' ? [] : wanted);
    }),
    { numRuns: 300 },
  );
});

test('an odd row costs itself only, wherever it stands', async () => {
  const odd = fc.constantFrom('1,"open', '"a"b,2', '1,"x" y', '"');
  const scene = fc.record({
    before: fc.nat(30),
    odd,
    after: fc.nat(30),
    batch: fc.integer({ min: 1, max: 7 }),
  });
  await fc.assert(
    fc.asyncProperty(scene, async ({ before, odd: line, after, batch }) => {
      const good = (count: number) => Array.from({ length: count }, (_, index) => `${index},2`);
      const text = [...good(before), line, ...good(after)].join('\n');
      const records = await read(text, batch);
      const problems = records.filter((record) => 'problem' in record);
      assert.deepEqual(
        problems.map(({ line: at, text: shown }) => [at, shown]),
        [[before + 1, line]],
      );
      assert.equal(records.length, before + after + 1);
    }),
    { numRuns: 100 },
  );
});

test('lines are counted as in the file, blank ones and comments are none', async () => {
  const text = '# first\n1,2\n\n  \n"two\nlines",3\n # last\n4,5\n';
  const records = await read(text, 2, { delimiter: ',', comment: '#' });
  assert.deepEqual(records, [
    { line: 2, cells: ['1', '2'] },
    { line: 5, cells: ['two\nlines', '3'] },
    { line: 8, cells: ['4', '5'] },
  ]);
});

test('a quote that is never closed is named, and so is one that is not closed within 1 MiB', async () => {
  const [first, second] = await read('1,"a\n2,b\n');
  assert.deepEqual(first, { line: 1, problem: 'quote is not closed', text: '1,"a' });
  assert.deepEqual(second, { line: 2, cells: ['2', 'b'] });
  const long = await read(`1,"a\n${'2,bcdefghijklmnopqrstuvwxyz\n'.repeat(40_000)}`, 10_000);
  assert.equal(long.length, 40_001);
  assert.deepEqual(long[0], { line: 1, problem: 'quote is not closed within 1 MiB', text: '1,"a' });
});

test('spaces may stand around quotes, and columns between runs of spaces', async () => {
  const [first] = await read('1, "a, b" ,3');
  assert.deepEqual(first, { line: 1, cells: ['1', 'a, b', '3'] });
  const [literal] = await read('5" gust,a "b",');
  assert.deepEqual(literal, { line: 1, cells: ['5" gust', 'a "b"', ''] });
  const [row] = await read('  2024 01   01 "light rain" 5', 9, { delimiter: 'whitespace' });
  assert.deepEqual(row, { line: 1, cells: ['2024', '01', '01', 'light rain', '5'] });
});
