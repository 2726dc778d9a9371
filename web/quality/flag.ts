/** What quality control says of a value, in the chosen unit and in words. */
import type { QualityFlag, QualityTest } from '../../src/model/quality.ts';
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

/** What is flagged of one station. */
export interface StationFlags {
  readonly cityId: string;
  /** Values. */
  readonly failed: number;
  readonly suspect: number;
  /** Flags by test, the most first. */
  readonly tests: readonly (readonly [QualityTest, number])[];
  /** The newest. */
  readonly last: QualityFlag;
}

/** The stations that have flags, which come newest first: those with the most failed values first. */
export function stationsOf(flags: readonly QualityFlag[]): readonly StationFlags[] {
  const stations = [...Map.groupBy(flags, ({ city_id }) => city_id)].flatMap(([cityId, own]) => {
    const [last] = own;
    if (last === undefined) return [];
    const values = worstFlags(own);
    const failed = values.filter(({ verdict }) => verdict === 'fail').length;
    const byTest = Map.groupBy(own, ({ test }) => test);
    const tests = [...byTest].map(([test, found]) => [test, found.length] as const);
    tests.sort((a, b) => b[1] - a[1]);
    return [{ cityId, failed, suspect: values.length - failed, tests, last }];
  });
  return stations.sort(
    (a, b) => b.failed - a.failed || b.suspect - a.suspect || (a.cityId < b.cityId ? -1 : 1),
  );
}
