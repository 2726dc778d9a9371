/** Made-up anomalies for benchmarks: many cities and years, with reasons as isobar writes them. */
import { createHash } from 'node:crypto';
import type { AnomalyQuestion } from '../src/model/anomaly-search.ts';
import type { Anomaly } from '../src/model/datasets.ts';
import { createRandom } from '../test/support/random.ts';

const CITIES = 2_000;
const MONTHS = 60;
const FIRST_YEAR = 2_020;
const VARIABLES = [
  { name: 'temperature_c', label: 'Temperature', unit: '°C', mean: 15, spread: 8 },
  { name: 'pressure_hpa', label: 'Pressure', unit: 'hPa', mean: 1_013, spread: 9 },
  { name: 'wind_speed_ms', label: 'Wind', unit: 'm/s', mean: 5, spread: 2 },
] as const;
const FIRST = ['Alt', 'Bel', 'Cor', 'Dor', 'El', 'Fal', 'Gor', 'Hel', 'Is', 'Jan', 'Kal', 'Lor'];
const LAST = ['burg', 'dorf', 'haven', 'mont', 'sur Mer', 'ville', 'stad', 'polis', 'wick', 'ton'];

const nameOf = (city: number) =>
  `${FIRST[city % FIRST.length]}${LAST[Math.floor(city / FIRST.length) % LAST.length]} ${Math.floor(city / 120) + 1}`;

/** Rows by bucket, about so many in all; the same each time. */
export function* madeBuckets(count: number): Generator<readonly [string, readonly Anomaly[]]> {
  const places = Map.groupBy(
    Array.from({ length: CITIES * MONTHS }, (_, at) => at),
    (at) => bucketOf(`c${at % CITIES} ${monthOf(Math.floor(at / CITIES))}`),
  );
  for (const [bucket, own] of places) {
    yield [bucket, own.flatMap((at) => rowsOf(at, count / (CITIES * MONTHS)))];
  }
}

const bucketOf = (place: string) => createHash('md5').update(place).digest('hex').slice(0, 2);

function monthOf(month: number): string {
  return `${FIRST_YEAR + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`;
}

function rowsOf(place: number, mean: number): Anomaly[] {
  const random = createRandom(place + 1);
  const city = place % CITIES;
  const month = monthOf(Math.floor(place / CITIES));
  const count = Math.floor(mean) + (random() < mean % 1 ? 1 : 0);
  const rows = new Map<string, Anomaly>();
  while (rows.size < count) {
    const day = String(1 + Math.floor(random() * 28)).padStart(2, '0');
    const hour = String(Math.floor(random() * 24)).padStart(2, '0');
    const variable = VARIABLES[Math.floor(random() ** 2 * VARIABLES.length)] ?? VARIABLES[0];
    const row = rowOf(city, `${month}-${day}T${hour}:00:00Z`, variable, random);
    rows.set(`${row.observed_at} ${row.variable}`, row);
  }
  return [...rows.values()];
}

function rowOf(
  city: number,
  observed_at: string,
  { name, label, unit, mean, spread }: (typeof VARIABLES)[number],
  random: () => number,
): Anomaly {
  const score = (3 + random() ** 4 * 5) * (random() < 0.5 ? -1 : 1);
  const expected = mean + (city % 100) / 10;
  const value = expected + score * spread;
  const text = (number: number) => `${number.toFixed(1)} ${unit}`;
  const usual = `${text(expected - 3 * spread)} to ${text(expected + 3 * spread)}`;
  return {
    city_id: `c${city}`,
    city: nameOf(city),
    observed_at,
    variable: name,
    value,
    expected,
    score,
    threshold: 3,
    rule: 'three_sigma',
    observation_count: 43_800,
    reason:
      `${label} ${text(value)} is ${Math.abs(score).toFixed(1)} deviations ` +
      `${score < 0 ? 'below' : 'above'} the mean of ${text(expected)}; ` +
      `usual in ${nameOf(city)} is ${usual}`,
  };
}

export interface MadeQuestion {
  /** What its words are. */
  readonly kind: string;
  readonly question: AnomalyQuestion;
}

/** Questions as people put them: words they see, filters, orders, counts; the same each time. */
export function madeQuestions(count: number): MadeQuestion[] {
  const random = createRandom(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const city = () => Math.floor(random() * CITIES);
  const day = (month: number) => `${monthOf(month)}-${pick(['01', '09', '20'])}T00:00:00Z`;
  return Array.from({ length: count }, () => {
    const [kind, words] = pick<readonly [string, () => string]>([
      ['no words', () => ''],
      ['a city', () => nameOf(city())],
      ['a city begun', () => nameOf(city()).slice(0, 4)],
      [
        'common words',
        () => pick(['above', 'below', 'wind', 'pressure above', 'deviations', 'temperature bel']),
      ],
      ['a side and a city', () => `${pick(['above', 'below'])} ${nameOf(city())}`],
      ['a number begun', () => String(Math.floor(random() * 60))],
      ['a variable and a number', () => `wind ${(5 + random() * 30).toFixed(1)}`],
    ]);
    const text = words();
    const month = Math.floor(random() * (MONTHS - 6));
    const ranged = random() < 0.3;
    const question: AnomalyQuestion = {
      text,
      chosen: {
        city_id:
          random() < 0.25 ? Array.from({ length: 1 + (city() % 4) }, () => `c${city()}`) : [],
        variable: random() < 0.2 ? [pick(VARIABLES).name] : [],
        rule: [],
      },
      scoreMin: random() < 0.2 ? 3 + random() * 4 : null,
      scoreMax: null,
      from: ranged ? day(month) : null,
      to: ranged ? day(month + 1 + Math.floor(random() * 5)) : null,
      sort: pick(['time', 'time', 'score', 'value'] as const),
      order: pick(['desc', 'desc', 'asc'] as const),
      after: null,
      limit: 100,
      facets: random() < 0.5,
    };
    return { kind, question };
  });
}
