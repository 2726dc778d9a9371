/** docs/asvs.md names each requirement of the standard's levels 1 and 2, and only tests that exist. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const page = read('docs/asvs.md');
const ROW = /^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm;
const rows = [...page.matchAll(ROW)].map(([, number = '', level, asked, how = '', tests = '']) => {
  return { number, level, asked, how, tests };
});
const [, gaps = ''] = /\n## Not met\n([\s\S]+?)\n## /.exec(page) ?? [];

test('each requirement is there once, in the order and with the level of the standard', () => {
  const levels = read('test/fixtures/asvs/levels-5.0.0.txt').trimEnd().split('\n');
  assert.equal(levels.length, 253);
  assert.deepEqual(
    rows.map(({ number, level }) => `${number} ${level}`),
    levels,
  );
});

test('each test that is named exists', () => {
  const missing: string[] = [];
  for (const { number, how, tests } of rows) {
    assert.match(tests, /^(—|`[\w./-]+\.test\.tsx?`(, `[\w./-]+\.test\.tsx?`)*)$/, number);
    if (how.startsWith('Does not apply: ')) assert.equal(tests, '—', number);
    for (const [, file = ''] of tests.matchAll(/`([^`]+)`/g)) {
      if (!existsSync(join(root, file))) missing.push(`${number}: ${file}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('the list of what is not met is complete, and the counts are right', () => {
  const listed = [...gaps.matchAll(/\d+\.\d+\.\d+/g)].map(String);
  const starting = (word: string) => rows.filter(({ how }) => how.startsWith(`${word}: `));
  const notMet = starting('Not met').map(({ number }) => number);
  assert.deepEqual(listed.toSorted(), notMet.toSorted());
  const notApplying = starting('Does not apply').length;
  const met = rows.length - notMet.length - notApplying;
  const counts = `${met} are met, ${notApplying} do not apply, and ${notMet.length} are not met`;
  assert.ok(page.includes(counts), `expected: ${counts}`);
});

test('places within the page are there', () => {
  for (const [, file = '', place = ''] of page.matchAll(/\]\(([\w.-]*)#([\w-]+)\)/g)) {
    const text = file === '' ? page : read(`docs/${file}`);
    const titles = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );
    assert.ok(titles.includes(place), `${file}#${place}`);
  }
});
