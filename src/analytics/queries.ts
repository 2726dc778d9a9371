/** The SQL texts of this room: both engines run the same. */
import { readFileSync } from 'node:fs';
import { COVERAGE_PARTS } from './coverage.ts';

export type QueryName =
  | 'anomalies'
  | 'anomaly_bounds'
  | 'anomaly_candidates'
  | 'city_statistics'
  | 'city_statistics_merge'
  | 'city_statistics_state'
  | 'hourly_trends'
  | 'hourly_trends_merge'
  | 'hourly_trends_state'
  | 'merged_coverage'
  | 'merged_statistics';

const texts = new Map<QueryName, string>();

/** The text of `queries/<name>.sql`; a name in braces stands for a part of it, or for another. */
export function queryText(name: QueryName): string {
  let text = texts.get(name);
  if (text === undefined) {
    const file = readFileSync(new URL(`./queries/${name}.sql`, import.meta.url), 'utf8');
    text = file.replaceAll(
      /\{(\w+)\}/g,
      (_, part: string) => COVERAGE_PARTS[part] ?? queryText(part as QueryName),
    );
    texts.set(name, text);
  }
  return text;
}
