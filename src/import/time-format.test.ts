import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readerOf } from './time-format.ts';

/** ISO in UTC, with the offset where the text has one; the reason; or null. */
function read(format: string, text: string): string | null {
  const reader = readerOf(format);
  if (typeof reader === 'string') return reader;
  const time = reader(text);
  if (time === null) return null;
  const clock = new Date(time.localMs).toISOString().replace('.000Z', '');
  return time.offsetMs === null ? clock : `${clock} ${time.offsetMs / 60_000}`;
}

test('iso: dates and times as people write them', () => {
  const texts = {
    '2024-05-01': '2024-05-01T00:00:00',
    '2024-5-1 07:05': '2024-05-01T07:05:00',
    '2024/05/01 7:05': '2024-05-01T07:05:00',
    '20240501': '2024-05-01T00:00:00',
    '20240501T0705Z': '2024-05-01T07:05:00 0',
    '2024-05-01t07:05:09z': '2024-05-01T07:05:09 0',
    '2024-05-01T07:05:09.123456': '2024-05-01T07:05:09.123Z',
    '2024-05-01T24:00': '2024-05-02T00:00:00',
    '2024-12-31 24:00:00 UTC': '2025-01-01T00:00:00 0',
    '2024-05-01 07:05:00 GMT': '2024-05-01T07:05:00 0',
    '2024-05-01 07:05:00 +0100': '2024-05-01T07:05:00 60',
    '2024-05-01 07:05:00 +01': '2024-05-01T07:05:00 60',
    '2024-05-01T07:05:00-05:30': '2024-05-01T07:05:00 -330',
    '2024-05-01T07Z': '2024-05-01T07:00:00 0',
    '2024-02-29': '2024-02-29T00:00:00',
  };
  for (const [text, wanted] of Object.entries(texts)) assert.equal(read('iso', text), wanted, text);
  for (const text of [
    ...['2023-02-29', '2024-13-01', '2024-05-01T24:01', '2024-05-01T07:60', '2024-05-01 25:00'],
    ...['2024-05-01 07:05 CET', '2024-05-01 07:05 +0100 (DST)', '2024-05-01x', '2024-05-01 123'],
    ...['01/05/2024', '2024', '', 'yesterday', '2024-05-01T07:05:00+99:00', '2024051'],
  ]) {
    assert.equal(read('iso', text), null, text);
  }
});

test('patterns: hour 24, names of months, 12 hours, days of the year, offsets', () => {
  const cases: readonly (readonly [string, string, string | null])[] = [
    ['%Y%m%d%H', '2020081324', '2020-08-14T00:00:00'],
    ['%Y%m%d%H', '202008132', null],
    ['%Y%m%d %H', '20200813 5', '2020-08-13T05:00:00'],
    ['%d/%m/%Y %H:%M', '02/08/2022   15:30', '2022-08-02T15:30:00'],
    ['%d.%m.%y', '1.2.69', '1969-02-01T00:00:00'],
    ['%m/%d/%Y %I:%M %p', '07/04/2023 12:05 AM', '2023-07-04T00:05:00'],
    ['%m/%d/%Y %I:%M %p', '07/04/2023 12:05 p.m.', '2023-07-04T12:05:00'],
    ['%m/%d/%Y %I:%M %p', '07/04/2023 13:05 PM', null],
    ['%m/%d/%y %I:%M%p', '7/4/23 12:05a', '2023-07-04T00:05:00'],
    ['%a, %d %B %Y', 'Tue, 4 July 2023', '2023-07-04T00:00:00'],
    ['%Y-%j', '2024-366', '2024-12-31T00:00:00'],
    ['%Y-%j', '2023-366', null],
    ['%FT%T.%f%z', '2024-01-01T00:00:00.5+0100', '2024-01-01T00:00:00.500Z 60'],
    ['%Y-%m-%d %H:%M:%S %z UTC', '2020-01-01 00:00:00 +0000 UTC', '2020-01-01T00:00:00 0'],
    ['%Y-%m-%d %H:%M', '2020-01-01 00:00 UTC', null],
    ['%Y-%m-%d %H:%M', '2020-01-01 00:00:30', null],
    ['%Y-%m-%d %Z', '2020-01-01 UTC', '2020-01-01T00:00:00 0'],
    ['%Y-%m-%d %Z', '2020-01-01 EST', null],
    ['%Y-%m-%dT%H:%M:%SZ', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00 0'],
    ['%F %R UTC', '2020-01-01 00:00 UTC', '2020-01-01T00:00:00 0'],
    ['%F %T.%f-05:00', '2020-01-01 00:00:00.000-05:00', '2020-01-01T00:00:00 -300'],
    ['%Y%m%d-1200', '20200101-1200', '2020-01-01T00:00:00'],
    ['%-d.%-m.%Y 100%%', '1.2.2020 100%', '2020-02-01T00:00:00'],
    ['epoch_s', '1714564800.9', '2024-05-01T12:00:00.900Z 0'],
    ['epoch_ms', '-3600000', '1969-12-31T23:00:00 0'],
    ['epoch_us', '1714564800000001', '2024-05-01T12:00:00 0'],
    ['epoch_ns', '1714564800123456789', '2024-05-01T12:00:00.123Z 0'],
    ['epoch_ns', '1.7145648001e+18', '2024-05-01T12:00:00.100Z 0'],
    ['epoch_ms', '1.71456E+12', null],
    ['epoch_s', '1.7145648e+300', null],
    ['epoch_s', '0x10', null],
    ['excel', '1', '1900-01-01T00:00:00'],
    ['excel', '59.5', '1900-02-28T12:00:00'],
    // Excel's 29 February 1900, a day that there never was.
    ['excel', '60.5', null],
    ['excel', '61', '1900-03-01T00:00:00'],
    ['excel', '45231.5416667', '2023-11-01T13:00:00'],
    ['excel', '45231.541666666664', '2023-11-01T13:00:00'],
    ['excel', '45231,5417', '2023-11-01T13:00:00'],
    ['excel', '45231.5000116', '2023-11-01T12:00:01'],
    ['excel', '45231.500005787037', '2023-11-01T12:00:00.500Z'],
    ['excel', '45231.9999999', '2023-11-02T00:00:00'],
    ['excel', '45231 0.25', '2023-11-01T06:00:00'],
    ['excel', '45231.5 0.25', null],
    ['excel', '45,231.54', null],
    ['excel', '4.52315E+04', null],
    ['excel', '-1', null],
    ['excel1904', '0', '1904-01-01T00:00:00'],
    ['excel1904', '43769.5416667', '2023-11-01T13:00:00'],
  ];
  for (const [format, text, wanted] of cases) {
    assert.equal(read(format, text), wanted, `${format} of ${text}`);
  }
});

test('a pattern that makes no time is refused with the reason', () => {
  assert.match(String(readerOf('%H:%M')), /no year/);
  assert.match(
    String(readerOf('unix')),
    /no such format unix; there are iso, epoch_s, .* excel1904/,
  );
  assert.match(String(readerOf('%Y %H')), /no month and day/);
  assert.match(String(readerOf('%Y-%m-%d %I:%M')), /%I, .* and %p need each other/);
  assert.match(String(readerOf('%Y-%m-%d %H:%M %p')), /%I, .* and %p need each other/);
  assert.match(String(readerOf('%Y-%m-%d %Q')), /no directive %Q; there are %Y/);
  assert.match(String(readerOf('%Y-%m-%d%')), /ends in a single %/);
});

test('what is written by a pattern is read by it', () => {
  const minute = fc.integer({
    min: Date.UTC(1950, 0, 1) / 60_000,
    max: Date.UTC(2049, 0, 1) / 60_000,
  });
  const formats: Record<string, (iso: string) => string> = {
    '%Y%m%d%H%M': (iso) => iso.slice(0, 16).replace(/\D/g, ''),
    '%d.%m.%Y %H:%M': (iso) =>
      `${iso.slice(8, 10)}.${iso.slice(5, 7)}.${iso.slice(0, 4)} ${iso.slice(11, 16)}`,
    '%Y-%m-%dT%H:%M': (iso) => iso.slice(0, 16),
    iso: (iso) => iso.slice(0, 16),
  };
  fc.assert(
    fc.property(minute, fc.constantFrom(...Object.keys(formats)), (at, format) => {
      const iso = new Date(at * 60_000).toISOString();
      const reader = readerOf(format);
      assert.ok(typeof reader !== 'string');
      const text = formats[format]?.(iso) ?? '';
      assert.deepEqual(reader(text), { localMs: at * 60_000, offsetMs: null });
      for (const rest of [' UTC+2', 'x', ' 1']) assert.equal(reader(text + rest), null);
    }),
  );
});

test('excel: every minute of a spreadsheet is found from seven decimals, and from all of them', () => {
  const minutes = (year: number) => Date.UTC(year, 0, 1) / 60_000;
  const minute = fc.integer({ min: minutes(1950), max: minutes(2060) });
  const starts = { excel: Date.UTC(1899, 11, 30), excel1904: Date.UTC(1904, 0, 1) };
  fc.assert(
    fc.property(minute, fc.constantFrom('excel', 'excel1904'), (at, format) => {
      const days = (at * 60_000 - starts[format]) / 86_400_000;
      const reader = readerOf(format);
      assert.ok(typeof reader !== 'string');
      for (const text of [String(days), days.toFixed(7), days.toFixed(4).replace('.', ',')]) {
        assert.deepEqual(reader(text), { localMs: at * 60_000, offsetMs: null }, text);
      }
    }),
  );
});
