/** `/api/heat-waves`, `/api/growing-seasons`: by the rules of `model/climate.ts`, from published days. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { TObject } from 'typebox';
import { addDays, daysBetween, hemisphereOf } from '../../model/climate.ts';
import {
  type CityDaySelection,
  type DateRange,
  daysOfYears,
  growingSeasonRows,
  type HeatWaveRow,
  heatWaveRows,
  SPELL_SCHEMAS,
} from '../../model/climate-spells.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { type CitySpan, spansAfter, walkCities } from '../city-walk.ts';
import { columnsOf, pickColumns } from '../columns.ts';
import type { Publication } from '../context.ts';
import { chooseFormat } from '../formats.ts';
import { cutPage, isAfter } from '../paging.ts';
import { type CursorValue, formatCursor, parseCursor } from '../parameters.ts';
import { nameTimeout } from '../reader.ts';
import { answer, fromPublication, indexCities, type Server } from '../server.ts';
import {
  type GrowingSeasonsQuery,
  type HeatWavesQuery,
  SPELL_CURSORS,
  SPELL_QUERY_SCHEMAS,
} from '../summary-schemas.ts';
import type { Current } from '../versions.ts';
import { citiesOf, type View, viewOf } from '../view.ts';
import { factsOfPublished, publishedRows } from './datasets.ts';
import { datesOf } from './summaries.ts';

type Row = Readonly<Record<string, CursorValue | null>>;

/** One kind of rows that are made from the days of cities. `Q` is the query. */
interface Spells<Q> {
  readonly route: keyof typeof SPELL_CURSORS;
  readonly schema: TObject;
  /** The column that orders the rows of a city, and a value after all of its values. */
  readonly key: string;
  readonly end: CursorValue;
  /** Why an answer is empty, if it is. */
  readonly none: string;
  /** What the rows depend on beside the publication and what every address is asked. */
  dependsOn(view: View, query: Q): unknown;
  /** Days that are expected to be read where this range is asked for. */
  reads(range: DateRange): DateRange;
  rowsOf(asked: Reading<Q>, cities: readonly string[]): Promise<readonly object[]>;
}

interface Reading<Q> {
  readonly view: View;
  readonly query: Q;
  readonly range: DateRange;
  days(selection: CityDaySelection): ReturnType<Publication['cityDays']>;
}

type SpellsQuery = HeatWavesQuery | GrowingSeasonsQuery;

const TIMEOUT_MS = 60_000;
/** A heat wave that goes on for as long before or after the range is looked for in all days. */
const AROUND_DAYS = 31;

const HEAT_WAVES: Spells<HeatWavesQuery> = {
  route: 'heat-waves',
  schema: SPELL_SCHEMAS.heat_waves,
  key: 'date_from',
  end: '9999-12-31',
  none: 'no heat wave was found',
  dependsOn: (_, query) => query.least_c,
  reads: around,
  async rowsOf({ query, range, days }, cities) {
    const leastC = query.least_c;
    const wide = around(range);
    const rows = heatWaveRows(await days({ cities, ...wide, leastC }), leastC, range);
    const cut = [...new Set(rows.filter((row) => mayBeCut(row, wide)).map(cityOf))];
    if (cut.length === 0) return rows;
    const all = await days({ cities: cut, from: null, to: null, leastC });
    const whole = Map.groupBy(heatWaveRows(all, leastC, range), cityOf);
    const kept = Map.groupBy(rows, cityOf);
    return [...kept].flatMap(([city, own]) => whole.get(city) ?? own);
  },
};

const GROWING_SEASONS: Spells<GrowingSeasonsQuery> = {
  route: 'growing-seasons',
  schema: SPELL_SCHEMAS.growing_seasons,
  key: 'year',
  end: 9_999,
  none: 'no day of these years was summed up',
  dependsOn: (view) => hemispheresKey(view),
  reads: daysOfYears,
  async rowsOf({ view, range, days }, cities) {
    const places = indexCities(view.context.cities());
    const some = await days({ cities, ...daysOfYears(range), leastC: null });
    return growingSeasonRows(some, (id) => hemisphereOf(places.get(id)?.latitude), range);
  },
};

export function addSpellRoutes(app: FastifyInstance, server: Server): void {
  addSpells(app, server, HEAT_WAVES);
  addSpells(app, server, GROWING_SEASONS);
}

function addSpells<Q extends SpellsQuery>(
  app: FastifyInstance,
  server: Server,
  spells: Spells<Q>,
): void {
  const { route, dependsOn } = spells;
  const schema = { querystring: SPELL_QUERY_SCHEMAS[route] };
  app.get<{ Querystring: Q }>(`/api/${route}`, { schema }, (request, reply) => {
    // By its schema.
    const query = request.query as Q;
    const view = viewOf(server, request);
    const asked = {
      cities: citiesOf(view, query.city),
      range: datesOf(query),
      after: parseCursor(query.cursor, SPELL_CURSORS[route]),
      limit: query.limit,
    };
    return answer(view, request, reply, (current) => ({
      route,
      format: chooseFormat(query),
      ...fromPublication(current, { ...asked, and: dependsOn(view, query) }),
      compute: (signal) => compute(spells, { ...asked, query, view }, current, signal),
    }));
  });
}

interface Asked<Q> {
  readonly view: View;
  readonly query: Q;
  readonly cities: readonly string[];
  readonly range: DateRange;
  readonly after: readonly CursorValue[] | null;
  readonly limit: number;
}

async function compute<Q extends SpellsQuery>(
  spells: Spells<Q>,
  { view, query, cities, range, after, limit }: Asked<Q>,
  current: Current,
  signal: AbortSignal,
): Promise<Computed> {
  const { publication } = current;
  const either = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const keyOf = (row: object) => {
    const values = row as Row;
    return ['city_id', spells.key].map((name) => values[name] ?? '');
  };
  const order = { kinds: SPELL_CURSORS[spells.route], directions: [1, 1] as const };
  const days: Reading<Q>['days'] = async (selection) =>
    (await publication?.cityDays(selection, either)) ?? [];
  const spans = await spansOf(current, cities, spells.reads(range));
  const { rows: found, lastCity } = await walkCities(
    spansAfter(spans, after),
    limit,
    async (some) => {
      const rows = await spells.rowsOf({ view, query, range, days }, some);
      return rows.filter((row) => isAfter(keyOf(row), after, order));
    },
  ).catch((error: unknown) => {
    throw signal.aborted ? error : nameTimeout(error, TIMEOUT_MS);
  });
  const page = cutPage(found, limit, keyOf);
  const next = lastCity === null ? null : formatCursor([lastCity, spells.end]);
  const nextCursor = page.nextCursor ?? next;
  const isShort = page.rows.length === 0 && nextCursor !== null;
  const none = isShort ? `${spells.none} up to ${lastCity}, where the page ends` : spells.none;
  const facts = await factsOfPublished(cities, current, page.rows.length > 0 ? null : none);
  const columns = columnsOf(spells.schema);
  const data = page.rows.map((row) => pickColumns(row, columns));
  return {
    facts: { ...facts, rowCount: data.length, more: { next_cursor: nextCursor } },
    body: bodyOf(chooseFormat(query), columns, data),
  };
}

/** Cities with published observations by id, and how many days of the range each may have. */
async function spansOf(
  { publication }: Current,
  cities: readonly string[],
  { from, to }: DateRange,
): Promise<CitySpan[]> {
  const rows = await publishedRows(publication, 'city_statistics', cities);
  return rows
    .map(({ city_id, first_observed_at, last_observed_at }) => {
      // Days of the city's clock may begin and end a day earlier or later.
      const first = latest(addDays(first_observed_at.slice(0, 10), -1), from);
      const end = earliest(addDays(last_observed_at.slice(0, 10), 2), to);
      return { city_id, dayCount: Math.max(0, daysBetween(first, end)) };
    })
    .filter(({ dayCount }) => dayCount > 0)
    .sort((a, b) => (a.city_id < b.city_id ? -1 : 1));
}

function latest(date: string, other: string | null): string {
  return other !== null && other > date ? other : date;
}

function earliest(date: string, other: string | null): string {
  return other !== null && other < date ? other : date;
}

function around({ from, to }: DateRange): DateRange {
  return {
    from: from === null ? null : addDays(from, -AROUND_DAYS),
    to: to === null ? null : addDays(to, AROUND_DAYS),
  };
}

/** Whether it lies at an end of what was read, so that it may go on there. */
function mayBeCut({ date_from, date_to }: HeatWaveRow, { from, to }: DateRange): boolean {
  return date_from === from || (to !== null && addDays(date_to, 1) === to);
}

function cityOf({ city_id }: HeatWaveRow): string {
  return city_id;
}

const hemispheres = new WeakMap<object, string>();

/** The same for the same hemispheres of the same cities, on each server. */
function hemispheresKey({ context }: View): string {
  const list = context.cities();
  let key = hemispheres.get(list);
  if (key === undefined) {
    const known = list.map(({ city_id, latitude }) => `${city_id} ${hemisphereOf(latitude)}`);
    key = createHash('sha256').update(known.sort().join('\n')).digest('base64url').slice(0, 22);
    hemispheres.set(list, key);
  }
  return key;
}
