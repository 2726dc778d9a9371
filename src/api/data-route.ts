/** What the addresses of data have in common, for the table of routes. */
import type { TObject, TSchema } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import { MEDIA_TYPES } from './formats.ts';
import { READING_ERRORS } from './route-errors.ts';

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
