/** Every real response that we have: 87 singles, 13 errors and a poll of 1,995. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CITY_ID_PATTERN, type City, DEFAULT_CITIES, distanceKm } from '../../model/city.ts';
import { isInvalidRecord, type Observation } from '../../model/observation.ts';
import { VARIABLE_NAMES, VARIABLES } from '../../model/variables.ts';
import { ProviderError } from '../provider-error.ts';
import type { Units } from './measurements.ts';
import { parseAnswer } from './parse.ts';
import { parseRecorded } from './recorded.ts';

const DATA = join(import.meta.dirname, '../../../../shared/data/owm-current');
const skip = existsSync(DATA) ? false : `no ${DATA} here`;
const LONDON = DEFAULT_CITIES[1] as City;
const HEADERS = new Headers();

interface Index {
  readonly responses: readonly {
    readonly file: string;
    readonly units: Units;
    readonly dt: number;
    readonly temp: number;
    readonly city_id: number;
    readonly features: readonly string[];
  }[];
  readonly errors: readonly { readonly file: string; readonly http_status: number }[];
}

const read = (file: string) => readFileSync(join(DATA, file), 'utf8');
const readIndex = () => JSON.parse(read('index.json')) as Index;

describe('all recorded responses', { skip }, () => {
  test('87 singles of three units make 87 observations with the values of the index', () => {
    const { responses } = readIndex();
    assert.equal(responses.length, 87);
    for (const { file, units, dt, temp, city_id, features } of responses) {
      const body = read(file);
      const answer = { status: 200, headers: HEADERS, body, collectedAt: dt * 1_000 + 5_000 };
      const record = parseAnswer(answer, LONDON, { source: 'x', intervalSeconds: 600, units });
      if (isInvalidRecord(record)) assert.fail(`${file}: ${record.invalid}`);
      assert.equal(Date.parse(record.observed_at), dt * 1_000, file);
      assert.equal(record.provider_city_id, city_id, file);
      assert.equal(record.response, body, file);
      const celsius = { metric: temp, standard: temp - 273.15, imperial: (temp - 32) / 1.8 }[units];
      assert.ok(Math.abs((record.temperature_c ?? 99) - celsius) < 1e-6, file);
      checkFeatures(record, features, file);
    }
  });

  test('of those of other units, taken for metric, the kelvin ones all lose their temperature', () => {
    for (const { file, units, dt } of readIndex().responses) {
      if (units !== 'standard') continue;
      const answer = { status: 200, headers: HEADERS, body: read(file), collectedAt: dt * 1_000 };
      const record = parseAnswer(answer, LONDON, { source: 'x', intervalSeconds: 600 });
      assert.ok(!isInvalidRecord(record), file);
      assert.equal(record.temperature_c, null, file);
      const [first] = record.rejected_fields ?? [];
      assert.deepEqual(
        [first?.field, first?.reason.slice(0, 9)],
        ['temperature_c', 'in kelvin'],
        file,
      );
    }
  });

  test('13 errors are typed errors, by status and by body', () => {
    const found: Record<string, number> = {};
    for (const { file, http_status } of readIndex().errors) {
      const answer = { status: http_status, headers: HEADERS, body: read(file), collectedAt: 0 };
      assert.throws(
        () => parseAnswer(answer, LONDON, { source: 'x', intervalSeconds: 600 }),
        (error) => {
          assert.ok(error instanceof ProviderError, file);
          found[error.code] = (found[error.code] ?? 0) + 1;
          return true;
        },
      );
    }
    assert.deepEqual(found, {
      PROVIDER_KEY_REFUSED: 1,
      PROVIDER_CITY_UNKNOWN: 4,
      PROVIDER_DOWN: 3,
      PROVIDER_REQUEST: 4,
      PROVIDER_QUOTA: 1,
    });
  });

  test('the poll of 1,995 makes 1,995 observations of cities of their own', () => {
    const lines = gunzipSync(readFileSync(join(DATA, 'batch-2018-metric.jsonl.gz')))
      .toString('utf8')
      .trimEnd()
      .split('\n');
    assert.equal(lines.length, 1_995);
    const options = { source: 'import:batch', intervalSeconds: 600, collectedAt: Date.now() };
    const ids = new Set<string>();
    for (const line of lines) {
      const { city, record } = parseRecorded(line, options);
      if (isInvalidRecord(record)) assert.fail(`${record.invalid}: ${line}`);
      assert.equal(record.response, line);
      assert.match(record.city_id, CITY_ID_PATTERN);
      assert.ok(city !== null && record.city_id === city.city_id);
      assert.ok(record.utc_offset_s !== null && record.utc_offset_s % 900 === 0, line);
      ids.add(record.city_id);
      for (const name of VARIABLE_NAMES) {
        const value = record[name] ?? null;
        const { minimum, maximum } = VARIABLES[name];
        assert.ok(value === null || (value >= minimum && value <= maximum));
      }
    }
    // Of 1,572 numbers of the provider some have come with several names.
    assert.equal(ids.size, 1_590);
  });

  test('an import can recognise the cities that are known', () => {
    const body = read('london-20211006T183558Z-metric.json');
    const recognise = (place: City) =>
      DEFAULT_CITIES.find((city) => distanceKm(city, place) < 25) ?? place;
    const options = { source: 'import:x', intervalSeconds: 600, collectedAt: Date.now() };
    assert.equal(parseRecorded(body, { ...options, recognise }).record.city_id, 'london');
    assert.equal(parseRecorded(body, options).record.city_id, 'london-gb');
  });
});

/** What the index says is missing is null, what it says is there is not. */
function checkFeatures(record: Observation, features: readonly string[], file: string): void {
  const present = {
    feels_like_c: !features.includes('no feels_like'),
    visibility_m: !features.includes('no visibility'),
    wind_direction_deg: !features.includes('no wind.deg'),
    wind_gust_ms: features.includes('wind.gust'),
    rain_1h_mm: features.includes('rain.1h'),
    snow_1h_mm: features.includes('snow.1h'),
  } as const;
  for (const [name, there] of Object.entries(present)) {
    assert.equal((record[name as keyof typeof present] ?? null) !== null, there, `${file} ${name}`);
  }
}
