/** Where the cells of a heat map lie, in px: an hour of the day across, a period of days down. */
import type { HourlyMean } from '../../src/api/schemas.ts';

export type Period = 'day' | 'week' | 'month';

export interface HeatCell {
  readonly row: number;
  readonly hour: number;
  readonly x: number;
  readonly y: number;
  readonly mean: number;
  readonly count: number;
}

export interface HeatLayout {
  /** First days of the periods, from above: "2016-07-08". */
  readonly periods: readonly string[];
  readonly cells: readonly HeatCell[];
  /** Periods that are written beside their row. */
  readonly marks: readonly { readonly y: number; readonly period: string }[];
  readonly left: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
}

const LEFT = 62;
const BOTTOM = 24;
const MARK_HEIGHT = 26;
/** Room for the words of a mark at the upper end. */
const MARK_Y_MIN = 6;
const DAY_MS = 86_400_000;

/** Rows stay so few that each can be seen. */
export function periodOf(from: number, to: number): Period {
  const days = (to - from) / DAY_MS;
  if (days <= 62) return 'day';
  return days <= 62 * 7 ? 'week' : 'month';
}

export function layOutHeat(
  rows: readonly Pick<HourlyMean, 'period_start' | 'hour' | 'mean' | 'observation_count'>[],
  { width, height }: { readonly width: number; readonly height: number },
  period: Period,
): HeatLayout {
  const periods = fillPeriods(
    [...new Set(rows.map(({ period_start }) => period_start))].sort(),
    period,
  );
  const places = new Map(periods.map((start, place) => [start, place]));
  const cellWidth = Math.max(4, (width - LEFT) / 24);
  const cellHeight = Math.max(1, (height - BOTTOM) / Math.max(1, periods.length));
  return {
    periods,
    cells: rows.map(({ period_start, hour, mean, observation_count }) => {
      const row = places.get(period_start) ?? 0;
      const [x, y] = [LEFT + hour * cellWidth, row * cellHeight];
      return { row, hour, x, y, mean, count: observation_count };
    }),
    marks: markedPlaces(periods, period, Math.ceil(MARK_HEIGHT / cellHeight)).map((place) => ({
      y: Math.max(MARK_Y_MIN, (place + 0.5) * cellHeight),
      period: periods[place] ?? '',
    })),
    left: LEFT,
    cellWidth,
    cellHeight,
  };
}

/** Where a year begins, if there is room for that many; else every so many rows. */
function markedPlaces(periods: readonly string[], period: Period, every: number): number[] {
  const places = [...periods.keys()];
  const years = places.filter((place) => periods[place]?.slice(5, 7) === '01');
  return period === 'month' && years.length > 1 && every <= 12
    ? years
    : places.filter((place) => place % every === 0);
}

/** Periods without any observation keep their row. */
function fillPeriods(known: readonly string[], period: Period): readonly string[] {
  const [first] = known;
  const last = known.at(-1);
  if (first === undefined || last === undefined) return [];
  const all = [first];
  for (let start = first; start < last; ) {
    start = nextPeriod(start, period);
    all.push(start);
  }
  return all;
}

/** "2016-07-08" → "2016-07-09", "2016-07-15" or "2016-08-01" of a month that began before. */
export function nextPeriod(start: string, period: Period): string {
  const date = new Date(`${start}T00:00:00Z`);
  if (period === 'month') date.setUTCMonth(date.getUTCMonth() + 1, 1);
  else date.setUTCDate(date.getUTCDate() + (period === 'week' ? 7 : 1));
  return date.toISOString().slice(0, 10);
}
