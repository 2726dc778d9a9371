import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IsobarError } from '../errors.ts';
import { compareTimes, isoTime } from '../model/iso-time.ts';
import {
  cursorPattern,
  formatCursor,
  parseCities,
  parseCursor,
  parseRange,
  parseTime,
  TIME_PATTERN,
} from './parameters.ts';
import { formatPosition, parsePosition } from './position.ts';

const invalid = (field: string) => (error: unknown) =>
  error instanceof IsobarError &&
  error.code === 'PARAMETER_INVALID' &&
  error.details.field === field;

test('times with an offset come out in UTC', () => {
  for (const [text, time] of [
    ['2024-10-31T14:00:00Z', '2024-10-31T14:00:00.000Z'],
    ['2024-10-31t14:00z', '2024-10-31T14:00:00.000Z'],
    ['2024-10-31T14:00:00.5+01:00', '2024-10-31T13:00:00.500Z'],
    ['2024-10-31T14:00:00-0530', '2024-10-31T19:30:00.000Z'],
    // What is left of an unescaped `+`.
    ['2024-10-31T14:00:00 01:00', '2024-10-31T13:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    // Python's isoformat() and str(), a database's, and a fraction with a comma.
    ['2024-10-31T14:00:00.123456+00:00', '2024-10-31T14:00:00.123456Z'],
    ['2024-10-31 14:00:00.123456+00:00', '2024-10-31T14:00:00.123456Z'],
    ['2024-10-31T14:00:00.123456 00:00', '2024-10-31T14:00:00.123456Z'],
    ['2024-10-31 14:00:00.5+01', '2024-10-31T13:00:00.500Z'],
    ['2024-10-31T14:00:00,000007Z', '2024-10-31T14:00:00.000007Z'],
    // Finer than the table: the next microsecond, into the next second where need be.
    ['2024-10-31T14:00:00.123456001Z', '2024-10-31T14:00:00.123457Z'],
    ['2024-10-31T14:00:00.999999999Z', '2024-10-31T14:00:01.000Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
  ] as const) {
    assert.equal(parseTime('from', text), time, text);
  }
});

test('times without an offset, of no calendar or of no clock are refused by name', () => {
  for (const text of [
    '',
    'yesterday',
    '2024-10-31',
    '2024-10-31T14:00:00',
    '2023-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-10-31T25:00:00Z',
    '2024-10-31T14:00:00+99:99',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+10:00',
    '+12024-10-31T14:00:00Z',
    '1730383200',
    '2024-10-31T14:00:00.Z',
    '2024-10-31T14:00:00.1234567890Z',
    '2024-10-31T14:00.5Z',
    '2024-10-31T14Z',
    '2024-02-30T00:00:00+00:00',
  ]) {
    assert.throws(() => parseTime('to', text), invalid('to'), text);
  }
});

test('every time that Date writes is read back as it is', () => {
  const min = new Date('0001-01-01T00:00:00Z');
  const max = new Date('9999-12-31T23:59:59.999Z');
  fc.assert(
    fc.property(fc.date({ min, max, noInvalidDate: true }), (date) => {
      assert.equal(parseTime('from', date.toISOString()), date.toISOString());
    }),
  );
});

test('a time with microseconds is read back as it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 15), max: 10 ** 15 }), (micros) => {
      const time = isoTime(BigInt(micros)) ?? '';
      assert.equal(compareTimes(parseTime('from', time), time), 0);
    }),
  );
});

test('times of any number of digits compare by when they are', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: -3_000, max: 3_000 }), (micros, more) => {
      const [a, b] = [micros, micros + more].map((at) => isoTime(BigInt(at)) ?? '');
      assert.equal(Math.sign(compareTimes(b ?? '', a ?? '')), Math.sign(more));
    }),
  );
  const [short, long] = ['2024-10-31T14:00:00.123Z', '2024-10-31T14:00:00.123456Z'];
  assert.deepEqual(parseRange({ from: short, to: long }), { from: short, to: long });
  assert.throws(() => parseRange({ from: long, to: short }), invalid('to'));
});

test('every time of the description is accepted', () => {
  const pattern = new RegExp(TIME_PATTERN);
  for (const day of ['1900-02-29', '2023-02-29', '2024-04-31', '2024-13-01', '0000-01-01']) {
    assert.doesNotMatch(`${day}T00:00:00Z`, pattern);
  }
  assert.match('2000-02-29T23:59:59.123456789-23:59', pattern);
  fc.assert(
    fc.property(fc.stringMatching(pattern), (text) => {
      assert.ok(!Number.isNaN(Date.parse(parseTime('from', text))));
    }),
  );
});

test('any text is a time or PARAMETER_INVALID', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\d:.+\-TZ ]{0,30}$/)), (text) => {
      try {
        assert.ok(!Number.isNaN(Date.parse(parseTime('from', text))));
      } catch (error) {
        assert.ok(invalid('from')(error), String(error));
      }
    }),
  );
});

test('a range ends after it begins', () => {
  assert.deepEqual(parseRange({}), { from: null, to: null });
  const same = '2024-10-31T14:00:00Z';
  assert.throws(() => parseRange({ from: same, to: same }), invalid('to'));
  assert.throws(() =>
    parseRange({ from: '2024-10-31T14:00:00Z', to: '2024-10-31T14:30:00+01:00' }),
  );
});

test('cities come out once and in order; an unknown one is named', () => {
  const known = new Set(['a', 'b']);
  assert.deepEqual(parseCities(['b', 'a', 'b'], known), ['a', 'b']);
  assert.deepEqual(parseCities(undefined, known), []);
  assert.throws(() => parseCities(['a', 'x"y'], known), { code: 'CITY_UNKNOWN', message: /x\\"y/ });
});

test('a cursor is read back as it was written; anything else is refused', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/), fc.nat(), (city, hour) => {
      const key = ['2024-10-31T14:00:00.123456Z', city, hour];
      assert.deepEqual(parseCursor(formatCursor(key), ['time', 'string', 'number']), key);
    }),
  );
  assert.equal(parseCursor(undefined, ['string']), null);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      assert.throws(() => parseCursor(text, ['time', 'string']), invalid('cursor'));
    }),
  );
  assert.throws(() => parseCursor(formatCursor(['x', 'berlin']), ['time', 'string']));
  assert.throws(() => parseCursor(formatCursor(['berlin', 1]), ['string']));
  for (const time of [
    '2024-02-30T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2024-01-01T25:00:00Z',
    '2023-02-29T00:00:00Z',
  ]) {
    assert.throws(() => parseCursor(formatCursor([time]), ['time']), invalid('cursor'), time);
  }
  for (const number of ['1e309', '-1', '1'.repeat(400), '']) {
    assert.throws(() => parseCursor(number, ['number']), invalid('cursor'), number);
  }
});

test('every decimal that the pattern of a cursor describes is a number', () => {
  const pattern = new RegExp(cursorPattern(['decimal']));
  const finite = fc.double({ noNaN: true, min: -1e307, max: 1e307 });
  fc.assert(
    fc.property(fc.oneof(fc.stringMatching(pattern), finite.map(String)), (text) => {
      assert.match(text, pattern);
      const [number] = parseCursor(text, ['decimal']) ?? [];
      assert.ok(typeof number === 'number' && Number.isFinite(number), text);
    }),
    { numRuns: 2_000 },
  );
  for (const number of ['1e308', '5835.9e676', '10e307', '1e+999', '.5', '1e', 'Infinity', '']) {
    assert.throws(() => parseCursor(number, ['decimal']), invalid('cursor'), number);
  }
});

test('a position is read back as it was written; anything else is none', () => {
  const version = fc.option(fc.nat());
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 10n ** 17n })),
      version,
      version,
      (next, t, a) => {
        const position = { log: '0123456789ab', next, tableVersion: t, analyticsVersion: a };
        assert.deepEqual(parsePosition(formatPosition(position)), position);
      },
    ),
  );
  for (const text of ['', 'x', '1.2.3', '0123456789ab.1-.2.3', '0123456789ab.-1.2.3', '...3 ']) {
    assert.equal(parsePosition(text), null, text);
  }
});
