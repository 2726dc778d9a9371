/** The SQL texts of this room: both engines run the same. */
import { readFileSync } from 'node:fs';

export type QueryName =
  | 'anomalies'
  | 'anomaly_bounds'
  | 'anomaly_candidates'
  | 'city_statistics'
  | 'city_statistics_merge'
  | 'city_statistics_state'
  | 'hourly_trends'
  | 'hourly_trends_merge'
  | 'hourly_trends_state';

const texts = new Map<QueryName, string>();

/** The text of `queries/<name>.sql`. */
export function queryText(name: QueryName): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`./queries/${name}.sql`, import.meta.url), 'utf8');
    texts.set(name, text);
  }
  return text;
}
