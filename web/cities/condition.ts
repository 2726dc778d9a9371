/** What the sky is like, from OpenWeatherMap's condition codes: https://openweathermap.org/weather-conditions. */
import { sunElevation } from '../chart/sun.ts';
import { hourOf } from '../format/times.ts';
import { language, words } from '../words/words.ts';
import type { Latest, ShownCity } from './city-list.ts';

export type Condition =
  | 'clear'
  | 'partly'
  | 'cloudy'
  | 'overcast'
  | 'drizzle'
  | 'rain'
  | 'showers'
  | 'thunder'
  | 'snow'
  | 'sleet'
  | 'fog'
  | 'squall'
  | 'tornado';

/** The first that matches counts: codes by their beginning, and words of files without codes. */
const CONDITIONS: readonly (readonly [Condition, code: RegExp, text: RegExp])[] = [
  ['thunder', /^2/, /thunder/],
  ['drizzle', /^3/, /drizzle/],
  ['sleet', /^(511|61[1-6])$/, /sleet|freezing|rain and snow/],
  ['showers', /^5[23]/, /shower.*rain|rain.*shower/],
  ['rain', /^5/, /rain/],
  ['snow', /^6/, /snow/],
  ['squall', /^771$/, /squall/],
  ['tornado', /^781$/, /tornado/],
  ['fog', /^7/, /mist|fog|haze|smoke|dust|sand|ash/],
  ['clear', /^800$/, /clear/],
  ['partly', /^80[12]$/, /few|scattered/],
  ['cloudy', /^803$/, /broken/],
  ['overcast', /^804$/, /overcast/],
];

/** Null where neither the code nor the words are known. */
export function conditionOf({
  condition_id: code,
  condition,
}: Pick<Latest, 'condition_id' | 'condition'>): Condition | null {
  const found = CONDITIONS.find(([, codes, texts]) =>
    code === null ? texts.test(condition ?? '') : codes.test(String(code)),
  );
  return found?.[0] ?? null;
}

/** The provider's words in English; in other languages, which it does not send, those of the page. */
export function conditionText(latest: Pick<Latest, 'condition_id' | 'condition'>): string | null {
  const condition = conditionOf(latest);
  if (condition === null || language.value === 'en') return latest.condition;
  return words.value.conditions[condition];
}

/** Whether the sun is below the horizon there; without a place, from 18:00 to 06:00 of its clock. */
export function isNight({ latitude, longitude, latest }: ShownCity): boolean {
  const at = Date.parse(latest?.observed_at ?? '');
  if (latitude !== null && longitude !== null) return sunElevation(at, latitude, longitude) < -0.83;
  const hour = hourOf(at + 1_000 * (latest?.utc_offset_s ?? 0), 'UTC');
  return hour < 6 || hour >= 18;
}
