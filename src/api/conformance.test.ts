import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { LightMyRequestResponse } from 'fastify';
import Schema from 'typebox/schema';
import { exampleIncident } from '../alerts/testing/alerting.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { observation } from '../table/testing/lake.ts';
import { formatApiDocument } from './api-document.ts';
import { formatOpenApi } from './openapi.ts';
import { ROUTES } from './route-table.ts';
import { ObservationRowSchema } from './schemas.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

type Json = Record<string, unknown>;

/** A checker for what a route answers, from the description that is served. */
function checkerOf(description: Json, path: string, method: string, status: number, type: string) {
  const paths = description.paths as Record<string, Record<string, Json>>;
  const responses = paths[path]?.[method]?.responses as Record<string, { content: Json }>;
  const answer = responses[status]?.content[type] as { schema: object } | undefined;
  assert.ok(answer, `${path} has no ${status} of ${type}`);
  const text = JSON.stringify({
    ...answer.schema,
    $defs: (description.components as Json).schemas,
  });
  return Schema.Compile(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')));
}

/** The errors that the description lists for this status. */
function listErrors(description: Json, path: string, method: string, status: number): string[] {
  const paths = description.paths as Record<string, Record<string, { responses: Json }>>;
  const response = paths[path]?.[method.toLowerCase()]?.responses[status] as {
    content: Record<string, { examples: object }>;
  };
  return Object.keys(response.content['application/problem+json']?.examples ?? {});
}

/** They take no time. */
/** Queries of addresses that have to know of what. */
const NEEDED: Readonly<Record<string, string>> = {
  '/api/acknowledge': '?incident=0123456789abcdef&note=seen',
  '/api/end-silence': '?silence=s1',
  '/api/explain': '?city=berlin',
};
const TIMELESS = [
  ...['/api/cities', '/api/climatology', '/api/forecast', '/api/recent-hours'],
  '/api/live-statistics',
  '/api/live-trends',
  // Days of a city's clock are no times.
  ...['/api/daily-summaries', '/api/monthly-summaries', '/api/climate-normals', '/api/records'],
  ...['/api/heat-waves', '/api/growing-seasons'],
];

describe('every answer is what its description says', () => {
  let api: TestApi;
  let description: Json;
  before(async () => {
    const hours = Array.from({ length: 48 }, (_, hour) => hour);
    api = await openTestApi({
      observations: hours.flatMap((hour) => [
        observation('berlin', hour * 3_600, { temperature_c: hour === 30 ? 60 : hour % 3 }),
        observation('cairo', hour * 3_600, { temperature_c: null, condition: null }),
      ]),
      change: (context) => ({
        ...context,
        controls: { pause: async () => {}, resume: async () => {}, refreshNow: async () => {} },
      }),
    });
    const at = api.now.getTime();
    await api.alertStore.apply({
      ...{ incidents: [exampleIncident()], messages: [], tracks: null, at },
    });
    await api.alertStore.silence({
      ...{ silence_id: 's1', rule: null, city_id: null, from: at, until: at + 60_000 },
      ...{ by: 'ann', note: null },
    });
    description = (await api.app.inject('/openapi.json')).json();
  });
  after(() => api[Symbol.asyncDispose]());

  for (const route of ROUTES) {
    if (!('application/json' in route.answers) || route.path === '/openapi.json') continue;
    // Logins and accounts are tested where there are users: access.test.ts, account.test.ts.
    if ('body' in route || 'sessionOnly' in route) continue;
    test(`${route.method} ${route.path}`, async () => {
      const url = route.path;
      const queries =
        route.tag === 'data' && !(route.path in NEEDED)
          ? ['', '?city=cairo', '?from=2024-11-01T12:00Z', '?city=oslo']
          : [NEEDED[route.path] ?? ''];
      for (const query of queries) {
        const answer: LightMyRequestResponse = await api.app.inject({
          method: route.method,
          url: `${url}${query}`,
        });
        if (query.includes('from') && TIMELESS.includes(url)) continue;
        assert.equal(answer.statusCode, 200, answer.body);
        assert.match(String(answer.headers['content-type']), /^application\/json; charset=utf-8$/);
        const checker = checkerOf(
          description,
          url,
          route.method.toLowerCase(),
          200,
          'application/json',
        );
        const [, errors] = checker.Errors(answer.json());
        assert.deepEqual(errors, [], `${url}${query}`);
      }
    });
  }

  test('a foreign field is found, so that the checks above mean something', () => {
    const checker = checkerOf(description, '/api/cities', 'get', 200, 'application/json');
    assert.equal(checker.Check({ meta: {}, data: [] }), false);
    assert.equal(checker.Check({ data: [] }), false);
  });

  test('every error of every route is a problem', async () => {
    const checker = checkerOf(description, '/api/cities', 'get', 404, 'application/problem+json');
    for (const route of ROUTES.filter(({ tag }) => tag === 'data' || tag === 'live')) {
      for (const [query, status] of [
        ['?city=rome', 404],
        ['?nonsense=1', 400],
        [`?city=${'x'.repeat(65)}`, 400],
        ['?__proto__=1', 400],
      ] as const) {
        const answer = await api.app.inject(`${route.path}${query}`);
        assert.equal(answer.statusCode, status, `${route.path}${query}`);
        assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
        assert.deepEqual(checker.Errors(answer.json())[1], []);
      }
    }
  });

  test('whatever is asked, the answer is right or a problem that names the parameter', async () => {
    const checker = checkerOf(description, '/api/cities', 'get', 404, 'application/problem+json');
    const asked = ROUTES.filter(
      ({ path, tag, ...route }) =>
        tag !== 'pages' &&
        !/^\/api\/(events$|oidc\/)/.test(path) &&
        !('body' in route || 'sessionOnly' in route),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...asked), anyQuery, async (route, pairs) => {
        const { method, path } = route;
        const text = pairs.map(([name, value]) => `${name}=${encode(value)}`).join('&');
        const answer: LightMyRequestResponse = await api.app.inject({
          method,
          url: `${path}?${text}`,
        });
        const { statusCode, body } = answer;
        const label = `${path}?${text}: ${statusCode} ${body.slice(0, 300)}`;
        assert.ok([200, 400, 404, 409].includes(statusCode), label);
        if (statusCode === 200) return;
        assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, label);
        const problem = answer.json();
        assert.deepEqual(checker.Errors(problem)[1], [], label);
        assert.match(
          problem.code,
          /^(PARAMETER_INVALID|CURSOR_MISMATCH|(CITY|INCIDENT|OBSERVATION|RULE|SILENCE)_UNKNOWN)$/,
          label,
        );
        assert.ok(listErrors(description, path, method, statusCode).includes(problem.code), label);
        const names = pairs.map(([name]) => name.slice(0, 64));
        const isMissing = route.query.required?.includes(problem.field) === true;
        assert.ok(isMissing || names.includes(problem.field), label);
        assert.ok(problem.detail.startsWith(`${problem.field}: `), label);
        assert.doesNotMatch(problem.detail, ENGINE_WORDS, label);
      }),
      { numRuns: 400 },
    );
  });

  test('integers are decimal digits within their range, in every route', async () => {
    for (const { path, query } of ROUTES) {
      if (query.required !== undefined) continue;
      for (const [name, rule] of Object.entries(query.properties as Record<string, Json>)) {
        if (rule.type !== 'integer') continue;
        const { minimum, maximum } = rule as { minimum: number; maximum: number };
        for (const value of [...ODD_NUMBERS, String(minimum - 1), String(maximum + 1)]) {
          const answer = await api.app.inject(`${path}?${name}=${encode(value)}`);
          const { code, field, detail } = answer.json();
          assert.deepEqual([answer.statusCode, code, field], [400, 'PARAMETER_INVALID', name]);
          const range = `expected a whole number from ${minimum} to ${maximum}`;
          assert.equal(detail, `${name}: ${range}; got ${JSON.stringify(value.slice(0, 64))}`);
        }
        for (const value of [minimum, maximum, `00${minimum}`]) {
          const { statusCode } = await api.app.inject(`${path}?${name}=${value}`);
          assert.equal(statusCode, 200, `${path}?${name}=${value}`);
        }
        const twice = await api.app.inject(`${path}?${name}=${minimum}&${name}=${minimum}`);
        assert.equal(twice.json().detail, `${name}: expected one value; got 2`);
      }
    }
  });
});

const ODD_NUMBERS = [
  ...['1e309', '0x10', '0b11', '1e2', '-1', '+20', '20.0', '1_0', ' 20', '20 ', '', 'NaN'],
  ...['Infinity', '٣', '9007199254740993', '1'.repeat(400), 'true', '[20]', '20,30'],
];
/** What the engine and the libraries write in their own messages. */
const ENGINE_WORDS = /Conversion Error|Binder|INT64|DOUBLE|VARCHAR|LINE \d|must NOT|must be >=/;

const anyValue = fc.oneof(
  fc.constantFrom('berlin', 'oslo', '2024-11-01T00:00:00.123456+00:00', '9999-12-31T23:59:59Z'),
  fc.constantFrom('csv', 'parquet', 'json', '0001-01-01T00:00:00Z', 'temperature_c', 'week', '1'),
  fc.constantFrom(...ODD_NUMBERS),
  fc
    .array(fc.oneof(fc.constantFrom('2024-11-01T00:00:00Z', 'berlin', 'local', 7), fc.string()))
    .map((key) => key.join(',')),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.double().map(String),
);
const anyName = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...new Set(ROUTES.flatMap(namesOf))) },
  { weight: 1, arbitrary: fc.constantFrom('x', 'constructor', '__proto__', 'Limit') },
);
const anyQuery = fc.array(fc.tuple(anyName, anyValue), { maxLength: 4 });

function namesOf({ query }: { readonly query: { readonly properties: object } }): string[] {
  return Object.keys(query.properties);
}

/** As a browser would, also for halves of surrogate pairs. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

test('the table of routes and the served routes are the same', async () => {
  await using api = await openTestApi();
  for (const { method, path } of ROUTES) {
    assert.ok(api.app.hasRoute({ method, url: path }), `${method} ${path}`);
  }
  const served = api.app.printRoutes({ commonPrefix: false });
  const count = served.split('\n').filter((line) => /\((GET|POST)/.test(line)).length;
  // Beside them: /docs.css, /docs.js, and the page's own files under /*.
  assert.equal(count, ROUTES.length + 3, served);
});

test('the raw data has the columns of the table', () => {
  assert.deepEqual(Object.keys(ObservationRowSchema.properties), Object.keys(OBSERVATION_COLUMNS));
});

test('every reference of the description leads somewhere', () => {
  const description = formatOpenApi('1');
  const names = Object.keys((description.components as Json).schemas as Json);
  const references = [...JSON.stringify(description).matchAll(/#\/components\/schemas\/(\w+)/g)];
  assert.ok(references.length > 50);
  for (const [, name] of references) assert.ok(names.includes(name ?? ''), name);
});

test('docs/api.md is current', async () => {
  const file = new URL('../../docs/api.md', import.meta.url);
  const text = await readFile(file, 'utf8');
  assert.equal(text, formatApiDocument(), 'run `npm run docs`');
});
