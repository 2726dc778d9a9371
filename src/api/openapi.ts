/** The description for programs: OpenAPI 3.1, whose schemas are JSON Schema, made from the route table. */
import type { TSchema } from 'typebox';
import { ERRORS } from '../errors.ts';
import { ROUTES, type Route } from './route-table.ts';
import * as schemas from './schemas.ts';
import * as statusSchemas from './status-schemas.ts';

type Json = Readonly<Record<string, unknown>>;

const EVENTS = {
  observation: statusSchemas.ObservationEventSchema,
  version: statusSchemas.VersionEventSchema,
  status: statusSchemas.StatusEventSchema,
  reset: statusSchemas.ResetEventSchema,
  bye: statusSchemas.ByeEventSchema,
};

/** Every schema under the name that it is exported by: `MetaSchema` → `Meta`. */
const NAMES = new Map<unknown, string>(
  Object.entries({ ...schemas, ...statusSchemas }).map(([name, schema]) => [
    schema,
    name.replace(/Schema$/, ''),
  ]),
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
      { name: 'pages', description: 'For people.' },
    ],
    paths,
    components: { schemas: Object.fromEntries(components) },
    'x-events': expand(EVENTS),
    'x-errors': Object.fromEntries(
      Object.entries(ERRORS).map(([code, { status, message, remedy, retryable }]) => {
        return [code, { status, message, remedy, retryable }];
      }),
    ),
  };
}

function describeRoute(route: Route): Json {
  const { properties } = route.query as { properties: Record<string, TSchema> };
  const parameters = Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = expand(schema) as Record<string, unknown>;
    const list = 'items' in rest ? { style: 'form', explode: true } : {};
    return { name, in: 'query', required: false, description, ...list, schema: rest };
  });
  const content = Object.entries(route.answers).map(([type, schema]) => {
    return [type, schema === null ? {} : { schema: expand(schema) }];
  });
  const problem = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  };
  const responses: Record<string, Json> = {
    200: { description: route.summary, content: Object.fromEntries(content) },
  };
  if (route.tag === 'data') responses[304] = { description: 'Nothing has changed.' };
  for (const status of route.problems) {
    const health = route.path === '/readyz' || route.path === '/healthz';
    const failing = { 'application/json': { schema: { $ref: '#/components/schemas/Health' } } };
    responses[status] = {
      description: PROBLEMS[status] ?? '',
      content: health ? failing : problem,
    };
  }
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === '' ? {} : { description: route.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    responses,
  };
}

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'A parameter is not valid; `field` names it.',
  403: 'The request came from another site.',
  404: 'Unknown city or address.',
  503: 'It cannot be answered now; `remedy` says what to do.',
};

function operationId({ method, path }: Route): string {
  const words = path.replace(/^\/(api\/)?/, '').split(/[^a-z]+/i);
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return `${method === 'GET' ? 'get' : 'do'}${name === '' ? 'Page' : name}`;
}

/** A copy in which every named schema is a reference, but for the outermost one if `named` is off. */
function expand(value: unknown, named = true): unknown {
  const name = NAMES.get(value);
  if (named && name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(value)) return value.map((one) => expand(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expand(one)]));
}
