import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findTimeFormat } from './time-check.ts';
import { EPOCHS } from './time-number.ts';

const NOW = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** Times after 1973 as whole numbers of a unit, some of them marks of missing ones. */
const PER_MS = { epoch_s: 1 / 1_000, epoch_ms: 1, epoch_us: 1_000, epoch_ns: 1_000_000 } as const;
const UNITS = Object.keys(PER_MS) as (keyof typeof PER_MS)[];
const unit = fc.constantFrom(...UNITS);
const hours = fc.integer({ min: 27_778, max: Math.floor(NOW / HOUR_MS) });
const series = fc.array(hours, { minLength: 1, maxLength: 50 });

function textsIn(name: keyof typeof PER_MS, times: readonly number[]): string[] {
  return times.map((time) => {
    const ms = BigInt(time * HOUR_MS);
    return String(name === 'epoch_s' ? ms / 1_000n : ms * BigInt(PER_MS[name]));
  });
}

test('the unit is guessed by size for the whole file, whatever it is', () => {
  assert.deepEqual([...EPOCHS.keys()], UNITS);
  fc.assert(
    fc.property(unit, series, (name, times) => {
      const found = findTimeFormat(textsIn(name, times), undefined, NOW);
      assert.ok('format' in found, JSON.stringify(found));
      assert.equal(found.format, name);
    }),
  );
});

test('a given unit stays where it fits; another one is named with the remedy', () => {
  fc.assert(
    fc.property(unit, unit, series, (name, given, times) => {
      const found = findTimeFormat(textsIn(name, times), given, NOW);
      if (name === given) assert.deepEqual(found, { format: given });
      else {
        assert.ok('problem' in found, JSON.stringify(found));
        assert.match(
          found.problem,
          new RegExp(`^${EPOCHS.get(name)?.unit} since 1970 \\(\\d+ would`),
        );
        assert.match(found.problem, new RegExp(`mapping's ${given}; set time.format: ${name} in`));
      }
    }),
  );
});

test('two units in one file are not guessed row by row, and a few marks do no harm', () => {
  const seconds = textsIn('epoch_s', [400_000, 400_001, 400_002]);
  const both = [...seconds, ...textsIn('epoch_ms', [400_003, 400_004])];
  assert.deepEqual(findTimeFormat(both, undefined, NOW), { format: 'iso' });
  const marked = [...Array(6).fill(seconds).flat(), '-999'];
  assert.deepEqual(findTimeFormat(marked, undefined, NOW), { format: 'epoch_s', from: 1e11 });
});

test('what is not of the format is named: serial days, digits of dates, ISO 8601', () => {
  const cases: readonly (readonly [readonly string[], string | undefined, RegExp])[] = [
    [
      ['45231.5416667', '45231'],
      undefined,
      /^serial days of Excel \(45231\.5416667 would be 2023-11-01T13:00:00\); set time\.format: excel in the mapping, or excel1904 for/,
    ],
    [['45231,5'], '%d.%m.%Y', /^serial days of Excel .*, not like the mapping's %d\.%m\.%Y; set/],
    [['45231.5'], 'excel1904', /^serial days of Excel .*; set time\.format: excel /],
    [['1700000000000'], 'iso', /^milliseconds .*; set time\.format: epoch_ms in/],
    [['1700000000'], 'excel', /^seconds .*; set time\.format: epoch_s in/],
    [['2024-01-01'], 'epoch_s', /^ISO 8601 \(2024-01-01\), .*; take time\.format out of the/],
    // In milliseconds these would be days of 1976.
    [['202401010000', '202401010100'], undefined, /^digits of a date .*: "%Y%m%d%H%M" in/],
    [['20240101000000'], 'epoch_ms', /^digits of a date .*: "%Y%m%d%H%M%S" in/],
  ];
  for (const [texts, given, pattern] of cases) {
    const found = findTimeFormat(texts, given, NOW);
    assert.ok('problem' in found, `${texts} as ${given}: ${JSON.stringify(found)}`);
    assert.match(found.problem, pattern);
  }
});

test('what cannot be told apart stays as it is given, so that rows say themselves what they are', () => {
  const cases: readonly (readonly [readonly string[], string | undefined, string])[] = [
    [[], undefined, 'iso'],
    [['never', '1700000000000'], undefined, 'iso'],
    [['2024-01-01', ...Array(20).fill('1700000000000')], undefined, 'iso'],
    [['20240501', '20240502'], undefined, 'iso'],
    [['2024'], undefined, 'iso'],
    [['45231.5'], 'excel', 'excel'],
    [['43769.5'], 'excel1904', 'excel1904'],
    // From 1970 on, in milliseconds.
    [['0', '3600000', '7200000'], 'epoch_ms', 'epoch_ms'],
  ];
  for (const [texts, given, format] of cases) {
    assert.deepEqual(findTimeFormat(texts, given, NOW), { format }, `${texts}`);
  }
});
