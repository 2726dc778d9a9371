/** Settings of Spark's own that a session begins with. */
import { IsobarError } from '../../errors.ts';

/** `spark.sql.x=1, spark.y=a=b` → pairs; a value ends where the next ` spark.` begins. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const pair of text.split(/,(?=\s*spark\.)/)) {
    if (pair.trim() === '') continue;
    const match = /^\s*(spark\.[\w.-]+)\s*=(.*)$/s.exec(pair);
    if (match === null) {
      throw new IsobarError(
        'CONFIG_INVALID',
        `analytics.spark.properties: ${pair.trim()} is not of the form spark.name=value`,
      );
    }
    properties.set(match[1] ?? '', (match[2] ?? '').trim());
  }
  return properties;
}
