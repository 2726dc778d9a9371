import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { City } from '../model/city.ts';
import { orderByTime } from './order.ts';
import type { ImportedRecord } from './source.ts';

const OSLO: City = {
  city_id: 'oslo-no',
  name: 'Oslo',
  country: 'NO',
  latitude: 59.91,
  longitude: 10.75,
  time_zone: 'Europe/Oslo',
};
const signal = new AbortController().signal;
let scratch = '';
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'isobar-order-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A record of an hour; without one it is invalid. Its text names it. */
function recordOf(hour: number | null, name: number): ImportedRecord {
  const common = { city_id: OSLO.city_id, source: 'import:t', response: String(name) };
  const observed_at = new Date((hour ?? 0) * 3_600_000).toISOString().replace('.000Z', 'Z');
  if (hour === null) {
    return { record: { ...common, invalid: 'odd', collected_at: observed_at }, city: OSLO };
  }
  const rest = {
    city: 'Oslo',
    country: 'NO',
    interval_s: 1,
    utc_offset_s: 0,
    provider_city_id: null,
  };
  return { record: { ...common, ...rest, observed_at, collected_at: observed_at }, city: OSLO };
}

async function order(hours: readonly (number | null)[], runBytes: number) {
  async function* records() {
    for (const [index, hour] of hours.entries()) yield recordOf(hour, index);
  }
  const got: ImportedRecord[] = [];
  for await (const one of orderByTime(records(), { scratch, signal, runBytes })) got.push(one);
  return got;
}

test('a history that fits is sorted as a whole, and rows of one time keep their order', async () => {
  const hour = fc.option(fc.integer({ min: 0, max: 9 }), { freq: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(hour, { maxLength: 40 }), async (hours) => {
      const got = await order(hours, 1e9);
      let at = Number.NEGATIVE_INFINITY;
      const timed = hours.map((value, index) => {
        at = value ?? at;
        return { at, index };
      });
      const wanted = timed.toSorted((a, b) => a.at - b.at).map(({ index }) => String(index));
      assert.deepEqual(
        got.map(({ record }) => record.response),
        wanted,
      );
    }),
  );
});

test('in runs on disk nothing is lost or changed, and rows of one time keep their order', async () => {
  const hours = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 120 });
  await fc.assert(
    fc.asyncProperty(hours, fc.integer({ min: 1, max: 6 }), async (values, perRun) => {
      const got = await order(values, perRun * 700);
      const names = got.map(({ record }) => Number(record.response));
      assert.deepEqual(
        names.toSorted((a, b) => a - b),
        [...values.keys()],
      );
      for (const [position, name] of names.entries()) {
        const { record, city } = got[position] ?? {};
        assert.deepEqual({ record, city }, recordOf(values[name] ?? null, name));
        const later = names.slice(position + 1).filter((other) => values[other] === values[name]);
        assert.ok(later.every((other) => other > name));
      }
    }),
    { numRuns: 25 },
  );
  assert.deepEqual(readdirSync(scratch), []);
});

test('whoever stops reading leaves no file behind', async () => {
  const hours = Array.from({ length: 50 }, (_, index) => 50 - index);
  async function* records() {
    for (const [index, hour] of hours.entries()) yield recordOf(hour, index);
  }
  for await (const _ of orderByTime(records(), { scratch, signal, runBytes: 1 })) break;
  assert.deepEqual(readdirSync(scratch), []);
});
