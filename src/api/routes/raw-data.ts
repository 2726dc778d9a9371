/** `/api/raw-data`: the observations as the table has them, newest first. */
import type { FastifyInstance } from 'fastify';
import { compareTimes } from '../../model/iso-time.ts';
import { traceIdOf } from '../../model/trace.ts';
import type { DataFile } from '../../table/table.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { columnsOf, pickColumns } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { cutPage } from '../paging.ts';
import { parseCursor, parseRange, type TimeRange } from '../parameters.ts';
import { CURSORS, type RawDataQuery, RawDataQuerySchema } from '../query-schemas.ts';
import { loadQuery, type Reader, selectFiles } from '../reader.ts';
import { type ObservationRow, type RawDataRow, RawDataRowSchema } from '../schemas.ts';
import { answer, newestOf, type Server, sourcesOf, tableVersionOf } from '../server.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';

const RAW_DATA_SQL = loadQuery('raw-data');
const COLUMNS = columnsOf(RawDataRowSchema);
const TIME_MIN = '0001-01-01T00:00:00Z';
const TIME_MAX = '9999-12-31T23:59:59.999Z';

interface Asked extends TimeRange {
  readonly cities: readonly string[];
  readonly limit: number;
  readonly format: Format;
  /** The page begins after this observation; the latest time and no city at the beginning. */
  readonly after: { readonly at: string; readonly city: string };
  /** Aborts once no caller waits for the rows any more. */
  readonly signal?: AbortSignal;
}

export function addRawDataRoute(app: FastifyInstance, server: Server): void {
  const schema = { querystring: RawDataQuerySchema };
  app.get<{ Querystring: RawDataQuery }>('/api/raw-data', { schema }, async (request, reply) => {
    const { query } = request;
    const view = viewOf(server, request);
    const key = parseCursor(query.cursor, CURSORS['raw-data']);
    const asked: Asked = {
      ...parseRange(query),
      cities: citiesOf(view, query.city),
      limit: query.limit,
      format: chooseFormat(query),
      after: { at: String(key?.[0] ?? TIME_MAX), city: String(key?.[1] ?? '') },
    };
    return answer(view, request, reply, (current) => ({
      route: 'raw-data',
      format: asked.format,
      key: JSON.stringify([current.conditions.snapshot.version, asked]),
      basis: 'table',
      tableVersion: tableVersionOf(current),
      analyticsVersion: current.publication?.version ?? null,
      compute: (signal) => compute(server, { ...asked, signal }, current),
    }));
  });
}

async function compute(server: Server, asked: Asked, current: Current): Promise<Computed> {
  const { conditions } = current;
  const found = await readNewest(server.reader, conditions.snapshot.files, asked);
  const { rows, nextCursor } = cutPage(found, asked.limit, (row) => [row.observed_at, row.city_id]);
  const page = rows.map((row) =>
    pickColumns<RawDataRow>({ ...row, trace_id: traceIdOf(row) }, COLUMNS),
  );
  const facts = {
    sources: sourcesOf(conditions, asked.cities),
    observedFrom: page.at(-1)?.observed_at ?? null,
    observedTo: page[0]?.observed_at ?? null,
    newest: newestOf(conditions, asked.cities),
    computedAt: server.clock().toISOString(),
    coveragePct: null,
    rowCount: page.length,
    note: page.length === 0 ? 'nothing was observed that fits' : null,
    more: { next_cursor: nextCursor },
  };
  return { facts, body: bodyOf(asked.format, COLUMNS, page) };
}

/**
 * One row more than asked for, if there is one. The newest files are read first and older ones only
 * as long as they can hold newer rows than those found, so that a page costs the same however long
 * the history is.
 */
export async function readNewest(
  reader: Pick<Reader, 'query'>,
  files: readonly DataFile[],
  asked: Omit<Asked, 'format'>,
): Promise<ObservationRow[]> {
  const { cities, from, to, after, limit } = asked;
  const parameters = {
    from: from ?? TIME_MIN,
    to: to ?? TIME_MAX,
    at: after.at,
    city: after.city,
    cities: cities.join(','),
    limit: limit + 1,
  };
  const fitting = selectFiles(files, { cities, from, to })
    .filter((file) => isBeforeCursor(file, after.at))
    .sort((a, b) => endOf(b) - endOf(a));
  for (let count = 4; ; count *= 4) {
    // Files that end at the same time are read together: each may hold the next row.
    while (count < fitting.length && endOf(fitting[count]) === endOf(fitting[count - 1]))
      count += 1;
    const chosen = fitting.slice(0, count);
    if (chosen.length === 0) return [];
    const rows = await reader.query<ObservationRow>(chosen, RAW_DATA_SQL, parameters, asked.signal);
    if (count >= fitting.length) return rows;
    const last = rows.at(-1);
    if (rows.length > limit && last && Date.parse(last.observed_at) > endOf(fitting[count])) {
      return rows;
    }
  }
}

function endOf(file: DataFile | undefined): number {
  return file?.observedAtMax ? Date.parse(file.observedAtMax) : Number.POSITIVE_INFINITY;
}

function isBeforeCursor(file: DataFile, at: string): boolean {
  return file.observedAtMin === null || compareTimes(file.observedAtMin, at) <= 0;
}
