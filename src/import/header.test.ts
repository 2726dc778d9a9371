import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { columnIndex, findHeader } from './header.ts';
import type { Mapping } from './mapping.ts';

function mappingOf(column: string): Mapping {
  return {
    name: 'small',
    interval_s: 60,
    city: { name: 'Oslo', latitude: 59.91, longitude: 10.75 },
    time: { column: 'zeit' },
    variables: { temperature_c: column },
  };
}

const FORMS = ['NFC', 'NFD'] as const;
const form = fc.constantFrom(...FORMS);
/** Names of letters with accents, each of which NFD writes as several characters. */
const name = fc
  .array(fc.constantFrom('é', 'ü', 'ç', 'ô', 'ǘ', 'T', 'e', '_', '한'), {
    minLength: 1,
    maxLength: 8,
  })
  .map((letters) => letters.join(''));

test('a column is found in whatever Unicode form its name is written', () => {
  fc.assert(
    fc.property(name, form, form, (column, inFile, inMapping) => {
      const names = ['zeit', column.normalize(inFile), 'other'];
      assert.equal(columnIndex('f', names, column.normalize(inMapping)), 1);
      const header = findHeader('f', [names.join(';')], mappingOf(column.normalize(inMapping)));
      assert.deepEqual([header.names, header.dialect.delimiter], [names, ';']);
    }),
  );
});

test('a column of the very name wins over one of another form', () => {
  const names = FORMS.map((one) => 'Température'.normalize(one));
  for (const [index, exact] of names.entries()) {
    assert.equal(columnIndex('f', names, exact), index);
    assert.equal(columnIndex('f', names, ` ${exact} `), index);
  }
});

test('two columns that are one name in different forms are refused, and spelled out', () => {
  // One letter in three forms: whole, half and fully taken apart.
  const [whole, half, apart] = ['ǘ', '\u00fc\u0301', 'u\u0308\u0301'];
  assert.throws(() => columnIndex('f.csv', [half, apart], whole), {
    message:
      /^f\.csv: "\\u\{fc\}\\u\{301\}" and "u\\u\{308\}\\u\{301\}" are one name in different Unicode forms; rename/,
  });
  assert.throws(() => columnIndex('f.csv', [half, half], whole), {
    message: /^f\.csv: 2 columns are called ǘ; rename all but one/,
  });
  assert.equal(columnIndex('f.csv', [half, apart, whole], whole), 2);
});

test('letters that only look alike are two names', () => {
  // The ligature, the full-width letter and the capital stay what they are.
  for (const [inFile, inMapping] of [
    ['ﬁn', 'fin'],
    ['Ｔ', 'T'],
    ['É', 'é'],
  ] as const) {
    assert.equal(columnIndex('f', [inFile], inMapping), null);
  }
});

test('the columns that a mapping lists for a file without a header are found in the same way', () => {
  const [nfc, nfd] = FORMS.map((one) => 'Température'.normalize(one));
  const mapping = { ...mappingOf(nfc ?? ''), columns: ['zeit', nfd ?? ''] };
  assert.equal(findHeader('f', ['2024-01-01,1'], mapping).rowsFrom, 1);
});
