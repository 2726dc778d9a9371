/** What people chose: all of it is in the address, so that a link shows the same. */

import { VARIABLE_NAMES, type VariableName } from '../../src/model/variables.ts';
import type { Clock } from '../format/times.ts';
import type { Units } from '../format/units.ts';
import { LANGUAGES, type Language } from '../words/words.ts';

export const RANGE_NAMES = ['24h', '3d', '7d', '30d', '1y', 'all'] as const;
export type RangeName = (typeof RANGE_NAMES)[number];

/** Milliseconds since 1970; `to` is exclusive. */
export interface Between {
  readonly from: number;
  readonly to: number;
}

export const CLOCKS: readonly Clock[] = ['city', 'mine', 'utc'];

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/**
 * The weather, the climate, the sensors, the path of the data, what was worth a message, and who is
 * logged in.
 */
export const SHEETS = [
  'weather',
  'climate',
  'sensors',
  'pipeline',
  'incidents',
  'account',
] as const;
export type Sheet = (typeof SHEETS)[number];

/** Charts below each other at most. */
export const CHARTS_MAX = 4;

export interface View {
  readonly sheet: Sheet;
  readonly range: RangeName | Between;
  /** Ids of the compared cities; empty means the first ones. */
  readonly cities: readonly string[];
  readonly units: Units;
  readonly clock: Clock;
  readonly theme: Theme;
  /** Variables of the charts, from above; each once. */
  readonly charts: readonly VariableName[];
  /** Null is what the browser prefers. */
  readonly language: Language | null;
  /** For a screen on a wall: the page without what one would press. */
  readonly kiosk: boolean;
  /** Id of the incident that is open on its sheet. */
  readonly incident: string | null;
}

export const DEFAULT_VIEW: View = {
  sheet: 'weather',
  range: '7d',
  cities: [],
  units: 'c',
  clock: 'city',
  theme: 'auto',
  charts: ['temperature_c', 'humidity_pct'],
  language: null,
  kiosk: false,
  incident: null,
};

/** From the query of an address; what it does not understand it leaves at its default. */
export function parseView(search: string): View {
  const query = new URLSearchParams(search);
  const pick = <T extends string>(name: string, allowed: readonly T[], otherwise: T): T =>
    allowed.find((value) => value === query.get(name)) ?? otherwise;
  const incident = /^[0-9a-f]{16}$/.exec(query.get('incident') ?? '')?.[0] ?? null;
  return {
    // Links in messages name the incident alone.
    sheet: incident === null ? pick('sheet', SHEETS, DEFAULT_VIEW.sheet) : 'incidents',
    range: parseBetween(query) ?? pick('range', RANGE_NAMES, '7d'),
    cities: [...new Set(query.getAll('city').filter((id) => id !== ''))],
    units: pick('units', ['c', 'f'], DEFAULT_VIEW.units),
    clock: pick('tz', CLOCKS, DEFAULT_VIEW.clock),
    theme: pick('theme', THEMES, DEFAULT_VIEW.theme),
    charts: parseCharts(query),
    language: LANGUAGES.find((name) => name === query.get('lang')) ?? null,
    kiosk: query.get('kiosk') === '1',
    incident,
  };
}

/** The query of an address, defaults left out; empty when all are. */
export function formatView(view: View): string {
  const query = new URLSearchParams();
  if (view.sheet === 'incidents' && view.incident !== null) query.set('incident', view.incident);
  else if (view.sheet !== DEFAULT_VIEW.sheet) query.set('sheet', view.sheet);
  if (typeof view.range !== 'string') {
    query.set('from', new Date(view.range.from).toISOString());
    query.set('to', new Date(view.range.to).toISOString());
  } else if (view.range !== DEFAULT_VIEW.range) query.set('range', view.range);
  for (const city of view.cities) query.append('city', city);
  if (view.units !== DEFAULT_VIEW.units) query.set('units', view.units);
  if (view.clock !== DEFAULT_VIEW.clock) query.set('tz', view.clock);
  if (view.theme !== DEFAULT_VIEW.theme) query.set('theme', view.theme);
  if (view.charts.join(' ') !== DEFAULT_VIEW.charts.join(' ')) {
    for (const variable of view.charts) query.append('chart', variable);
  }
  if (view.language !== null) query.set('lang', view.language);
  if (view.kiosk) query.set('kiosk', '1');
  const text = query.toString().replaceAll('%3A', ':');
  return text === '' ? '' : `?${text}`;
}

function parseBetween(query: URLSearchParams): Between | null {
  const from = Date.parse(query.get('from') ?? '');
  const to = Date.parse(query.get('to') ?? '');
  return Number.isNaN(from) || Number.isNaN(to) || from >= to ? null : { from, to };
}

/** Those that exist, each once; the usual ones when there is none. */
function parseCharts(query: URLSearchParams): readonly VariableName[] {
  const asked = query.getAll('chart');
  const found = VARIABLE_NAMES.filter((name) => asked.includes(name));
  const inOrder = found.toSorted((a, b) => asked.indexOf(a) - asked.indexOf(b));
  return inOrder.length === 0 ? DEFAULT_VIEW.charts : inOrder.slice(0, CHARTS_MAX);
}
