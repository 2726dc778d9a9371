/** The kinds of addresses that the table of routes has. */
import type { TObject, TSchema } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import { MEDIA_TYPES } from './formats.ts';
import { NoQuerySchema } from './query-schemas.ts';
import { READING_ERRORS } from './route-errors.ts';
import type { Route } from './route-table.ts';

export function data(
  path: string,
  summary: string,
  description: string,
  query: TObject,
  schema: TSchema,
  errors: readonly ErrorCode[] = [],
) {
  const { json, csv, parquet } = MEDIA_TYPES;
  const files = 'format' in query.properties ? { [csv]: null, [parquet]: null } : {};
  const answers: Record<string, TSchema | null> = { [json]: schema, ...files };
  return {
    method: 'GET',
    path,
    role: 'viewer',
    cities: 'seen',
    cost: 5,
    tag: 'data',
    summary,
    description,
    query,
    answers,
    errors: [
      'PARAMETER_INVALID',
      'CITY_UNKNOWN',
      'BUSY',
      'QUERY_FAILED',
      ...errors,
      ...READING_ERRORS,
    ],
  } as const;
}

export function operation(
  method: 'GET' | 'POST',
  path: string,
  summary: string,
  schema: TSchema,
  errors: readonly ErrorCode[],
) {
  const answers: Record<string, TSchema | null> = { [MEDIA_TYPES.json]: schema };
  return {
    method,
    path,
    role: method === 'POST' ? 'operator' : 'viewer',
    cities: 'all',
    cost: 1,
    tag: 'operation',
    summary,
    description: '',
    query: NoQuerySchema,
    answers,
    errors: ['PARAMETER_INVALID', ...errors],
  } as const;
}

export function forAnyone(route: Omit<Route, 'role' | 'cities'>): Route {
  return { ...route, role: null, cities: 'none' };
}

export function alerts(
  method: 'GET' | 'POST',
  path: string,
  summary: string,
  query: TObject,
  schema: TSchema,
  errors: readonly ErrorCode[],
) {
  const common = ['NOT_FOUND', 'ALERTS_CORRUPT', 'DATA_IN_USE'] as const;
  const writing = method === 'POST' ? (['DATA_UNWRITABLE', 'DISK_FULL'] as const) : [];
  const all = [...common, ...writing, ...errors];
  const route = { ...operation(method, path, summary, schema, all), tag: 'alerts', query } as const;
  return { ...route, cities: path === '/api/alert-rules' ? 'all' : 'seen' } as const;
}

export function page(path: string, summary: string, type: string, tag: Route['tag']) {
  const answers: Record<string, TSchema | null> = { [type]: null };
  return {
    method: 'GET',
    path,
    role: null,
    cities: 'none',
    cost: 1,
    tag,
    summary,
    description: '',
    query: NoQuerySchema,
    answers,
    errors: [],
  } as const;
}
