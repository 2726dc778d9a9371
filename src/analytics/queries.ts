/** The SQL texts of this room: both engines run the same. */
import { readFileSync } from 'node:fs';
import { CLIMATE_PARTS } from './climate-parts.ts';
import { COVERAGE_PARTS } from './coverage.ts';
import { FAILED_BY_VARIABLE, LAST_VALUES } from './failed-values.ts';
import { STATISTICS_PARTS } from './statistics-parts.ts';
import { THREE_SIGMA_PARTS } from './three-sigma.ts';

export type QueryName =
  | 'anomalies'
  | 'anomaly_bounds'
  | 'anomaly_candidates'
  | 'calendar_months_merge'
  | 'calendar_months_partial'
  | 'climate_normals'
  | 'city_statistics'
  | 'city_statistics_merge'
  | 'city_statistics_partial'
  | 'coverage_merge'
  | 'coverage_partial'
  | 'daily_summaries'
  | 'day_groups'
  | 'day_times'
  | 'days'
  | 'days_merge'
  | 'failed_values'
  | 'fitting_days'
  | 'hour_sums'
  | 'hourly_trends'
  | 'hourly_trends_merge'
  | 'hourly_trends_partial'
  | 'month_rows'
  | 'monthly_summaries'
  | 'observed_days'
  | 'observed_names'
  | 'records'
  | 'season_hours';

const PARTS: Readonly<Record<string, string>> = {
  ...COVERAGE_PARTS,
  ...CLIMATE_PARTS,
  ...STATISTICS_PARTS,
  ...THREE_SIGMA_PARTS,
  failed_by_variable: FAILED_BY_VARIABLE,
  last_values: LAST_VALUES,
};

const texts = new Map<QueryName, string>();

/**
 * The text of `queries/<name>.sql`. `{name}` in it stands for a part that is made from a list, or
 * for another text, `{mean name}` for the merged mean of a variable.
 */
export function queryText(name: QueryName): string {
  let text = texts.get(name);
  if (text === undefined) {
    const file = readFileSync(new URL(`./queries/${name}.sql`, import.meta.url), 'utf8');
    text = file
      .replaceAll(/\{(\w+)\}/g, (_, part: string) => {
        return PARTS[part] ?? queryText(part as QueryName);
      })
      .replaceAll(/\{mean (\w+)\}/g, (_, variable: string) => mergedMean(variable));
    texts.set(name, text);
  }
  return text;
}

/** Of means of parts, weighted by their numbers: between the lowest and the highest of them. */
function mergedMean(variable: string): string {
  const [mean, count] = [`${variable}_mean`, `${variable}_count`];
  const merged = `sum(${mean} * ${count}) / nullif(sum(${count}), 0)`;
  return `least(greatest(${merged}, min(${mean})), max(${mean}))`;
}
