/** The address that leads from a number to what is behind it. */
import { MEDIA_TYPES } from './formats.ts';
import { ExplainQuerySchema } from './query-schemas.ts';
import { READING_ERRORS } from './route-errors.ts';
import type { Route } from './route-table.ts';
import { ExplainAnswerSchema } from './schemas.ts';

export const EXPLAIN_ROUTE = {
  method: 'GET',
  path: '/api/explain',
  role: 'viewer',
  cities: 'seen',
  cost: 20,
  tag: 'data',
  summary: 'What is behind a number: publication, files, commits, offsets, versions, the answer.',
  description:
    'Of what is published or, with `from` or `to`, of what is computed for a range. Lists have their first and last entries, with the whole number. What waits in the log or was rejected is explained as that; the error about an observation that is not there names the times before and after.',
  query: ExplainQuerySchema,
  answers: { [MEDIA_TYPES.json]: ExplainAnswerSchema },
  errors: [
    ...(['PARAMETER_INVALID', 'CITY_UNKNOWN', 'OBSERVATION_UNKNOWN'] as const),
    ...(['BUSY', 'QUERY_FAILED', ...READING_ERRORS] as const),
  ],
} as const satisfies Route;
