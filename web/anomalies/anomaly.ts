/** What is unusual about a value, in the chosen unit and in words. */
import type { Anomaly } from '../../src/model/datasets.ts';
import { isVariableName } from '../../src/model/variables.ts';
import { formatNumber } from '../format/numbers.ts';
import { formatBare, formatValue, type Units } from '../format/units.ts';
import { words } from '../words/words.ts';

/** Names a flagged value. */
export function keyOfAnomaly({
  city_id,
  observed_at,
  variable,
  rule,
}: Pick<Anomaly, 'city_id' | 'observed_at' | 'variable' | 'rule'>): string {
  return `${city_id} ${observed_at} ${variable} ${rule}`;
}

export interface AnomalyWords {
  /** "Temperature". */
  readonly variable: string;
  /** "33.4 °C". */
  readonly value: string;
  /** "22.9 to 29.8": what the rule lets pass; "–" when that does not follow from the row. */
  readonly usual: string;
  /** "4.1 spreads above": how far from the mean. */
  readonly off: string;
  /** "26.4 °C". */
  readonly mean: string;
}

export function describeAnomaly(row: Anomaly, units: Units): AnomalyWords {
  const { variable: name, value, expected, score, threshold } = row;
  const say = words.value;
  const known = isVariableName(name) ? name : null;
  const full = (number: number) =>
    known === null ? formatNumber(number, 1) : formatValue(number, known, units);
  const bare = (number: number) =>
    known === null ? formatNumber(number, 1) : formatBare(number, known, units);
  const spread = Math.abs(score) > 0 ? (value - expected) / score : null;
  return {
    variable: known === null ? name : say.variables[known],
    value: full(value),
    usual:
      spread === null
        ? '–'
        : say.chart.span(bare(expected - threshold * spread), bare(expected + threshold * spread)),
    off: say.anomalies.off(formatNumber(Math.abs(score), 1), score < 0),
    mean: full(expected),
  };
}

/** Flagged values of a city and variable that follow each other closer than this are one episode. */
const EPISODE_MS = 3 * 3_600_000;

export interface Episode {
  /** Its most unusual value. */
  readonly peak: Anomaly;
  /** Times of its first and last flagged value. */
  readonly from: number;
  readonly to: number;
  /** How many values were flagged. */
  readonly count: number;
}

/** Values that stay unusual for hours form one episode; newest first. */
export function episodesOf(rows: readonly Anomaly[]): readonly Episode[] {
  const episodes: Episode[] = [];
  const open = new Map<string, number>();
  const sorted = rows.toSorted((a, b) => Date.parse(a.observed_at) - Date.parse(b.observed_at));
  for (const row of sorted) {
    const key = `${row.city_id} ${row.variable} ${row.rule} ${Math.sign(row.score)}`;
    const at = Date.parse(row.observed_at);
    const place = open.get(key) ?? -1;
    const before = episodes[place];
    if (before === undefined || at - before.to > EPISODE_MS) {
      open.set(key, episodes.push({ peak: row, from: at, to: at, count: 1 }) - 1);
      continue;
    }
    const peak = Math.abs(row.score) > Math.abs(before.peak.score) ? row : before.peak;
    episodes[place] = { peak, from: before.from, to: at, count: before.count + 1 };
  }
  return episodes.sort((a, b) => b.to - a.to);
}
