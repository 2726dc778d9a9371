/** What is usual in a month: the means of the same month of other years, as far as these are full. */

import { NORMAL_YEARS, RAIN_COVERAGE_LEAST_PCT } from '../../src/model/climate.ts';
import type { MonthlySummary } from '../../src/model/climate-datasets.ts';

const COMPARED = [
  ...(['temperature_c_mean', 'temperature_c_max_mean', 'temperature_c_min_mean'] as const),
  ...(['humidity_pct_mean', 'pressure_hpa_mean', 'rain_mm'] as const),
  ...(['frost_day_count', 'summer_day_count', 'hot_day_count'] as const),
] as const;
export type Compared = (typeof COMPARED)[number];

export interface UsualMonth {
  /** Of the other years, ascending; empty when none has this month in full. */
  readonly years: readonly number[];
  readonly basis: 'normal' | 'period_average' | 'few_years';
  readonly means: Readonly<Record<Compared, number | null>>;
}

/** `months` are those of one city. The month itself is left out: it would be compared with itself. */
export function usualOf(months: readonly MonthlySummary[], month: MonthlySummary): UsualMonth {
  const name = month.month.slice(5);
  const others = months.filter(
    (one) => one.is_full && one.month !== month.month && one.month.endsWith(`-${name}`),
  );
  const years = others.map((one) => Number(one.month.slice(0, 4))).sort((a, b) => a - b);
  const meanOf = (key: Compared) => {
    const known = others.filter((one) => key !== 'rain_mm' || isRainKnown(one));
    const values = known.flatMap((one) => one[key] ?? []);
    return values.length === 0 ? null : values.reduce((sum, one) => sum + one, 0) / values.length;
  };
  return {
    years,
    basis:
      years.length >= NORMAL_YEARS.normal
        ? 'normal'
        : years.length >= NORMAL_YEARS.periodAverage
          ? 'period_average'
          : 'few_years',
    means: Object.fromEntries(COMPARED.map((key) => [key, meanOf(key)])) as UsualMonth['means'],
  };
}

export function lengthOf({ month }: MonthlySummary): number {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 0)).getUTCDate();
}

function isRainKnown(month: MonthlySummary): boolean {
  const known = month.rain_reported_s ?? 0;
  return known >= (RAIN_COVERAGE_LEAST_PCT / 100) * 86_400 * lengthOf(month);
}
