/** What people chose: all of it is in the address, so that a link shows the same. */
import type { Clock } from '../format/times.ts';
import type { Units } from '../format/units.ts';

export const RANGE_NAMES = ['24h', '3d', '7d', '30d', '1y', 'all'] as const;
export type RangeName = (typeof RANGE_NAMES)[number];

/** Milliseconds since 1970; `to` is exclusive. */
export interface Between {
  readonly from: number;
  readonly to: number;
}

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export interface View {
  readonly range: RangeName | Between;
  /** Ids of the compared cities; empty means the first ones. */
  readonly cities: readonly string[];
  readonly units: Units;
  readonly clock: Clock;
  readonly theme: Theme;
}

export const DEFAULT_VIEW: View = {
  range: '7d',
  cities: [],
  units: 'c',
  clock: 'city',
  theme: 'auto',
};

/** From the query of an address; what it does not understand it leaves at its default. */
export function parseView(search: string): View {
  const query = new URLSearchParams(search);
  const pick = <T extends string>(name: string, allowed: readonly T[], otherwise: T): T =>
    allowed.find((value) => value === query.get(name)) ?? otherwise;
  return {
    range: parseBetween(query) ?? pick('range', RANGE_NAMES, '7d'),
    cities: [...new Set(query.getAll('city').filter((id) => id !== ''))],
    units: pick('units', ['c', 'f'], DEFAULT_VIEW.units),
    clock: pick('tz', ['city', 'mine', 'utc'], DEFAULT_VIEW.clock),
    theme: pick('theme', THEMES, DEFAULT_VIEW.theme),
  };
}

/** The query of an address, defaults left out; empty when all are. */
export function formatView(view: View): string {
  const query = new URLSearchParams();
  if (typeof view.range !== 'string') {
    query.set('from', new Date(view.range.from).toISOString());
    query.set('to', new Date(view.range.to).toISOString());
  } else if (view.range !== DEFAULT_VIEW.range) query.set('range', view.range);
  for (const city of view.cities) query.append('city', city);
  if (view.units !== DEFAULT_VIEW.units) query.set('units', view.units);
  if (view.clock !== DEFAULT_VIEW.clock) query.set('tz', view.clock);
  if (view.theme !== DEFAULT_VIEW.theme) query.set('theme', view.theme);
  const text = query.toString().replaceAll('%3A', ':');
  return text === '' ? '' : `?${text}`;
}

function parseBetween(query: URLSearchParams): Between | null {
  const from = Date.parse(query.get('from') ?? '');
  const to = Date.parse(query.get('to') ?? '');
  return Number.isNaN(from) || Number.isNaN(to) || from >= to ? null : { from, to };
}
