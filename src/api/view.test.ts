/** Users and keys that are limited to some cities: what they are answered, and what they are not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { parquetReadObjects } from 'hyparquet';
import { createRandom } from '../../test/support/random.ts';
import { type Access, openAccess } from '../access/access.ts';
import { openAudit } from '../access/audit.ts';
import { parseScope } from '../access/scope.ts';
import { exampleIncident } from '../alerts/testing/alerting.ts';
import { type CityScope, isInScope } from '../model/access.ts';
import type { City } from '../model/city.ts';
import { VARIABLE_NAMES } from '../model/variables.ts';
import { observation } from '../table/testing/lake.ts';
import { isStillAllowed } from './access.ts';
import { ROUTES } from './route-table.ts';
import { openTestApi, type TestApi, waitFor } from './testing/api.ts';
import { openStream } from './testing/event-stream.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
const HOUR_S = 3_600;
/** Questions to each address, each by everyone. */
const ROUNDS = 3;
const CITIES: readonly City[] = [
  place('bergen', 'NO', ['coast', 'west']),
  place('bodo', 'NO', ['coast']),
  place('lima', 'PE', ['coast']),
  place('oslo', 'NO', []),
  place('quito', 'EC', ['high']),
  place('tunis', 'TN', ['coast']),
];
const SCOPES = ['oslo', 'country:NO', 'tag:coast', 'lima,quito', 'country:EC,tag:west,tunis'];
const OPERATING = { origin: 'http://localhost:5000', host: 'localhost:5000' };

function place(city_id: string, country: string, tags: readonly string[]): City {
  const name = city_id.toUpperCase();
  return { city_id, name, country, latitude: 1, longitude: 2, time_zone: 'UTC', tags };
}

/** Two days of each, some hours missing, with a few values far from the others. */
const OBSERVATIONS = CITIES.flatMap(({ city_id, country }, index) => {
  const random = createRandom(index + 1);
  return Array.from({ length: 48 - index }, (_, hour) =>
    observation(city_id, (hour + index) * HOUR_S, {
      country,
      interval_s: HOUR_S,
      temperature_c: hour === 20 + index ? 60 + index : 10 + index + 3 * random(),
      humidity_pct: Math.round(40 + 30 * random()),
      wind_speed_ms: 5 * random(),
      wind_direction_deg: Math.round(359 * random()),
    }),
  ).filter(() => random() > 0.1);
});

let folder: string;
let access: Access;
let whole: TestApi;
let address: string;
const keys = new Map<string, string>();

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-view-'));
  access = openAccess(folder, { idleMs: 3_600_000, longestMs: 36_000_000 });
  const audit = openAudit(folder);
  for (const scope of [...SCOPES, 'all', 'nowhere']) {
    const name = `key-${keys.size}`;
    keys.set(scope, await access.addKey(name, 'operator', null, parseScope(scope)));
  }
  whole = await openTestApi({
    observations: OBSERVATIONS,
    cities: CITIES,
    change: (context) => ({ ...context, access: { access, audit } }),
  });
  await whole.land({ check: true, look: false });
  await waitFor('the checked values', async () => {
    whole.changed();
    const answer = await ask(whole, '/api/quality-flags', bearer('all'));
    return answer.json().meta.checked_version !== null;
  });
  address = await whole.app.listen({ host: '127.0.0.1', port: 0 });
  after(() => audit[Symbol.asyncDispose]());
});

after(async () => {
  await whole?.[Symbol.asyncDispose]();
  access?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const bearer = (scope: string) => ({ authorization: `Bearer ${keys.get(scope)}` });

function ask(api: TestApi, url: string, headers: Readonly<Record<string, string>> = {}) {
  return api.app.inject({ url, headers });
}

/** A lake that has nothing but the cities of this scope. */
async function openPart(scope: CityScope): Promise<TestApi> {
  const cities = CITIES.filter((city) => isInScope(scope, city));
  const ids = new Set(cities.map(({ city_id }) => city_id));
  const part = await openTestApi({
    observations: OBSERVATIONS.filter(({ city_id }) => ids.has(city_id)),
    cities,
  });
  await part.land({ check: true });
  return part;
}

/** Addresses whose answers are compared, with parameters at random. */
const QUESTIONS: Readonly<Record<string, (random: () => number) => string[]>> = {
  '/api/city-statistics': (random) => [...range(random), ...page(random)],
  '/api/live-statistics': page,
  '/api/live-trends': page,
  '/api/hourly-trends': (random) => [...range(random), ...page(random)],
  '/api/anomalies': (random) => [
    ...(random() < 0.5
      ? []
      : [pick(random, ['facets=1', 'q=temperature', 'sort=score', 'q=lima'])]),
    ...page(random),
  ],
  '/api/temperature-chart': range,
  '/api/humidity-chart': range,
  '/api/series': (random) => [`variable=${pick(random, VARIABLE_NAMES)}`, ...range(random)],
  '/api/climatology': () => [],
  '/api/forecast': () => [],
  '/api/hourly-means': range,
  '/api/recent-hours': () => ['hours=24'],
  '/api/wind-rose': range,
  '/api/daily-summaries': (random) => [
    ...(random() < 0.5 ? [] : ['from=2024-11-01', 'to=2024-11-02']),
    ...page(random),
  ],
  '/api/monthly-summaries': page,
  '/api/climate-normals': page,
  '/api/records': page,
  '/api/heat-waves': (random) => [
    `least_c=${pick(random, [15, 30])}`,
    ...(random() < 0.5 ? [] : ['from=2024-11-01', 'to=2024-11-02']),
    ...page(random),
  ],
  '/api/growing-seasons': page,
  '/api/outages': range,
  '/api/availability': (random) => [`period=${pick(random, ['day', 'month'])}`],
  '/api/anomaly-events': (random) => [...range(random), ...page(random)],
  '/api/station-drift': (random) => [...range(random), ...page(random)],
  '/api/quality-flags': (random) => [...range(random), ...page(random)],
  '/api/raw-data': (random) => [...range(random), ...page(random)],
  '/api/cities': page,
};

function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

function range(random: () => number): string[] {
  return random() < 0.5 ? [] : ['from=2024-11-01T00:00:00Z', 'to=2024-11-02T00:00:00Z'];
}

function page(random: () => number): string[] {
  return random() < 0.5 ? [] : [`limit=${1 + Math.floor(random() * 60)}`];
}

/** What an answer says, without what differs between any two lakes. */
async function contentOf(answer: Awaited<ReturnType<typeof ask>>, form: string): Promise<unknown> {
  if (answer.statusCode !== 200) {
    const { code, detail } = answer.json();
    return { code, detail };
  }
  const meta =
    form === 'json' ? answer.json().meta : JSON.parse(String(answer.headers['x-isobar-meta']));
  for (const name of [
    'table_version',
    'checked_version',
    'analytics_version',
    'computed_at',
    'position',
    'index_version',
  ]) {
    delete meta[name];
  }
  // A limited view names its cities in each question.
  meta.reason = meta.reason?.replace(' in these cities', '') ?? null;
  const { rawPayload } = answer;
  const rows =
    form === 'json'
      ? answer.json().data
      : form === 'csv'
        ? answer.body.split('\r\n')
        : await parquetReadObjects({
            file: new Uint8Array(rawPayload).buffer as ArrayBuffer,
          });
  return { meta, rows: withoutOffsets(rows) };
}

/** Records of another log have other offsets. */
function withoutOffsets(rows: unknown): unknown {
  return JSON.parse(
    JSON.stringify(rows, (name, value) => {
      if (name.startsWith('log_') || name === 'landed_at') return undefined;
      return typeof value === 'bigint' ? String(value) : value;
    }),
  );
}

test(`each is answered as by a lake of its cities alone, in any order (seed ${SEED})`, async () => {
  const random = createRandom(SEED);
  const seen = new Map<string, TestApi>();
  await using stack = new AsyncDisposableStack();
  for (const scope of SCOPES) {
    seen.set(scope, stack.use(await openPart(parseScope(scope) ?? [])));
  }
  const asked = ROUTES.filter(
    // Files, commits and offsets are those of one lake: explain.test.ts.
    ({ cities, tag, path }) => cities === 'seen' && tag === 'data' && path !== '/api/explain',
  );
  assert.deepEqual(asked.map(({ path }) => path).sort(), Object.keys(QUESTIONS).sort());
  const etags = new Map<string, string[]>();
  for (const { path, query } of asked) {
    const forms = 'format' in query.properties ? (['json', 'csv', 'parquet'] as const) : ['json'];
    for (let time = 0; time < ROUNDS; time += 1) {
      const form = path === '/api/raw-data' ? 'json' : pick(random, forms);
      const named = random() < 0.3 ? [`city=${pick(random, CITIES).city_id}`] : [];
      const parts = [...(QUESTIONS[path]?.(random) ?? []), ...named];
      if (form !== 'json') parts.push(`format=${form}`);
      const url = `${path}?${parts.join('&')}`;
      for (const scope of shuffled(random, [...SCOPES, 'all'])) {
        const headers = bearer(scope);
        const answer = await ask(whole, url, headers);
        assert.equal(
          answer.headers['cache-control'],
          answer.statusCode === 200 ? 'private, no-cache' : 'no-store',
        );
        const part = seen.get(scope);
        if (part !== undefined) {
          const expected = await contentOf(await ask(part, url), form);
          assert.deepEqual(await contentOf(answer, form), expected, `${url} of ${scope}`);
        }
        // With the tag of another's answer: not modified only where it is the same.
        const others = etags.get(url) ?? [];
        for (const tag of others) {
          const again = await ask(whole, url, { ...headers, 'if-none-match': tag });
          if (again.statusCode === 304)
            assert.equal(tag, answer.headers.etag, `${url} of ${scope}`);
        }
        if (answer.headers.etag !== undefined) others.push(String(answer.headers.etag));
        etags.set(url, others);
      }
      const tags = new Set(etags.get(url));
      assert.equal(
        tags.size,
        (etags.get(url) ?? []).length,
        `${url}: each scope has a tag of its own`,
      );
      etags.delete(url);
    }
  }
});

function shuffled<T>(random: () => number, list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

test('a city of others is as unknown as one that does not exist', async () => {
  for (const path of [...Object.keys(QUESTIONS), '/api/events', '/api/incidents']) {
    const hidden = await ask(whole, `${path}?city=lima`, bearer('country:NO'));
    const missing = await ask(whole, `${path}?city=nope`, bearer('country:NO'));
    assert.deepEqual(
      [hidden.statusCode, hidden.json().detail.replace('lima', 'nope')],
      [missing.statusCode, missing.json().detail],
      path,
    );
    assert.equal(hidden.json().code, 'CITY_UNKNOWN', path);
  }
});

test('without a city that is here, an answer says so and holds no row', async () => {
  for (const path of Object.keys(QUESTIONS)) {
    const answer = await ask(whole, path, bearer('nowhere'));
    if (answer.statusCode === 200) assert.deepEqual(answer.json().data, [], path);
    else assert.equal(answer.json().code, 'ACCESS_DENIED', path);
  }
});

test('what is about all cities is refused', async () => {
  for (const { method, path } of ROUTES.filter(({ cities }) => cities === 'all')) {
    const headers = { ...OPERATING, ...bearer('oslo') };
    const answer = await whole.app.inject({ method, url: path, headers });
    assert.deepEqual([answer.statusCode, answer.json().code], [403, 'ACCESS_DENIED'], path);
  }
  const ready = (await ask(whole, '/readyz', bearer('oslo'))).json();
  assert.deepEqual([ready.checks, ready.problems], [[], []]);
});

test('incidents and silences of others are neither shown, counted nor changed', async () => {
  const incidents = [
    exampleIncident({ incident_id: 'aaaaaaaaaaaaaaaa', city_id: 'oslo', severity: 'critical' }),
    exampleIncident({ incident_id: 'bbbbbbbbbbbbbbbb', city_id: 'lima' }),
    exampleIncident({ incident_id: 'cccccccccccccccc', city_id: null, city: null }),
  ];
  await whole.alertStore.apply({ incidents, messages: [], tracks: null, at: 0 });
  const { meta, data } = (await ask(whole, '/api/incidents', bearer('country:NO'))).json();
  assert.deepEqual(
    data.map(({ incident_id }: { incident_id: string }) => incident_id),
    ['aaaaaaaaaaaaaaaa'],
  );
  assert.deepEqual(meta.counts, { open: 1, acknowledged: 0, resolved: 0, critical: 1 });
  const post = (url: string, scope: string) =>
    whole.app.inject({ method: 'POST', url, headers: { ...OPERATING, ...bearer(scope) } });
  const codeOf = async (url: string, scope: string) => (await post(url, scope)).json().code;
  for (const id of ['bbbbbbbbbbbbbbbb', 'cccccccccccccccc', 'dddddddddddddddd']) {
    assert.equal(await codeOf(`/api/acknowledge?incident=${id}`, 'country:NO'), 'INCIDENT_UNKNOWN');
    const shown = await ask(whole, `/api/incidents?incident=${id}`, bearer('country:NO'));
    assert.equal(shown.json().code, 'INCIDENT_UNKNOWN');
  }
  assert.equal(await codeOf('/api/silence?for=1h', 'country:NO'), 'ACCESS_DENIED');
  assert.equal(await codeOf('/api/silence?for=1h&city=lima', 'country:NO'), 'CITY_UNKNOWN');
  const made = (await post('/api/silence?for=1h&city=lima', 'all')).json().data;
  await post('/api/silence?for=1h&city=oslo', 'country:NO');
  const silences = (await ask(whole, '/api/silences', bearer('country:NO'))).json();
  assert.deepEqual(
    [silences.meta.row_count, silences.data.map(({ city_id }: City) => city_id)],
    [1, ['oslo']],
  );
  const ended = `/api/end-silence?silence=${made.silence_id}`;
  assert.equal(await codeOf(ended, 'country:NO'), 'SILENCE_UNKNOWN');
  assert.equal((await post(ended, 'all')).statusCode, 200);
});

test('the stream of events has the own cities, and nothing that is about all', async () => {
  const own = await openStream(address, '', null, bearer('country:NO'));
  const all = await openStream(address, '', null, bearer('all'));
  const later = 60 * HOUR_S;
  const put = [...CITIES, place('narvik', 'NO', []), place('cusco', 'PE', [])].map(
    ({ city_id, country }, index) => observation(city_id, later + index, { country }),
  );
  whole.put(1, ...put);
  await all.next('observation', ({ data }) => data.city_id === 'cusco');
  await own.next('observation', ({ data }) => data.city_id === 'narvik');
  const ids = own.events
    .filter(({ event }) => event === 'observation')
    .map(({ data }) => data.city_id);
  assert.deepEqual(ids.sort(), ['bergen', 'bodo', 'narvik', 'oslo']);
  const version = await own.next('version');
  assert.equal(version.data.observed_to, null);
  assert.notEqual((await all.next('version')).data.observed_to, null);
  const status = await own.next('status');
  assert.deepEqual(
    [status.data.incidents, status.data.landing_error, status.data.collector?.message ?? ''],
    [null, null, ''],
  );
  own.close();
  all.close();
  // What was missed is limited as well.
  const again = await openStream(address, '', version.id, bearer('country:NO'));
  await again.next('observation', ({ data }) => data.city_id === 'narvik');
  assert.ok(again.events.every(({ data }) => data.city_id !== 'lima'));
  again.close();
});

test('a stream ends once its user may see other cities', async () => {
  const audit = openAudit(folder);
  const given = { access, audit };
  await access.addUser('eve', 'a heron stands in the reeds', 'viewer', ['oslo']);
  const visitor = { address: '127.0.0.1', agent: '' };
  const { token, principal } = await access.login('eve', 'a heron stands in the reeds', visitor);
  const request = {
    ...{ principal, method: 'GET', url: '/api/events' },
    headers: { cookie: `__Host-isobar=${token}` },
  } as unknown as FastifyRequest;
  assert.equal(await isStillAllowed(request, given), true);
  await access.setCities('eve', ['lima']);
  assert.equal(await isStillAllowed(request, given), false);
  await access.setCities('eve', null);
  assert.equal(await isStillAllowed(request, given), false, 'the stream still leaves cities out');
  await audit[Symbol.asyncDispose]();
});
