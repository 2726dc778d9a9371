import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_CITIES } from '../../model/city.ts';
import { type Place, type Weather, weatherAt } from './weather.ts';

const RANGES: Readonly<Record<keyof Weather, readonly [number, number]>> = {
  temperature: [-75, 54],
  feelsLike: [-105, 85],
  humidity: [8, 100],
  pressure: [950, 1050],
  windSpeed: [0.2, 32],
  windGust: [0.2, 60],
  windDirection: [0, 360],
  cloudCover: [0, 100],
  visibility: [100, 10_000],
  rain: [0, 18],
  snow: [0, 18],
};

const seed = fc.integer({ min: 0, max: 2_147_483_647 });
const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});
const time = fc.date({
  min: new Date('1980-01-01'),
  max: new Date('2060-01-01'),
  noInvalidDate: true,
});
const DAY_MS = 86_400_000;

test('everywhere and always the weather is within its ranges and in keeping', () => {
  fc.assert(
    fc.property(seed, place, time, (number, where, at) => {
      const weather = weatherAt(number, where, at);
      for (const [name, [least, most]] of Object.entries(RANGES)) {
        const value = weather[name as keyof Weather];
        assert.ok(value >= least && value <= most, `${name} ${value}`);
      }
      assert.ok(weather.windGust >= weather.windSpeed);
      assert.ok(weather.rain === 0 || weather.snow === 0);
      assert.ok(weather.snow === 0 || weather.temperature < 1);
      assert.deepEqual(weatherAt(number, where, new Date(at)), weather);
    }),
    { numRuns: 3_000 },
  );
});

test('no jump of more than 3 °C in ten minutes', () => {
  fc.assert(
    fc.property(seed, place, time, (number, where, at) => {
      let before = weatherAt(number, where, at).temperature;
      for (let step = 1; step <= 20; step++) {
        const next = weatherAt(number, where, new Date(at.getTime() + step * 600_000)).temperature;
        assert.ok(Math.abs(next - before) <= 3, `${before} → ${next}`);
        before = next;
      }
    }),
    { numRuns: 500 },
  );
});

test('another seed makes other weather', () => {
  const at = new Date('2025-05-05T12:00:00Z');
  const temperatures = [1, 2, 3, 4, 5].map(
    (number) => weatherAt(number, { latitude: 50, longitude: 10 }, at).temperature,
  );
  assert.equal(new Set(temperatures).size, 5);
});

/** The mean over many hours, so that fronts level out. */
function mean(where: Place, from: string, hours: readonly number[]): number {
  let sum = 0;
  for (let day = 0; day < 30; day++) {
    for (const hour of hours) {
      const at = new Date(Date.parse(from) + day * DAY_MS + hour * 3_600_000);
      for (const number of [1, 2, 3]) sum += weatherAt(number, where, at).temperature;
    }
  }
  return sum / (30 * hours.length * 3);
}

test('July is summer in the north and winter in the south', () => {
  const hours = [0, 6, 12, 18];
  for (const latitude of [60, 45, 30]) {
    for (const sign of [1, -1]) {
      const where = { latitude: sign * latitude, longitude: 20 };
      const [july, january] = ['2025-07-01', '2025-01-01'].map((from) => mean(where, from, hours));
      const warmer = ((july ?? 0) - (january ?? 0)) * sign;
      assert.ok(warmer > 3, `${where.latitude}: ${january} in January, ${july} in July`);
    }
  }
});

test('the afternoon is warmest and the early morning coldest, by the sun of the place', () => {
  for (const { name, latitude, longitude } of DEFAULT_CITIES) {
    const byHour = Array.from({ length: 24 }, (_, hour) =>
      mean({ latitude, longitude }, '2025-04-01', [hour - longitude / 15]),
    );
    const warmest = byHour.indexOf(Math.max(...byHour));
    const coldest = byHour.indexOf(Math.min(...byHour));
    assert.ok(warmest >= 13 && warmest <= 17, `${name} is warmest at ${warmest}`);
    assert.ok(coldest >= 1 && coldest <= 6, `${name} is coldest at ${coldest}`);
  }
});
