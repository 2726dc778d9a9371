import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCsv } from './csv.ts';

test('one header row, CRLF, quotes where RFC 4180 wants them, empty for what is absent', () => {
  const rows = [
    { a: 'plain', b: 1.5 },
    { a: 'with, comma', b: null },
    { a: 'with "quotes"', b: -3 },
    { a: 'two\nlines', b: true },
  ];
  assert.equal(
    formatCsv(['a', 'b'], rows),
    'a,b\r\nplain,1.5\r\n"with, comma",\r\n"with ""quotes""",-3\r\n"two\nlines",true\r\n',
  );
  assert.equal(formatCsv(['a', 'b'], []), 'a,b\r\n');
});

test('no spreadsheet takes a text for a formula, and numbers stay numbers', () => {
  const texts = ['=1+1', '+1', '-1', '@sum', '\tx', '=HYPERLINK("x","y")'];
  const csv = formatCsv(
    ['t'],
    texts.map((t) => ({ t })),
  );
  for (const line of csv.split('\r\n').slice(1, -1)) assert.match(line, /^"?'/);
  assert.equal(formatCsv(['n'], [{ n: -1.5 }]), 'n\r\n-1.5\r\n');
});
