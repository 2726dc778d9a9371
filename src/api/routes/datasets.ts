/** `/api/city-statistics`, `/api/hourly-trends`, `/api/anomalies`. */
import type { FastifyInstance } from 'fastify';
import type { DatasetPart, DatasetRows } from '../../analytics/export.ts';
import type { AnomalyQuestion } from '../../model/anomaly-search.ts';
import type { Anomaly, CityStatistics, Dataset, HourlyTrend } from '../../model/datasets.ts';
import {
  AnomalySchema,
  CityStatisticsSchema,
  HOURS_OF_A_CITY,
  HourlyTrendSchema,
} from '../../model/datasets.ts';
import { compareTimes } from '../../model/iso-time.ts';
import { spanOf } from '../../model/statistics-span.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { type Column, columnsOf, pickColumns } from '../columns.ts';
import type { Publication, Selection } from '../context.ts';
import { chooseFormat } from '../formats.ts';
import { type Page, pageRows, type RowOrder } from '../paging.ts';
import { parseCursor, parseRange } from '../parameters.ts';
import {
  type AnomaliesQuery,
  CURSORS,
  DATASET_QUERY_SCHEMAS,
  type DatasetQuery,
} from '../query-schemas.ts';
import { soundVersion } from '../rows.ts';
import { NUMBER_CURSOR } from '../search-parameters.ts';
import {
  answer,
  newestOf,
  publishedVersionOf,
  type Server,
  sourcesOf,
  tableVersionOf,
} from '../server.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';
import { type FoundAnomalies, isSearch, parseQuestion, searchAnomalies } from './anomaly-search.ts';

export const STATISTICS_ORDER: RowOrder<CityStatistics> = {
  key: (row) => [row.city_id],
  kinds: CURSORS['city-statistics'],
  directions: [1],
};
export const TRENDS_ORDER: RowOrder<HourlyTrend> = {
  key: (row) => [row.city_id, row.clock, row.hour],
  kinds: CURSORS['hourly-trends'],
  directions: [1, 1, 1],
};
const ANOMALIES_ORDER: RowOrder<Anomaly> = {
  key: (row) => [row.observed_at, row.city_id, row.variable, row.rule],
  kinds: CURSORS.anomalies,
  directions: [-1, 1, 1, 1],
};

interface Asked extends Selection {
  readonly query: DatasetQuery | AnomaliesQuery;
  readonly ranged: boolean;
  /** For the index; null when the published rows answer. */
  readonly question: AnomalyQuestion | null;
  /** Aborts once no caller waits for the rows any more. */
  readonly signal?: AbortSignal;
}

export function addDatasetRoutes(app: FastifyInstance, server: Server): void {
  add('city-statistics', async (asked, current) => {
    const rows = await statisticsOf(server, asked, current);
    const columns = columnsOf(CityStatisticsSchema);
    const page = pageRows(rows, STATISTICS_ORDER, asked.query);
    return compute(server, asked, current, page, columns);
  });
  add('hourly-trends', async (asked, current) => {
    const rows = asked.ranged
      ? await server.rows.compute('hourly_trends', current, asked, asked.signal)
      : await publishedRows(current.publication, 'hourly_trends', asked.cities, trendsPart(asked));
    const columns = columnsOf(HourlyTrendSchema);
    const page = pageRows(rows, TRENDS_ORDER, asked.query);
    return compute(server, asked, current, page, columns);
  });
  add('anomalies', async (asked, current) => {
    const { page, more: found, reason } = await findAnomalies(server, asked, current);
    const columns = columnsOf(AnomalySchema);
    const none = 'nothing unusual was found';
    const { facts, body } = await compute(server, asked, current, page, columns, none);
    const chosen = new Set(asked.cities);
    const unjudged = current.publication?.notEnoughValues ?? [];
    const not_enough_values = unjudged.filter((id) => chosen.size === 0 || chosen.has(id));
    const more = { ...facts.more, not_enough_values, ...found };
    const note = [facts.note, reason].filter((part) => part !== null).join('; ') || null;
    return { facts: { ...facts, note, more }, body };
  });

  function add(
    route: keyof typeof DATASET_QUERY_SCHEMAS,
    computeRows: (asked: Asked, current: Current) => Promise<Computed>,
  ): void {
    const schema = { querystring: DATASET_QUERY_SCHEMAS[route] };
    app.get<{ Querystring: DatasetQuery | AnomaliesQuery }>(
      `/api/${route}`,
      { schema },
      async (request, reply) => {
        const { query } = request;
        const view = viewOf(server, request);
        const cities = citiesOf(view, query.city);
        const range = parseRange(query);
        // What is unusual is judged over the whole table, so a range computes nothing anew.
        const ranged = route !== 'anomalies' && (range.from !== null || range.to !== null);
        const isSearched = isAnomaliesQuery(query) && isSearch(query);
        const question = isSearched ? parseQuestion(query, { cities, ...range }) : null;
        const others = route === 'anomalies' ? NUMBER_CURSOR : null;
        if (question === null) parseCursor(query.cursor, CURSORS[route], others);
        const asked: Asked = { query, cities, ...range, ranged, question };
        const format = chooseFormat(query);
        return answer(view, request, reply, (current) => ({
          route,
          format,
          key: keyOf(server, asked, current),
          // The index of each server is at a version of its own.
          basis: question !== null ? 'process' : ranged ? 'table' : 'publication',
          tableVersion: ranged ? tableVersionOf(current) : publishedVersionOf(current),
          analyticsVersion: current.publication?.version ?? null,
          compute: (signal) => computeRows({ ...asked, signal }, current),
        }));
      },
    );
  }
}

/** By the index where more is asked than which cities and times, else from the published rows. */
async function findAnomalies(
  server: Server,
  asked: Asked,
  { publication }: Current,
): Promise<FoundAnomalies> {
  const { from, to, cities, query, question } = asked;
  if (question !== null) return searchAnomalies(server, question, publication, asked.signal);
  const published = await publishedRows(publication, 'anomalies', cities);
  const rows = published.filter(
    ({ observed_at: time }) =>
      (from === null || compareTimes(time, from) >= 0) &&
      (to === null || compareTimes(time, to) < 0),
  );
  return { page: pageRows(rows, ANOMALIES_ORDER, query), more: {}, reason: null };
}

/** Only the anomalies are counted. */
function isAnomaliesQuery(query: DatasetQuery | AnomaliesQuery): query is AnomaliesQuery {
  return 'facets' in query;
}

function keyOf(server: Server, asked: Asked, current: Current): string {
  const { query, cities, from, to, ranged, question } = asked;
  const version = ranged
    ? ['table', soundVersion(current)]
    : ['published', current.publication?.version ?? null];
  const index = question === null ? null : server.context.search.version;
  const limits = [query.limit, query.cursor ?? null];
  return JSON.stringify([version, cities, from, to, limits, index, question]);
}

/** The page, and all rows of the city in the middle of which it may begin, and one more. */
export function trendsPart({
  cities,
  query,
}: {
  readonly cities: readonly string[];
  readonly query: Pick<DatasetQuery, 'limit' | 'cursor'>;
}): DatasetPart {
  const [fromCity = null] = parseCursor(query.cursor, TRENDS_ORDER.kinds) ?? [];
  const limit = query.limit + HOURS_OF_A_CITY + 1;
  return { cities, fromCity: fromCity === null ? null : String(fromCity), limit };
}

/** Rows of these cities, all when empty. */
export async function publishedRows<D extends Dataset>(
  publication: Publication | null,
  dataset: D,
  cities: readonly string[],
  part?: DatasetPart,
): Promise<readonly DatasetRows[D][]> {
  if (publication === null) return [];
  const rows = await publication.rows(dataset, part);
  if (cities.length === 0) return rows;
  const chosen = new Set(cities);
  return rows.filter((row) => chosen.has(row.city_id));
}

async function statisticsOf(
  server: Server,
  asked: Asked,
  current: Current,
): Promise<readonly CityStatistics[]> {
  if (asked.ranged) return server.rows.compute('city_statistics', current, asked, asked.signal);
  return publishedRows(current.publication, 'city_statistics', asked.cities);
}

/** The page that was asked for, and what the statistics of the same observations say of it. */
async function compute<R extends DatasetRows[Dataset]>(
  server: Server,
  asked: Asked,
  current: Current,
  page: Page<R>,
  columns: readonly Column[],
  none = 'nothing was observed',
): Promise<Computed> {
  const { conditions, publication } = current;
  const statistics = await statisticsOf(server, asked, current);
  const span = spanOf(statistics);
  const facts = {
    sources: sourcesOf(conditions, asked.cities),
    observedFrom: span.from,
    observedTo: span.to,
    newest: asked.ranged ? newestOf(conditions, asked.cities) : span.to,
    computedAt: asked.ranged ? server.clock().toISOString() : (publication?.computedAt ?? null),
    coveragePct: span.coveragePct,
    rowCount: page.rows.length,
    note: explain(),
    more: { next_cursor: page.nextCursor },
  };
  const format = chooseFormat(asked.query);
  const data = page.rows.map((row) => pickColumns(row, columns));
  return { facts, body: bodyOf(format, columns, data) };

  function explain(): string | null {
    if (!asked.ranged && publication === null) return 'the analytics have not been computed yet';
    if (page.rows.length > 0) return null;
    if (
      !asked.ranged &&
      statistics.length === 0 &&
      publication?.tableVersion !== conditions.snapshot.version
    ) {
      return 'the analytics have not come to this version yet';
    }
    const limited = asked.from !== null || asked.to !== null;
    return `${none}${limited ? ' in this time' : ''}${asked.cities.length > 0 ? ' in these cities' : ''}`;
  }
}

/** What the published statistics of these cities say of an answer; `none` is why it has no row, if it has none. */
export async function factsOfPublished(
  cities: readonly string[],
  { conditions, publication }: Current,
  none: string | null,
) {
  const statistics = await publishedRows(publication, 'city_statistics', cities);
  const { from, to, coveragePct } = spanOf(statistics);
  const isBehind = publication?.tableVersion !== conditions.snapshot.version;
  const reason =
    statistics.length === 0 && isBehind
      ? 'the analytics have not come to this version yet'
      : `${none}${cities.length > 0 ? ' in these cities' : ''}`;
  return {
    sources: sourcesOf(conditions, cities),
    ...{ observedFrom: from, observedTo: to, newest: to, coveragePct },
    computedAt: publication?.computedAt ?? null,
    note:
      publication === null
        ? 'the analytics have not been computed yet'
        : none === null
          ? null
          : reason,
  };
}
