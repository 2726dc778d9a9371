/** `/api/cities`: every city with its newest observation, landed or not. */
import type { FastifyInstance } from 'fastify';
import { compareTimes } from '../../model/iso-time.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { columnsOf } from '../columns.ts';
import { chooseFormat } from '../formats.ts';
import type { Newest } from '../latest-conditions.ts';
import { pageRows, type RowOrder } from '../paging.ts';
import { parseCursor } from '../parameters.ts';
import { type CitiesQuery, CitiesQuerySchema, CURSORS } from '../query-schemas.ts';
import { type CityEntry, CityEntrySchema, LatestObservationSchema } from '../schemas.ts';
import {
  answer,
  indexCities,
  listNumber,
  oldestOf,
  type Server,
  sourcesOf,
  tableVersionOf,
} from '../server.ts';
import { beats } from '../tail.ts';
import type { Current } from '../versions.ts';
import { allIds, citiesOf, type View, viewOf } from '../view.ts';

const ORDER: RowOrder<string> = { key: (id) => [id], kinds: CURSORS.cities, directions: [1] };
const CITY_COLUMNS = columnsOf(CityEntrySchema).filter(({ name }) => name !== 'latest');
const FILE_COLUMNS = [...CITY_COLUMNS, ...columnsOf(LatestObservationSchema)];

export function addCitiesRoute(app: FastifyInstance, server: Server): void {
  const schema = { querystring: CitiesQuerySchema };
  app.get<{ Querystring: CitiesQuery }>('/api/cities', { schema }, async (request, reply) => {
    const { query } = request;
    const view = viewOf(server, request);
    const cities = citiesOf(view, query.city);
    parseCursor(query.cursor, CURSORS.cities);
    const format = chooseFormat(query);
    const asked = [cities, query.limit, query.cursor ?? null];
    return answer(view, request, reply, (current) => {
      const position = server.position();
      const what = [position, asked, listNumber(view.context.cities())];
      const second = Math.floor(server.clock().getTime() / 1_000);
      return {
        route: 'cities',
        format,
        // Ages are part of the data, so it is made anew every second; what it means stays.
        key: JSON.stringify([what, second]),
        etagKey: JSON.stringify(what),
        basis: 'process',
        tableVersion: tableVersionOf(current),
        analyticsVersion: current.publication?.version ?? null,
        compute: async () => compute(view, current, cities, query, position),
      };
    });
  });
}

function compute(
  view: View,
  current: Current,
  cities: readonly string[],
  query: CitiesQuery,
  position: string,
): Computed {
  const { conditions } = current;
  const ids = cities.length > 0 ? cities : allIds(view, current);
  const page = pageRows(ids, ORDER, query);
  const entries = page.rows.map((id) => describeCity(view, current, id));
  const times = entries.flatMap(({ latest }) => (latest === null ? [] : [latest.observed_at]));
  times.sort(compareTimes);
  const facts = {
    sources: collectSources(sourcesOf(conditions, cities), entries),
    observedFrom: times[0] ?? null,
    observedTo: times.at(-1) ?? null,
    newest: times.at(-1) ?? null,
    computedAt: view.clock().toISOString(),
    coveragePct: null,
    rowCount: entries.length,
    note: entries.length === 0 ? 'no city is watched and none was imported' : null,
    more: {
      next_cursor: page.nextCursor,
      // What waits to be landed is newer than what has, unless nothing has.
      oldest_observed_at: oldestOf(conditions, cities) ?? times[0] ?? null,
      position,
    },
  };
  return {
    facts,
    body: bodyOf(chooseFormat(query), FILE_COLUMNS, entries, (all) => all.map(flatten)),
  };
}

function describeCity(server: Server, current: Current, id: string): CityEntry {
  const city = indexCities(server.context.cities()).get(id);
  const { snapshot, newest } = current.conditions;
  const landed = newest.get(id) ?? null;
  const waiting =
    server.tail?.newest(id, (partition) => server.context.lastLanded(snapshot, partition)) ?? null;
  const fresh = waiting !== null && (landed === null || beats(waiting, landed));
  const latest = fresh ? waiting : landed;
  return {
    city_id: id,
    name: city?.name ?? latest?.city ?? id,
    country: city?.country ?? latest?.country ?? '',
    latitude: city?.latitude ?? null,
    longitude: city?.longitude ?? null,
    time_zone: city?.time_zone ?? null,
    elevation_m: city?.elevation_m ?? null,
    latest: latest === null ? null : describeLatest(latest, !fresh, server.clock()),
  };
}

function describeLatest(
  { city_id: _, city: __, country: ___, ...observation }: Newest,
  landed: boolean,
  now: Date,
): NonNullable<CityEntry['latest']> {
  const ageS = Math.max(0, (now.getTime() - Date.parse(observation.observed_at)) / 1_000);
  return { ...observation, age_s: ageS, landed };
}

/** What has not landed yet has a source, too. */
function collectSources(
  landed: readonly string[],
  entries: readonly CityEntry[],
): readonly string[] {
  const sources = new Set(landed);
  for (const { latest } of entries) if (latest !== null) sources.add(latest.source);
  return [...sources].sort();
}

function flatten({ latest, ...city }: CityEntry): Record<string, unknown> {
  return { ...city, ...latest };
}
