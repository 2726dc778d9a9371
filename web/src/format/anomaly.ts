/** What is unusual about a value, in the chosen unit and in words. */
import type { Anomaly } from '../../../src/model/datasets.ts';
import { isVariableName, VARIABLES } from '../../../src/model/variables.ts';
import { formatNumber } from './numbers.ts';
import { formatBare, formatValue, type Units } from './units.ts';

export interface AnomalyWords {
  /** "temperature". */
  readonly variable: string;
  /** "33.4 °C". */
  readonly value: string;
  /** "22.9 to 29.8": what the rule lets pass; "–" when that does not follow from the row. */
  readonly usual: string;
  /** "4.1 spreads above 26.4 °C": how far from the mean. */
  readonly why: string;
}

export function describeAnomaly(row: Anomaly, units: Units): AnomalyWords {
  const { variable: name, value, expected, score, threshold } = row;
  const known = isVariableName(name) ? name : null;
  const full = (number: number) =>
    known === null ? formatNumber(number, 1) : formatValue(number, known, units);
  const bare = (number: number) =>
    known === null ? formatNumber(number, 1) : formatBare(number, known, units);
  const spread = Math.abs(score) > 0 ? (value - expected) / score : null;
  return {
    variable: known === null ? name : VARIABLES[known].label.toLowerCase(),
    value: full(value),
    usual:
      spread === null
        ? '–'
        : `${bare(expected - threshold * spread)} to ${bare(expected + threshold * spread)}`,
    why: `${formatNumber(Math.abs(score), 1)} spreads ${score < 0 ? 'below' : 'above'} ${full(expected)}`,
  };
}

/** Flagged values of a city and variable that follow each other closer than this are one episode. */
const EPISODE_MS = 3 * 3_600_000;

/** The most unusual value of each episode, so that a chart has one mark for it. */
export function peaksOf(rows: readonly Anomaly[]): readonly Anomaly[] {
  const peaks: Anomaly[] = [];
  const open = new Map<string, { at: number; place: number }>();
  const sorted = rows.toSorted((a, b) => Date.parse(a.observed_at) - Date.parse(b.observed_at));
  for (const row of sorted) {
    const key = `${row.city_id} ${row.variable} ${row.rule} ${Math.sign(row.score)}`;
    const at = Date.parse(row.observed_at);
    const before = open.get(key);
    const peak = before === undefined ? undefined : peaks[before.place];
    if (before === undefined || peak === undefined || at - before.at > EPISODE_MS) {
      open.set(key, { at, place: peaks.push(row) - 1 });
      continue;
    }
    before.at = at;
    if (Math.abs(row.score) > Math.abs(peak.score)) peaks[before.place] = row;
  }
  return peaks;
}
