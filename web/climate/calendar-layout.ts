/** Where the days of a year lie, in px: a month a row, the days of the month across. */

import { DAY_COVERAGE_LEAST_PCT } from '../../src/model/climate.ts';
import type { DailySummary } from '../../src/model/climate-datasets.ts';

export const DAY_VALUES = ['temperature_c_mean', 'temperature_c_max', 'temperature_c_min'] as const;
export type DayValue = (typeof DAY_VALUES)[number];

export interface CalendarCell {
  readonly date: string;
  readonly x: number;
  readonly y: number;
  /** Null where nothing, or no temperature, was observed. */
  readonly value: number | null;
  /** Whether enough of the day was observed for the value to stand for it. */
  readonly isComplete: boolean;
}

export interface CalendarLayout {
  readonly left: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly height: number;
  readonly cells: readonly CalendarCell[];
}

const LEFT = 40;
const BOTTOM = 22;
const DAYS_ACROSS = 31;
const CELL_HEIGHT = { least: 18, most: 26 } as const;
const DAY_MS = 86_400_000;

export function layOutCalendar(
  days: readonly DailySummary[],
  year: number,
  variable: DayValue,
  width: number,
): CalendarLayout {
  const cellWidth = Math.max(1, (width - LEFT) / DAYS_ACROSS);
  const cellHeight = Math.min(CELL_HEIGHT.most, Math.max(CELL_HEIGHT.least, cellWidth));
  const byDate = new Map(days.map((day) => [day.date, day]));
  const cells = datesOf(year).map((date) => {
    const day = byDate.get(date);
    return {
      date,
      x: LEFT + (Number(date.slice(8)) - 1) * cellWidth,
      y: (Number(date.slice(5, 7)) - 1) * cellHeight,
      value: day?.[variable] ?? null,
      isComplete: (day?.coverage_pct ?? 0) >= DAY_COVERAGE_LEAST_PCT,
    };
  });
  return { left: LEFT, cellWidth, cellHeight, height: 12 * cellHeight + BOTTOM, cells };
}

export function datesOf(year: number): string[] {
  const count = (Date.UTC(year + 1, 0) - Date.UTC(year, 0)) / DAY_MS;
  return Array.from({ length: count }, (_, at) => dateAt(Date.UTC(year, 0) + at * DAY_MS));
}

function dateAt(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The day at this place; null beside the days. */
export function dateAtPlace(
  { left, cellWidth, cellHeight }: CalendarLayout,
  year: number,
  x: number,
  y: number,
): string | null {
  const [month, day] = [Math.floor(y / cellHeight), Math.floor((x - left) / cellWidth)];
  if (month < 0 || month > 11 || day < 0) return null;
  const at = Date.UTC(year, month, day + 1);
  return new Date(at).getUTCMonth() === month ? dateAt(at) : null;
}

/** The day that a key leads to from this one, within the year. */
export function dateByKey(date: string, key: string, year: number): string | null {
  const at = Date.parse(date);
  const [month, day] = [Number(date.slice(5, 7)) - 1, Number(date.slice(8))];
  const inMonth = (of: number) =>
    Date.UTC(year, of, Math.min(day, new Date(Date.UTC(year, of + 1, 0)).getUTCDate()));
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: at - DAY_MS,
    ArrowRight: at + DAY_MS,
    ArrowUp: inMonth(Math.max(0, month - 1)),
    ArrowDown: inMonth(Math.min(11, month + 1)),
    Home: Date.UTC(year, 0, 1),
    End: Date.UTC(year, 11, 31),
  };
  const to = moves[key];
  if (to === undefined) return null;
  const found = dateAt(to);
  return found.startsWith(`${year}-`) ? found : date;
}
