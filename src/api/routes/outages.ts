/** `/api/outages`, `/api/availability`: when cities were silent and why, and what arrived. */
import type { FastifyInstance } from 'fastify';
import { availabilityOf } from '../../model/availability.ts';
import { outageOf, timelineOf } from '../../model/gaps.ts';
import { AvailabilitySchema, type Outage, OutageSchema, type Period } from '../../model/outages.ts';
import { bodyOf, type Question } from '../answers.ts';
import { type Column, columnsOf } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { type GapRuns, type Newest, readGaps, readingRange } from '../gaps.ts';
import { pageRows, type RowOrder } from '../paging.ts';
import { parseCursor, parseRange } from '../parameters.ts';
import {
  type AvailabilityQuery,
  AvailabilityQuerySchema,
  CURSORS,
  type OutagesQuery,
  OutagesQuerySchema,
} from '../query-schemas.ts';
import { selectFiles } from '../reader.ts';
import { answer, chosenCities, factsOf, type Server, tableVersionOf } from '../server.ts';
import type { Current } from '../versions.ts';
import { namedCities, type View, viewOf } from '../view.ts';

const DAY_S = 86_400;
const DEFAULT_DAYS = 90;
const CITIES_MAX = 50;
/** Cities times periods of one answer. */
const ROWS_MAX = 50_000;
const PERIOD_S: Readonly<Record<Period, number>> = {
  day: DAY_S,
  month: 30 * DAY_S,
  year: 365 * DAY_S,
};
/** For so long an answer about what still lasts is given again. */
const FRESH_S = 60;

const OUTAGES_ORDER: RowOrder<Outage> = {
  key: ({ from, city_id }) => [from, city_id],
  kinds: CURSORS.outages,
  directions: [-1, 1],
};

export function addOutageRoutes(app: FastifyInstance, server: Server): void {
  const outages = { schema: { querystring: OutagesQuerySchema } };
  app.get<{ Querystring: OutagesQuery }>('/api/outages', outages, (request, reply) => {
    const { query } = request;
    parseCursor(query.cursor, CURSORS.outages);
    const view = viewOf(server, request);
    const asked = parseAsked(view, query);
    return answer(view, request, reply, (current) =>
      question(view, current, asked, {
        route: 'outages',
        columns: columnsOf(OutageSchema),
        key: [query.limit, query.cursor ?? null],
        rowsOf({ runs }) {
          const page = pageRows(runs.map(outageOf), OUTAGES_ORDER, query);
          return { rows: page.rows, more: { next_cursor: page.nextCursor } };
        },
      }),
    );
  });

  const availability = { schema: { querystring: AvailabilityQuerySchema } };
  app.get<{ Querystring: AvailabilityQuery }>(
    '/api/availability',
    availability,
    (request, reply) => {
      const { period } = request.query;
      const view = viewOf(server, request);
      const asked = parseAsked(view, request.query);
      return answer(view, request, reply, (current) => {
        const cities = chosenCities(current.conditions, asked.cities, CITIES_MAX);
        const longest = Math.floor(ROWS_MAX / Math.max(1, cities.length)) * PERIOD_S[period];
        const part = { ...asked, from: Math.max(asked.from, asked.to - longest) };
        return question(view, current, part, {
          route: 'availability',
          columns: columnsOf(AvailabilitySchema),
          key: [period],
          rowsOf: ({ counts, runs }) => ({
            rows: availabilityOf(counts, runs, { ...part, period }),
          }),
          note:
            part.from > asked.from
              ? `the last ${ROWS_MAX} rows; choose a longer \`period\` for a longer time`
              : null,
        });
      });
    },
  );
}

/** Seconds since 1970. */
interface Asked {
  readonly format: Format;
  /** All when empty. */
  readonly cities: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly now: number;
}

function parseAsked(
  view: View,
  query: Pick<OutagesQuery, 'city' | 'from' | 'to' | 'format' | 'excel'>,
): Asked {
  const limits = parseRange(query);
  const now = Math.floor(view.clock().getTime() / 1_000 / FRESH_S) * FRESH_S;
  const to = limits.to === null ? now : Math.floor(Date.parse(limits.to) / 1_000);
  const from =
    limits.from === null ? to - DEFAULT_DAYS * DAY_S : Math.floor(Date.parse(limits.from) / 1_000);
  const cities = namedCities(view, query.city);
  return { format: chooseFormat(query), cities, from, to: Math.max(to, from + 1), now };
}

interface Answering {
  readonly route: 'outages' | 'availability';
  readonly columns: readonly Column[];
  readonly key: readonly unknown[];
  readonly rowsOf: (found: GapRuns) => {
    readonly rows: readonly object[];
    readonly more?: Readonly<Record<string, unknown>>;
  };
  /** Why it is not the whole. */
  readonly note?: string | null;
}

function question(
  server: Server,
  current: Current,
  asked: Asked,
  { route, columns, key, rowsOf, note = null }: Answering,
): Question {
  const { conditions } = current;
  const cities = chosenCities(conditions, asked.cities, CITIES_MAX);
  return {
    route,
    format: asked.format,
    key: JSON.stringify([conditions.snapshot.version, cities, asked, key]),
    // The journal of each server is at a state of its own.
    basis: 'process',
    tableVersion: tableVersionOf(current),
    analyticsVersion: current.publication?.version ?? null,
    async compute(signal) {
      const found = await read(server, current, { ...asked, cities }, signal);
      const { rows, more = {} } = rowsOf(found);
      const isPart = asked.cities.length === 0 && conditions.newest.size > CITIES_MAX;
      const nothing = rows.length === 0 ? 'nothing is missing in this time' : null;
      const facts = {
        ...factsOf(server, current, cities),
        rowCount: rows.length,
        note: note ?? (isPart ? `the first ${CITIES_MAX} cities by id` : nothing),
        more,
      };
      return { facts, body: bodyOf(asked.format, columns, rows) };
    },
  };
}

async function read(
  { reader, context }: Server,
  { conditions }: Current,
  asked: Asked,
  signal: AbortSignal,
): Promise<GapRuns> {
  const newest = new Map<string, Newest>();
  for (const city of asked.cities) {
    const found = conditions.newest.get(city);
    if (found === undefined) continue;
    const { observed_at, interval_s, source } = found;
    newest.set(city, { at: Date.parse(observed_at) / 1_000, step: interval_s ?? 3_600, source });
  }
  const timeline = timelineOf(await context.collecting());
  const files = selectFiles(conditions.snapshot.files, {
    cities: asked.cities,
    ...readingRange(asked),
  });
  return readGaps(
    async (sql, parameters) =>
      files.length === 0 ? [] : reader.query(files, sql, parameters, signal),
    { ...asked, newest, timeline },
  );
}
