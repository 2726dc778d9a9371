/** Made-up anomalies and questions for tests: few cities and values, so that much is equal. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { formatReason } from '../../analytics/anomaly-reason.ts';
import { ANOMALY_SORTS, type AnomalyQuestion, SORT_ORDERS } from '../../model/anomaly-search.ts';
import type { Anomaly } from '../../model/datasets.ts';
import { isoTime } from '../../model/iso-time.ts';
import { keyOfRow } from '../row-order.ts';

const CITIES = [
  ...['São Paulo', 'Łódź', 'Straßburg', 'New York', 'Y', 'Ürümqi', '北京', 'Saint-Denis'],
  // Words that reasons have, too.
  ...['Above 33.4', 'Mean', '...'],
];
const VARIABLES = ['temperature_c', 'pressure_hpa', 'wind_speed_ms'];
const FROM_US = 1_700_000_000_000_000n;
const WORDS = [
  'above',
  'below',
  'mean',
  '33.4',
  '3',
  'deviations',
  'über',
  'ÖL',
  'ab',
  'a',
  '3rd',
  'h2o',
];

/** The same for the same seed; keys are unique. */
export function someRows(count: number, seed = ''): Anomaly[] {
  return anomaliesOf(Array.from({ length: count }, (_, at) => rowOf(`${seed} ${at}`)));
}

/** Each key once. */
export function anomaliesOf(rows: readonly Anomaly[]): Anomaly[] {
  const byKey = new Map(rows.map((row) => [JSON.stringify(keyOfRow(row, 'time')), row]));
  return [...byKey.values()];
}

function rowOf(seed: string): Anomaly {
  const bytes = createHash('sha256').update(seed).digest();
  const pick = <T>(at: number, list: readonly T[]): T =>
    list[bytes.readUInt16LE(at) % list.length] as T;
  const place = bytes.readUInt16LE(0) % CITIES.length;
  const city = CITIES[place] ?? '';
  const micros =
    BigInt(bytes.readUInt16LE(2) % 500) * 86_400_000_000n + BigInt(pick(4, [0, 1, 500_000]));
  const value = pick(6, [-12.5, 0, 3, 1e-7, 1013.25, 2 ** 53]);
  const score = pick(8, [-4.25, -3.1, 3.1, 3.100000000000001, 12]);
  const words = [10, 12, 14].map((at) => pick(at, WORDS)).join(' ');
  return {
    city_id: `c-${place}`,
    city,
    observed_at: isoTime(FROM_US + micros) ?? '',
    variable: pick(16, VARIABLES),
    value,
    expected: 10,
    score,
    threshold: 3,
    rule: 'three_sigma',
    observation_count: 100,
    reason: `${words}; usual in ${city} is 1.0 °C to 2.0 °C`,
  };
}

/** Rows whose reasons are those of isobar; the same for the same seed. */
export function someSentences(count: number, seed = ''): Anomaly[] {
  return someRows(count, seed).map((row, at) => {
    const stddev = 1 + (at % 7) / 3;
    const own = { ...row, value: row.expected + row.score * stddev };
    return { ...own, reason: formatReason(own, stddev) };
  });
}

/** Rows by bucket, as publications cut them up. */
export function bucketsOf(rows: readonly Anomaly[]): Map<string, Anomaly[]> {
  return Map.groupBy(rows, ({ city_id, observed_at }) =>
    createHash('md5')
      .update(`${city_id} ${observed_at.slice(0, 7)}`)
      .digest('hex')
      .slice(0, 1),
  );
}

export function question(parts: Partial<AnomalyQuestion> = {}): AnomalyQuestion {
  return {
    text: '',
    chosen: { city_id: [], variable: [], rule: [] },
    scoreMin: null,
    scoreMax: null,
    from: null,
    to: null,
    sort: 'time',
    order: 'desc',
    after: null,
    limit: 100,
    facets: false,
    ...parts,
  };
}

/** Questions of every kind, with these words, and with texts that people and attackers type. */
export function questions(
  words: readonly string[] = [...WORDS, ...CITIES, 'us', 'i', '1.0', 'c'],
): fc.Arbitrary<AnomalyQuestion> {
  const text = fc.oneof(
    fc.constant(''),
    fc.array(fc.constantFrom(...words), { maxLength: 3 }).map((some) => some.join(' ')),
    fc
      .array(fc.constantFrom(...words), { minLength: 30, maxLength: 40 })
      .map((all) => all.join(' ')),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  );
  const day = fc.integer({ min: -5, max: 505 });
  const time = day.map((days) => isoTime(FROM_US + BigInt(days) * 86_400_000_000n));
  const month = fc.constantFrom('2023-12-01T00:00:00Z', '2024-02-01T00:00:00Z');
  const limit = fc.constantFrom(null, null, 3, 3.1, 4.25, 12);
  const some = (values: readonly string[]) => fc.subarray([...values], { maxLength: 2 });
  return fc
    .record({
      text,
      city_id: some(['c-0', 'c-1', 'c-5', 'elsewhere']),
      variable: some(VARIABLES),
      rule: some(['three_sigma', 'other']),
      scoreMin: limit,
      scoreMax: limit,
      from: fc.oneof(fc.constant(null), time, month),
      to: fc.oneof(fc.constant(null), time, month),
      sort: fc.constantFrom(...ANOMALY_SORTS),
      order: fc.constantFrom(...SORT_ORDERS),
      after: fc.option(fc.nat(60), { nil: null }),
      limit: fc.integer({ min: 1, max: 40 }),
      facets: fc.boolean(),
    })
    .map(({ city_id, variable, rule, after, ...rest }) => ({
      ...rest,
      chosen: { city_id, variable, rule },
      // A key that may or may not be a row's.
      after: after === null ? null : keyOfRow(rowOf(` ${after}`), rest.sort),
    }));
}
