/** The lines of the compared cities, and what each of them says at a time. */
import { bisectCenter } from 'd3-array';
import type { Series } from '../../src/api/schemas.ts';
import { VARIABLES, type VariableName } from '../../src/model/variables.ts';
import { convertValue, formatBare, type Units } from '../format/units.ts';
import { type Gap, gapsOf, lastOf, nearest, type Points } from './points.ts';

/** One city's line, in the chosen unit. */
export interface Line extends Points {
  readonly cityId: string;
  readonly name: string;
  /** Place among the compared cities: gives colour and dash. */
  readonly place: number;
}

/** From the API's series to lines in the order of the compared cities. */
export function linesOf(
  series: readonly Pick<Series, 'city_id' | 'city' | 'variable' | 'observed_at' | 'values'>[],
  compared: readonly string[],
  variable: VariableName,
  units: Units,
): readonly Line[] {
  return compared.flatMap((cityId, place) => {
    const found = series.find((one) => one.city_id === cityId && one.variable === variable);
    if (found === undefined) return [];
    return {
      cityId,
      name: found.city,
      place,
      times: parseTimes(found.observed_at),
      values: found.values.map((value) =>
        value === null ? null : convertValue(value, variable, units),
      ),
    };
  });
}

const parsed = new WeakMap<readonly string[], readonly number[]>();

/** An answer's times, parsed once however often it is drawn. */
function parseTimes(texts: readonly string[]): readonly number[] {
  let times = parsed.get(texts);
  if (times === undefined) {
    times = texts.map((text) => Date.parse(text));
    parsed.set(texts, times);
  }
  return times;
}

const BARE_SIGN: Readonly<Record<string, string>> = { '°C': '°', '°': '°' };

/** "21.4°", "87 %", "1,013 hPa"; the value is in the chosen unit already. */
export function formatEnd(value: number, variable: VariableName): string {
  const { unit } = VARIABLES[variable];
  return `${formatBare(value, variable, 'c')}${BARE_SIGN[unit] ?? ` ${unit}`}`;
}

/** Where no line has a value, before the first and after the last one too. */
export function sharedGaps(lines: readonly Points[], from: number, to: number): readonly Gap[] {
  let shared: readonly Gap[] = [{ from, to }];
  for (const line of lines) {
    const own = wholeGaps(line, from, to);
    shared = shared.flatMap((gap) =>
      own.flatMap((other) => {
        const both = { from: Math.max(gap.from, other.from), to: Math.min(gap.to, other.to) };
        return both.from < both.to ? both : [];
      }),
    );
  }
  return shared;
}

function wholeGaps(line: Points, from: number, to: number): readonly Gap[] {
  const first = line.times.find((_, index) => line.values[index] !== null);
  const last = lastOf(line);
  if (first === undefined || last === null) return [{ from, to }];
  return [{ from, to: first }, ...gapsOf(line), { from: last.at, to }];
}

export interface Reading {
  readonly line: Line;
  readonly value: number | null;
}

/** What every line says at this time; null where it has no value near it. */
export function readAt(lines: readonly Line[], at: number, tolerance: number): readonly Reading[] {
  return lines.map((line) => {
    const point = nearest(line, at);
    const near = point !== null && Math.abs(point.at - at) <= tolerance;
    return { line, value: near ? point.value : null };
  });
}

/** Where each line is at this time, px; nothing for a line that has no point just there. */
export function marksOf(
  lines: readonly Line[],
  layout: { y(value: number): number },
  at: number,
): readonly { readonly place: number; readonly y: number }[] {
  return readAt(lines, at, 0).flatMap(({ line, value }) =>
    value === null ? [] : [{ place: line.place, y: layout.y(value) }],
  );
}

/** All times at which one of the lines has a point, ascending. */
export function timesOf(lines: readonly Points[]): readonly number[] {
  return [...new Set(lines.flatMap(({ times }) => times))].sort((a, b) => a - b);
}

/** The index of the time that is nearest; −1 when there is none. */
export function nearestIndex(times: readonly number[], wanted: number): number {
  return times.length === 0 ? -1 : bisectCenter(times, wanted);
}
