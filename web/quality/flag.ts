/** What quality control says of a value, in the chosen unit and in words. */
import type { QualityFlag } from '../../src/model/quality.ts';
import { formatValue, type Units } from '../format/units.ts';
import { words } from '../words/words.ts';

/** Of several flags of one value the first that failed, else the first; in their order. */
export function worstFlags(flags: readonly QualityFlag[]): readonly QualityFlag[] {
  const worst = new Map<string, QualityFlag>();
  for (const flag of flags) {
    const key = keyOfFlag(flag);
    const known = worst.get(key);
    const isWorse = known?.verdict === 'suspect' && flag.verdict === 'fail';
    if (known === undefined || isWorse) worst.set(key, flag);
  }
  return [...worst.values()];
}

/** Names a value. */
export function keyOfFlag({ city_id, observed_at, variable }: QualityFlag): string {
  return `${city_id} ${observed_at} ${variable}`;
}

/** "jumped away from 12.0 °C and back" */
export function describeFlag({ test, variable, expected, compared }: QualityFlag, units: Units) {
  const say = words.value.quality;
  // A humidity is compared as the dew point.
  const name = compared === null ? variable : 'temperature_c';
  const wanted = expected === null ? '' : formatValue(expected, name, units);
  if (test === 'internal') return say.internal[variable === 'wind_gust_ms' ? 'gust' : 'pressure'];
  if (compared !== null) return say.dewPoint(formatValue(compared, name, units), wanted);
  return say.found[test](wanted);
}
