/** Addresses that answer rows of the newest publication in pages, the newest first. */
import type { FastifyInstance } from 'fastify';
import type { TObject } from 'typebox';
import { bodyOf, type Computed } from './answers.ts';
import { type Column, pickColumns } from './columns.ts';
import type { Publication } from './context.ts';
import { chooseFormat, type Format } from './formats.ts';
import { cutPage } from './paging.ts';
import { parseCursor, parseRange } from './parameters.ts';
import { CURSORS, type PagedQuery } from './query-schemas.ts';
import { answer, factsOf, fromPublication, type Server } from './server.ts';
import type { Current } from './versions.ts';
import { citiesOf, viewOf } from './view.ts';

/** What is asked of every such address. */
interface PublishedSelection {
  readonly cities: readonly string[];
  readonly from: string | null;
  readonly to: string | null;
  /** The key of the row after which the page begins. */
  readonly after: object | null;
  readonly limit: number;
}

/** `Q` is the query, `S` what it asks for, `R` a row. */
export interface PublishedRows<Q, S extends PublishedSelection, R> {
  readonly route: 'anomaly-events' | 'quality-flags' | 'station-drift';
  readonly query: TObject;
  readonly columns: readonly Column[];
  /** The columns that rows are ordered by, and whose values are a cursor. */
  readonly key: readonly (keyof R & string)[];
  /** What this address alone has. */
  select(query: Q): Omit<S, keyof PublishedSelection>;
  find(publication: Publication, selection: S): Promise<readonly R[]>;
  /** The row with what is only in the answer. */
  finish(row: R): object;
  /** What else `meta` says, and why the answer is empty if it is. */
  describe(
    publication: Publication | null,
    selection: S,
    rowCount: number,
  ): { readonly note: string | null; readonly more: object };
}

export function addPublishedRows<Q extends PagedQuery, S extends PublishedSelection, R>(
  app: FastifyInstance,
  server: Server,
  options: PublishedRows<Q, S, R>,
): void {
  const { route, query: querystring, key } = options;
  app.get<{ Querystring: Q }>(
    `/api/${route}`,
    { schema: { querystring } },
    async (request, reply) => {
      // By its schema.
      const query = request.query as Q;
      const view = viewOf(server, request);
      const values = parseCursor(query.cursor, CURSORS[route]);
      const after = values && Object.fromEntries(key.map((name, at) => [name, String(values[at])]));
      const common: PublishedSelection = {
        ...parseRange(query),
        ...{ cities: citiesOf(view, query.city), after, limit: query.limit },
      };
      const asked = { ...common, ...options.select(query) } as S;
      const format = chooseFormat(query);
      return answer(view, request, reply, (current) => ({
        route,
        format,
        ...fromPublication(current, asked),
        compute: () => compute(server, options, current, { asked, format }),
      }));
    },
  );
}

interface Asked<S> {
  readonly asked: S;
  readonly format: Format;
}

async function compute<Q, S extends PublishedSelection, R>(
  server: Server,
  { find, key, columns, finish, describe }: PublishedRows<Q, S, R>,
  current: Current,
  { asked, format }: Asked<S>,
): Promise<Computed> {
  const { publication } = current;
  const found =
    publication === null ? [] : await find(publication, { ...asked, limit: asked.limit + 1 });
  const { rows, nextCursor } = cutPage(found, asked.limit, (row) =>
    key.map((name) => String(row[name])),
  );
  const { note, more } = describe(publication, asked, rows.length);
  const facts = {
    ...factsOf(server, current, asked.cities),
    computedAt: publication?.computedAt ?? null,
    ...{ rowCount: rows.length, note },
    more: { next_cursor: nextCursor, ...more },
  };
  const data = rows.map((row) => pickColumns(finish(row), columns));
  return { facts, body: bodyOf(format, columns, data) };
}
