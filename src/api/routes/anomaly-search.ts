/** `/api/anomalies` with words, numbers or an order to look for: the index answers. */
import type { AnomalyKey, AnomalyQuestion, AnomalySort } from '../../model/anomaly-search.ts';
import type { Anomaly } from '../../model/datasets.ts';
import type { Publication, Selection } from '../context.ts';
import type { Page } from '../paging.ts';
import { formatCursor, parameterError, parseCursor } from '../parameters.ts';
import type { AnomaliesQuery } from '../query-schemas.ts';
import { NUMBER_CURSOR, TIME_CURSOR } from '../search-parameters.ts';
import type { Server } from '../server.ts';

export interface FoundAnomalies {
  readonly page: Page<Anomaly>;
  /** Further fields of the meta. */
  readonly more: Readonly<Record<string, unknown>>;
  /** Why it is not what the newest publication says, or null. */
  readonly reason: string | null;
}

/** Whether more is asked than which cities and times. */
export function isSearch(query: AnomaliesQuery): boolean {
  const { q, sort, order, min_score, max_score, variable, rule, facets } = query;
  const given = [q, sort, order, min_score, max_score, variable, rule];
  return facets || given.some((value) => value !== undefined);
}

/** Rejects with PARAMETER_INVALID for parameters that do not fit each other. */
export function parseQuestion(query: AnomaliesQuery, selection: Selection): AnomalyQuestion {
  const { q = '', sort = 'time', order = 'desc', limit, facets } = query;
  const { min_score: scoreMin = null, max_score: scoreMax = null } = query;
  const { variable = [], rule = [] } = query;
  if (scoreMin !== null && scoreMax !== null && scoreMin > scoreMax) {
    throw parameterError('max_score', `expected min_score (${scoreMin}) or more; got ${scoreMax}`);
  }
  return {
    text: q,
    chosen: { city_id: selection.cities, variable, rule },
    scoreMin,
    scoreMax,
    from: selection.from,
    to: selection.to,
    sort,
    order,
    after: parseKey(query.cursor, sort),
    limit,
    facets,
  };
}

export async function searchAnomalies(
  server: Server,
  question: AnomalyQuestion,
  publication: Publication | null,
  signal?: AbortSignal,
): Promise<FoundAnomalies> {
  if (publication === null) {
    return { page: { rows: [], nextCursor: null }, more: { index_version: null }, reason: null };
  }
  const found = await server.context.search.ask(
    question,
    { version: publication.version, rows: () => publication.rows('anomalies') },
    signal,
  );
  const { rows, next, facets, indexVersion, reason } = found;
  return {
    page: { rows, nextCursor: next === null ? null : formatKey(next, question.sort) },
    more: { index_version: indexVersion, ...(facets === null ? {} : { facets }) },
    reason,
  };
}

function cursorKinds(sort: AnomalySort | undefined) {
  return sort === undefined || sort === 'time' ? TIME_CURSOR : NUMBER_CURSOR;
}

function parseKey(cursor: string | undefined, sort: AnomalySort): AnomalyKey | null {
  const kinds = cursorKinds(sort);
  const values = parseCursor(cursor, kinds, kinds === TIME_CURSOR ? NUMBER_CURSOR : TIME_CURSOR);
  if (values === null) return null;
  const [number, identity] =
    sort === 'time' ? [undefined, values] : [Number(values[0]), values.slice(1)];
  const [observed_at = '', city_id = '', variable = '', rule = ''] = identity.map(String);
  const key = { observed_at, city_id, variable, rule };
  return number === undefined ? key : { number, ...key };
}

function formatKey(key: AnomalyKey, sort: AnomalySort): string {
  const { number = 0, observed_at, city_id, variable, rule } = key;
  const identity = [observed_at, city_id, variable, rule];
  return formatCursor(sort === 'time' ? identity : [number, ...identity]);
}
