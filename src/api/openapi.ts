/** The description for programs: OpenAPI 3.1, whose schemas are JSON Schema, made from the route table. */

import { readFileSync } from 'node:fs';
import type { TSchema } from 'typebox';
import { ERRORS, type ErrorCode, IsobarError } from '../errors.ts';
import {
  ClimateNormalSchema,
  DailySummarySchema,
  MonthlySummarySchema,
  RecordSchema,
} from '../model/climate-datasets.ts';
import { GrowingSeasonSchema, HeatWaveSchema } from '../model/climate-spells.ts';
import { AnomalySchema, CityStatisticsSchema, HourlyTrendSchema } from '../model/datasets.ts';
import { RoomErrorSchema, StatusSchema } from '../model/status.ts';
import { MEDIA_TYPES } from './formats.ts';
import { formatProblem, PROBLEM_TYPE } from './problem.ts';
import * as qualitySchemas from './quality-schemas.ts';
import { ACCESS_ERRORS, COMMON_ERRORS } from './route-errors.ts';
import { ROUTES, type Route } from './route-table.ts';
import * as schemas from './schemas.ts';
import * as statusSchemas from './status-schemas.ts';
import * as summarySchemas from './summary-schemas.ts';

type Json = Readonly<Record<string, unknown>>;

const EVENTS = {
  observation: statusSchemas.ObservationEventSchema,
  version: statusSchemas.VersionEventSchema,
  status: statusSchemas.StatusEventSchema,
  reset: statusSchemas.ResetEventSchema,
  bye: statusSchemas.ByeEventSchema,
};

/**
 * Answers of a server with simulated weather, by operation and media type. A test compares them
 * with a running server and writes them anew.
 */
const EXAMPLES: Readonly<Record<string, Readonly<Record<string, Json>>>> = JSON.parse(
  readFileSync(new URL('examples.json', import.meta.url), 'utf8'),
);
const SECURITY_SCHEMES = {
  key: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key of `isobar keys add NAME`, or a token of the issuer that is set.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-isobar',
    description: 'Set by /api/login and /api/oidc/callback.',
  },
} as const;
const SIMULATED = { summary: 'Simulated weather, shortened' };

const FAILED = {
  description: 'A check fails; `problems` says which.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Health' } } },
};
const SENT_ON = { 303: { description: 'The browser is sent on.' } };
/** Addresses that answer something else than data and problems. */
const OTHERWISE: Readonly<Record<string, Json>> = {
  '/readyz': { 503: FAILED },
  '/healthz': { 503: FAILED },
  '/api/oidc/login': SENT_ON,
  '/api/oidc/callback': SENT_ON,
  '/': { 503: { description: 'The page has not been built.', content: { 'text/html': {} } } },
};

/** Every schema under the name that it is exported by: `MetaSchema` → `Meta`. */
const NAMES = new Map<unknown, string>(
  Object.entries({
    ...schemas,
    ...statusSchemas,
    ...qualitySchemas,
    ...summarySchemas,
    RoomErrorSchema,
    StatusSchema,
    CityStatisticsSchema,
    HourlyTrendSchema,
    AnomalySchema,
    DailySummarySchema,
    MonthlySummarySchema,
    ClimateNormalSchema,
    RecordSchema,
    HeatWaveSchema,
    GrowingSeasonSchema,
  })
    .filter(([name]) => name.endsWith('Schema'))
    .map(([name, schema]) => [schema, name.replace(/Schema$/, '')]),
);

/** Without a base path the addresses are relative to this document's own. */
export function formatOpenApi(version: string, basePath = ''): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of ROUTES) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: describeRoute(route),
    };
  }
  const components = [...NAMES].map(([schema, name]) => [name, expand(schema, false)]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'isobar',
      version,
      summary: 'Weather observations, their statistics, trends and anomalies.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: basePath === '' ? '.' : basePath }],
    tags: [
      { name: 'data', description: 'What was observed, and what follows from it.' },
      { name: 'live', description: 'What happens, as it happens.' },
      { name: 'operation', description: 'How it is doing.' },
      { name: 'alerts', description: 'Incidents, rules and silences.' },
      { name: 'pages', description: 'For people.' },
    ],
    paths,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: Object.fromEntries(components),
      examples: Object.fromEntries(listErrorExamples(basePath)),
    },
    'x-events': expand(EVENTS),
    'x-errors': Object.fromEntries(
      Object.entries(ERRORS).map(([code, { status, message, remedy, retryable }]) => {
        return [code, { status, message, remedy, retryable }];
      }),
    ),
  };
}

/** A problem of each error that some address answers. */
function listErrorExamples(basePath: string): readonly (readonly [string, Json])[] {
  const codes = new Set([
    ...ROUTES.flatMap(({ errors }): ErrorCode[] => [...errors]),
    ...COMMON_ERRORS,
    ...ACCESS_ERRORS,
  ]);
  return [...codes].map((code) => {
    const error = new IsobarError(code, 'What is wrong with this request.');
    const value = formatProblem(error, '/api/cities', basePath);
    return [code, { summary: ERRORS[code].message, description: ERRORS[code].remedy, value }];
  });
}

function describeRoute(route: Route): Json {
  const { properties } = route.query as { properties: Record<string, TSchema> };
  const id = operationId(route);
  const parameters = Object.entries(properties).map(([name, schema]) => {
    return describeParameter(name, schema, route.query.required?.includes(name) === true);
  });
  const content = Object.entries(route.answers).map(([type, schema]) => {
    const example = EXAMPLES[id]?.[type];
    return [
      type,
      {
        ...(schema === null ? {} : { schema: expand(schema) }),
        ...(example === undefined ? {} : { examples: { simulated: { ...SIMULATED, ...example } } }),
      },
    ];
  });
  return {
    operationId: id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === '' ? {} : { description: route.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: describeBody(route) }),
    ...(route.role === null ? {} : { security: securityOf(route) }),
    responses: {
      ...(content.length === 0
        ? {}
        : {
            200: {
              description: route.summary,
              content: Object.fromEntries(content),
              ...('cursor' in properties ? { links: { next: nextPage(id) } } : {}),
            },
          }),
      ...(route.tag === 'data' || route.tag === 'pages'
        ? { 304: { description: 'Nothing has changed since the answer with this ETag.' } }
        : {}),
      ...describeErrors([
        ...route.errors,
        ...(route.role === null ? [] : ACCESS_ERRORS),
        ...COMMON_ERRORS,
      ]),
      ...OTHERWISE[route.path],
    },
  };
}

/** Empty where the server asks for no login. */
function securityOf({ sessionOnly = false }: Route): readonly Json[] {
  return [...(sessionOnly ? [] : [{ key: [] }]), { session: [] }, {}];
}

function describeBody({ body, bodyType = MEDIA_TYPES.json }: Route): Json {
  return { required: true, content: { [bodyType]: { schema: expand(body) } } };
}

function nextPage(operation: string): Json {
  return {
    operationId: operation,
    parameters: { cursor: '$response.body#/meta/next_cursor' },
    description: 'The next page, unless `next_cursor` is null.',
  };
}

/** One response for each status, with the errors that have it. */
function describeErrors(codes: readonly ErrorCode[]): Readonly<Record<string, Json>> {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  const responses = [...byStatus].map(([status, some]) => {
    const lines = some.map((code) => `- \`${code}\`: ${ERRORS[code].message}`);
    const examples = some.map((code) => [code, { $ref: `#/components/examples/${code}` }]);
    const media = {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: Object.fromEntries(examples),
    };
    return [status, { description: lines.join('\n'), content: { [PROBLEM_TYPE]: media } }];
  });
  return Object.fromEntries(responses);
}

function describeParameter(name: string, schema: TSchema, isNeeded: boolean): Json {
  const { description, ...rest } = expand(schema) as Record<string, unknown>;
  const list = 'items' in rest ? { style: 'form', explode: true } : {};
  // In an address 1 and 0 are true and false, too.
  const { type, ...other } = rest;
  const values = { type: ['boolean', 'integer'], enum: [false, true, 0, 1] };
  const shape = type === 'boolean' ? { ...other, ...values } : rest;
  const required = isNeeded && !('default' in rest);
  return { name, in: 'query', required, description, ...list, schema: shape };
}

/** `GET /api/city-statistics` → `getCityStatistics`; `POST /api/pause` → `pause` */
export function operationId({ method, path }: Pick<Route, 'method' | 'path'>): string {
  const words = path.replace(/^\/(api\/)?/, '').split(/[^a-z]+/i);
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  if (method === 'GET') return `get${name === '' ? 'Page' : name}`;
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** A copy in which every named schema is a reference, but for the outermost one if `named` is off. */
function expand(value: unknown, named = true): unknown {
  const name = NAMES.get(value);
  if (named && name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(value)) return value.map((one) => expand(one));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expand(one)]));
  // Tools show a choice without a type as one of anything.
  return 'enum' in copy ? { type: 'string', ...copy } : copy;
}
