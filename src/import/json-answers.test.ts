import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FoundAnswer, openAnswerSplitter } from './json-answers.ts';

/** The answers of a text that comes in pieces of this many characters. */
function split(text: string, size = text.length || 1): FoundAnswer[] {
  const splitter = openAnswerSplitter();
  const found: FoundAnswer[] = [];
  for (let from = 0; from < text.length; from += size) {
    found.push(...splitter.push(text.slice(from, from + size)));
  }
  return [...found, ...splitter.end()];
}

const textsOf = (found: readonly FoundAnswer[]) =>
  found.map(({ text, problem }) => (problem === undefined ? JSON.parse(text) : problem));

const answer = fc.record({
  dt: fc.nat(),
  name: fc.constantFrom('London', 'a"b', 'a\\', '{[', '}]', 'two\nlines', 'list'),
  weather: fc.constantFrom([], [{ id: 500 }], [[1], { list: [1, { a: 2 }] }]),
  main: fc.constantFrom({}, { temp: 5.5 }, { list: [1] }),
});
const FORMS: Record<string, (answers: readonly object[]) => string> = {
  lines: (answers) => answers.map((one) => JSON.stringify(one)).join('\n'),
  'crlf lines': (answers) =>
    `\ufeff${answers.map((one) => JSON.stringify(one)).join('\r\n')}\r\n\r\n`,
  pretty: (answers) => answers.map((one) => JSON.stringify(one, null, 2)).join('\n'),
  'pretty without indentation': (answers) =>
    answers.map((one) => JSON.stringify(one, null, '\t').replaceAll('\t', '')).join('\n'),
  'without space': (answers) => answers.map((one) => JSON.stringify(one)).join(''),
  array: (answers) => JSON.stringify(answers),
  'pretty array': (answers) => JSON.stringify(answers, null, 2),
  list: (answers) => JSON.stringify({ cnt: 1, list: answers, city: { list: [1, '"]}'] } }),
  'lists by lines': (answers) =>
    answers.map((one) => JSON.stringify({ cnt: 1, list: [one], x: '}' })).join('\n'),
  'array of lists': (answers) => JSON.stringify(answers.map((one) => ({ list: [one], y: [{}] }))),
};

test('answers are found in every form in which people keep them, whatever the pieces', () => {
  const scene = fc.record({
    answers: fc.array(answer, { maxLength: 5 }),
    form: fc.constantFrom(...Object.keys(FORMS)),
    size: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(scene, ({ answers, form, size }) => {
      const text = FORMS[form]?.(answers) ?? '';
      assert.deepEqual(textsOf(split(text, size)), JSON.parse(JSON.stringify(answers)), form);
    }),
    { numRuns: 400 },
  );
});

test('what is broken costs its line, and those after it are read', () => {
  const good = (dt: number) => JSON.stringify({ dt, main: { temp: 1 }, weather: [{ id: 1 }] });
  const broken = fc.constantFrom(
    ...[
      '{"dt": 1',
      '{"dt": 1,',
      '{"dt": {"a": 2}',
      '{"name": "Lon',
      '}',
      ']',
      'nonsense',
      '{"dt":',
      '{"dt" 1}',
    ],
  );
  const scene = fc.record({
    before: fc.nat(5),
    broken,
    after: fc.nat(5),
    size: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(
    fc.property(scene, ({ before, broken: line, after, size }) => {
      const count = (from: number, length: number) =>
        Array.from({ length }, (_, index) => good(from + index));
      const text = [...count(0, before), line, ...count(100, after)].join('\n');
      const found = split(text, size);
      const wanted = [
        ...count(0, before).map((one) => JSON.parse(one)),
        'not a JSON object',
        ...count(100, after).map((one) => JSON.parse(one)),
      ];
      assert.deepEqual(textsOf(found), wanted, line);
      assert.deepEqual(found[before]?.line, before + 1);
    }),
    { numRuns: 300 },
  );
});

test('many broken lines in a row are read one by one, and a good one among them too', () => {
  const lines = Array.from({ length: 5_000 }, () => '{"a":');
  lines[4_000] = '{"dt": 7}';
  const found = split(lines.join('\n'), 4_096);
  assert.deepEqual(
    found.filter(({ problem }) => problem === undefined),
    [{ text: '{"dt": 7}', line: 4_001 }],
  );
  assert.equal(found.length, 5_000);
});

test('an answer that is too long is passed over as a whole', () => {
  const long = JSON.stringify({ a: 'x'.repeat(3 << 20), b: { c: '}' } }, null, 1);
  const found = split(`{"dt":1}\n${long}\n{"dt":2}\n${'y'.repeat(3 << 20)}\n{"dt":3}`, 1 << 16);
  assert.deepEqual(textsOf(found), [
    { dt: 1 },
    'longer than 1 MiB',
    { dt: 2 },
    'longer than 1 MiB',
    { dt: 3 },
  ]);
  assert.deepEqual(
    found.map(({ line }) => line),
    [1, 2, 8, 9, 10],
  );
  for (const { text } of found) assert.ok(text.length <= 4_096);
});

test('reports an item of a list that is not an object, and reads the rest', () => {
  assert.deepEqual(textsOf(split('[1, "a, ]", {"dt": 2}, null, {"dt": 3}]\n{"dt": 4}')), [
    ...['not a JSON object', 'not a JSON object', { dt: 2 }, 'not a JSON object'],
    ...[{ dt: 3 }, { dt: 4 }],
  ]);
  assert.deepEqual(split('  \n'), []);
});
