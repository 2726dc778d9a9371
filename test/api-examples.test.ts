/**
 * The examples of the API's description are answers of a server with simulated weather, shortened.
 * ISOBAR_GOLDENS=write writes them anew.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Schema from 'typebox/schema';
import { operationId } from '../src/api/openapi.ts';
import { ROUTES } from '../src/api/route-table.ts';
import { type Json, openPlace, type Served, serve, until } from './cases/place.ts';

const FILE = join(import.meta.dirname, '../src/api/examples.json');
const rewrites = process.env.ISOBAR_GOLDENS === 'write' && !process.env.CI;
/** They describe themselves, never end, or are no text. */
const WITHOUT = ['text/html', 'text/event-stream', 'application/vnd.apache.parquet'];
/** The made-up weather has incidents of this one. */
const ALERTS = `
rules:
  - name: warm
    when: { kind: value, variable: temperature_c, above: -40, clear: -41 }
    for: 20m
    severity: info
`;
const LINES_KEPT = 4;
const ITEMS_KEPT = 2;

type Examples = Record<string, Record<string, { readonly value: Json }>>;

test('the examples of the description are what a server answers', async () => {
  using place = openPlace('', '');
  writeFileSync(place.made('alerts.yaml'), ALERTS);
  await using served = await serve({
    data: place.made('data'),
    'simulator.history_days': '3',
    'table.raw_export': 'false',
    'alerts.interval_s': '1',
    'analytics.quality_interval_s': '1',
    'alerts.file': place.made('alerts.yaml'),
  });
  await until(
    () => served.json('/api/status'),
    ({ data }) =>
      data.analytics.table_version > 0 &&
      data.analytics.quality !== null &&
      data.log.partitions.every(isEmpty),
  );
  const answers = await askForAll(served);
  if (rewrites) writeFileSync(FILE, `${JSON.stringify(answers, null, 2)}\n`);
  const written: Examples = JSON.parse(readFileSync(FILE, 'utf8'));
  assert.deepEqual(shapeOf(written, answers), shapeOf(answers, written));
  const description = await served.json('/openapi.json');
  for (const { method, path } of ROUTES) {
    const { operationId: id, responses } = description.paths[path][method.toLowerCase()];
    const { value } = written[id]?.['application/json'] ?? {};
    if (value === undefined) continue;
    const schema = responses[200].content['application/json'].schema;
    const whole = JSON.stringify({ ...schema, $defs: description.components.schemas });
    const checker = Schema.Compile(
      JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')),
    );
    assert.deepEqual(checker.Errors(value)[1], [], path);
  }
});

function isEmpty({ waiting }: Json): boolean {
  return waiting === 0;
}

async function askForAll(served: Served): Promise<Examples> {
  const examples: Examples = {};
  for (const route of ROUTES) {
    const types = Object.keys(route.answers).filter((type) => !WITHOUT.includes(type));
    // Logins and accounts have no example: they need a user.
    if (route.path === '/openapi.json' || 'body' in route || 'sessionOnly' in route) continue;
    for (const type of types) {
      const query = type === 'text/csv' ? '?format=csv' : await queryOf(served, route.path);
      const { body, status } = await served.ask(route.path + query, { method: route.method });
      assert.equal(status, 200, body);
      const value =
        type === 'application/json'
          ? shorten(JSON.parse(body))
          : `${body
              .split(/(?<=\n)/)
              .slice(0, LINES_KEPT)
              .join('')}`;
      examples[operationId(route)] = { ...examples[operationId(route)], [type]: { value } };
    }
  }
  return examples;
}

/** For addresses that need to know of what. */
async function queryOf(served: Served, path: string): Promise<string> {
  if (path === '/api/acknowledge') {
    const { data } = await until(
      () => served.json('/api/incidents'),
      (answer) => answer.data.length > 0,
    );
    return `?incident=${data[0].incident_id}&by=ann&note=on+my+way`;
  }
  if (path === '/api/explain') {
    const { data } = await served.json('/api/raw-data');
    const [{ city_id, observed_at }] = data;
    return `?dataset=observations&city=${city_id}&time=${observed_at}`;
  }
  if (path !== '/api/end-silence') return '';
  const { data } = await served.json('/api/silences');
  return `?silence=${data[0].silence_id}`;
}

/** The first items of each list; what names this machine is left out. */
function shorten(value: Json, key = ''): Json {
  if (Array.isArray(value)) return value.slice(0, ITEMS_KEPT).map((one) => shorten(one));
  if (key === 'host') return 'weather-1';
  if (key === 'data' && typeof value === 'string') return '/var/lib/isobar/simulated';
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shorten(one, name)]));
}

/** Objects whose keys are data. */
const MAPS = ['engine_bytes', 'rejected', 'properties', 'values'];

/** Types in place of values; where either has none (null, an empty list), neither counts. */
function shapeOf(value: Json, other: Json): Json {
  if (value === null || other === null || value === undefined) return null;
  if (Array.isArray(value)) {
    return value.length === 0 || !other?.length ? [] : [shapeOf(value[0], other[0])];
  }
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      MAPS.includes(name) ? 'map' : shapeOf(one, other?.[name]),
    ]),
  );
}
