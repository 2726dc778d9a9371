/** The cases of running servers: what each must answer, log and land. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_CITIES } from '../../src/model/city.ts';
import { parseMetrics } from './metrics.ts';
import {
  assertRows,
  failureOf,
  importFiles,
  type Json,
  landed,
  listen,
  observationsOf,
  type Place,
  rowsOf,
  runCommand,
  type Served,
  serve,
  startProvider,
  until,
} from './place.ts';

type RunCase = (place: Place) => Promise<void>;

const KEY = 'abcdefgh12345678';
const CITIES = DEFAULT_CITIES.length;

const docs = (name: string) =>
  readFileSync(join(import.meta.dirname, '../..', 'docs', `${name}.md`), 'utf8');

/** Three calm observations and two of 5 m/s from 180°. */
async function calmWind(place: Place): Promise<void> {
  const data = place.made('data');
  const mapping = ['--mapping', place.input('m.yaml')];
  const { counts } = await importFiles(data, place.input('calm.csv'), ...mapping);
  assert.deepEqual(counts, landed(5));
  const trends = await rowsOf(
    data,
    `SELECT hour, observation_count, wind_speed_ms_mean, wind_direction_deg_mean
    FROM hourly_trends WHERE clock = 'utc'`,
  );
  assertRows(trends, [[6, 5, 2, 180]]);
  await using served = await serve({ data });
  const range = 'from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z';
  const rose = await served.json(`/api/wind-rose?${range}`);
  assert.deepEqual(
    rose.data.map((row: Json) => [row.direction_deg, row.observation_count]),
    [
      [null, 3],
      [180, 2],
    ],
  );
}

async function reverseProxy(place: Place): Promise<void> {
  const name = 'weather.example.org';
  const flags = { data: place.made('data'), 'simulator.history_days': '1' };
  const asVisitor = (served: Served) => served.ask('/api/status', { headers: { host: name } });
  const pause = (served: Served) =>
    served.ask('/api/pause', {
      method: 'POST',
      headers: {
        host: new URL(served.url).host,
        origin: `https://${name}`,
        'sec-fetch-site': 'same-origin',
      },
    });
  {
    await using served = await serve(flags);
    for (const answer of [await asVisitor(served), await pause(served)]) {
      assert.equal(answer.status, 403);
      assert.match(JSON.parse(answer.body).remedy, /name your host in api\.allowed_hosts/);
    }
    for (const path of ['/', '/docs']) {
      const { body } = await served.ask(path);
      assert.match(body, /(href|src)="/);
      assert.deepEqual(body.match(/(href|src)="\/[^"]*"/g), null, path);
    }
    const { headers } = await served.ask('/api/events');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-accel-buffering'], 'no');
  }
  const settings = { 'api.allowed_hosts': name, 'api.base_path': '/weather' };
  await using served = await serve({ ...flags, ...settings });
  assert.equal((await asVisitor(served)).status, 200);
  assert.deepEqual(JSON.parse((await pause(served)).body), { done: 'pause' });
  for (const path of ['/weather/docs', '/weather/api/status']) {
    assert.equal((await served.ask(path)).status, 200, path);
  }
  for (const setting of Object.keys(settings)) {
    assert.ok(docs('reverse-proxy').includes(`\`${setting}\``), setting);
  }
}

/** What the provider of the case answers: observed 30 s ago, or that much later. */
function oddAnswer(direction: number, aheadSeconds = 0) {
  return {
    coord: { lon: 1, lat: 1 },
    weather: [],
    main: { temp: 10.5, pressure: 1010, humidity: 60 },
    wind: { speed: 2, deg: direction },
    dt: Math.floor(Date.now() / 1_000) - 30 + aheadSeconds,
    id: 1,
    name: 'X',
    cod: 200,
  };
}

function pollingFlags(place: Place, provider: { readonly url: string }) {
  return { data: place.made('data'), 'openweather.url': provider.url };
}

async function oddField(place: Place): Promise<void> {
  await oddDirection(place);
  const files = {
    'lcd.csv': ['m.yaml', 4, [['rain_1h_mm', 'not a number', 2]]],
    'nan.parquet': ['nan.yaml', 2, [['humidity_pct', 'NaN', 1]]],
  } as const;
  for (const [file, [mapping, rows, rejected]] of Object.entries(files)) {
    const paths = [place.input(file), '--mapping', place.input(mapping)];
    const { counts, summary } = await importFiles(place.made(file), ...paths);
    assert.deepEqual(counts, landed(rows), file);
    const found = summary.rejected_fields.map((one: Json) => [one.field, one.reason, one.records]);
    assert.deepEqual(found, rejected, file);
  }
  const celsius = (fahrenheit: number) => (fahrenheit - 32) / 1.8;
  const columns = ['temperature_c', 'rain_1h_mm', 'wind_direction_deg'];
  assertRows(await observationsOf(place.made('lcd.csv'), ...columns), [
    ['2024-01-01T00:53:00Z', celsius(40), 0, 180],
    ['2024-01-01T01:53:00Z', celsius(41), null, 190],
    ['2024-01-01T02:53:00Z', celsius(42), 0.02 * 25.4, null],
    ['2024-01-01T03:53:00Z', celsius(43), null, 0],
  ]);
  const values = await observationsOf(place.made('nan.parquet'), 'temperature_c', 'humidity_pct');
  assert.deepEqual(values, [
    ['2024-01-01T00:00:00Z', 1.5, 50],
    ['2024-01-01T01:00:00Z', 2.5, null],
  ]);
}

/** A direction of 415.2° is in the log and in the status, and the rest of the answer lands. */
async function oddDirection(place: Place): Promise<void> {
  await using provider = await startProvider(() => ({ body: oddAnswer(415.2) }));
  const flags = pollingFlags(place, provider);
  {
    await using served = await serve({ ...flags, 'openweather.key': KEY });
    const cities = await until(
      () => served.json('/api/cities'),
      ({ data }) => data.every(({ latest }: Json) => latest !== null),
    );
    assert.equal(cities.data.length, CITIES);
    for (const { latest } of cities.data) {
      assert.deepEqual([latest.temperature_c, latest.wind_direction_deg], [10.5, null]);
    }
    // The status is kept for a moment.
    const { data } = await until(
      () => served.json('/api/status'),
      (status) => status.data.collector?.rejected_fields[0]?.answers === CITIES,
    );
    const { state, troubled, rejected_fields } = data.collector;
    const reason = 'out of range (0 to 360 °)';
    assert.deepEqual([state, troubled], ['live', []]);
    assert.deepEqual(rejected_fields, [
      { field: 'wind_direction_deg', reason, answers: CITIES, example: '415.2' },
    ]);
    const warnings = served.lines.filter((line) => line.includes('a field cannot be used'));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /wind_direction_deg.*415\.2/);
    assert.match(
      (await served.ask('/metrics')).body,
      /^isobar_collector_rejected_fields_total\{.*\} 5$/m,
    );
  }
  const sql = `SELECT count(*), min(temperature_c), max(wind_direction_deg), min(pressure_hpa)
    FROM observations`;
  assertRows(await rowsOf(flags.data, sql), [[CITIES, 10.5, null, 1010]]);
}

/** Times 15 minutes ahead, first with a Date header that is ahead, too, then with the right one. */
async function slowClock(place: Place): Promise<void> {
  const aheadSeconds = 900;
  for (const [advice, hasDate] of [
    ['this machine’s clock is 15 minutes slow by the provider’s', true],
    ['check this machine’s clock', false],
  ] as const) {
    const date = () => new Date(Date.now() + aheadSeconds * 1_000).toUTCString();
    await using provider = await startProvider(() => ({
      body: oddAnswer(10, aheadSeconds),
      ...(hasDate ? { headers: { date: date() } } : {}),
    }));
    const flags = { ...pollingFlags(place, provider), data: place.made(String(hasDate)) };
    await using served = await serve({ ...flags, 'openweather.key': KEY });
    const { data } = await until(
      () => served.json('/api/status'),
      (status) => status.data.collector?.troubled.length === CITIES,
    );
    const { state, message, troubled } = data.collector;
    assert.equal(state, 'rejecting');
    for (const text of [message, troubled[0].reason]) {
      assert.match(text, /dt is more than 10 minutes after the answer came/);
      assert.ok(text.includes(advice), text);
    }
    const warnings = served.lines.filter((line) => line.includes('every answer is rejected'));
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.includes(advice), warnings[0]);
    const { status, checks } = await served.json('/healthz');
    assert.equal(status, 'degraded');
    const collector = checks.find(({ name }: Json) => name === 'collector');
    assert.equal(collector.state, 'degraded');
    assert.ok(collector.message.includes(advice), collector.message);
  }
}

async function addressInBrackets(place: Place): Promise<void> {
  const start = ['start', '--data', place.made('data'), '--set', 'simulator.history_days=0'];
  const host = (name: string) => [...start, '--port', '0', '--set', `api.host=${name}`];
  const interfaces = Object.values(networkInterfaces()).flat();
  const hasIpv6 = interfaces.some((one) => one?.address === '::1');
  for (const name of hasIpv6 ? ['::1', '[::1]'] : []) {
    const stop = new AbortController();
    let looking: Promise<number> | null = null;
    const { exit, stderr } = await runCommand(host(name), stop.signal, (text) => {
      const [, url] = /^(http:\S+) is up/.exec(text) ?? [];
      if (url === undefined) return;
      looking = fetch(`${url}/livez`).then(({ status }) => status);
      looking.catch(() => {}).finally(() => stop.abort());
    });
    assert.match(stderr, /^http:\/\/\[::1\]:\d+ is up/m, name);
    assert.deepEqual([exit, await looking], [0, 200], name);
  }
  const unknown = [...host('no-such-host.invalid'), '--set', 'api.auth.mode=local'];
  const { exit, code, message } = await failureOf(...unknown);
  assert.deepEqual([exit, code], [2, 'CONFIG_INVALID']);
  assert.match(message, /^api\.host: unknown host "no-such-host\.invalid"/);
}

async function oddNames(place: Place): Promise<void> {
  const flags = {
    data: place.made('data'),
    'collector.cities': place.input('cities.json'),
    'simulator.history_days': '2',
  };
  await using served = await serve(flags);
  const { data } = await until(
    () => served.json('/api/cities'),
    (answer) => answer.data.every(({ latest }: Json) => latest !== null),
  );
  assert.deepEqual(
    data.map(({ city_id, name, time_zone }: Json) => [city_id, name, time_zone]),
    [
      ['anti', 'Antimeridian', 'Pacific/Fiji'],
      ['anti2', 'Antimeridian W', 'Pacific/Fiji'],
      ['chatham', 'Waitangi', 'Pacific/Chatham'],
      ['coy', 'Coyhaique', 'America/Coyhaique'],
      ['formula', '=1+1', 'America/Chicago'],
      ['kathmandu', 'Kathmandu', 'Asia/Kathmandu'],
      ['l-aquila-it', "L'Aquila", 'Europe/Rome'],
      ['npole', 'North Pole', 'Etc/GMT'],
      ['quote', 'Quote "City" \\ back\nnewline', 'America/Chicago'],
      ['spole', 'South Pole', 'Antarctica/McMurdo'],
      ['troll', 'Troll', 'Antarctica/Troll'],
    ],
  );
  const offsets = new Map(data.map(({ city_id, latest }: Json) => [city_id, latest.utc_offset_s]));
  assert.equal(offsets.get('kathmandu'), (5 * 60 + 45) * 60);
  const csv = await served.ask('/api/cities?format=csv&excel=1&city=formula');
  assert.match(csv.body, /\r\nformula,'=1\+1,US,41,-100,America\/Chicago,/);
  await until(
    async () => parseMetrics((await served.ask('/metrics')).body),
    (metrics) => metrics.get('isobar_collector_cities') === '11',
  );
}

/** As Windows tools write it: with CRLF, with a byte order mark, in UTF-16. */
async function keyFile(place: Place): Promise<void> {
  const refusal = { status: 401, body: { cod: 401, message: 'Invalid API key.' } };
  for (const [name, content] of Object.entries({
    crlf: `${KEY}\r\n`,
    bom: `\uFEFF${KEY}\n`,
    utf16: Buffer.from(`\uFEFF${KEY}\r\n`, 'utf16le'),
  })) {
    await using provider = await startProvider(() => refusal);
    const ISOBAR_OPENWEATHER_KEY_FILE = place.write(name, content);
    const flags = { ...pollingFlags(place, provider), data: place.made(`data-${name}`) };
    await using served = await serve(flags, { ISOBAR_OPENWEATHER_KEY_FILE });
    const isRefusal = (line: string) => line.startsWith('PROVIDER_KEY_REFUSED');
    await until(
      () => served.lines,
      (lines) => lines.some(isRefusal),
    );
    assert.deepEqual([...new Set(provider.keys)], [KEY], name);
  }
}

const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy'];

async function companyProxy(place: Place): Promise<void> {
  const asked: (string | undefined)[] = [];
  const server = createServer((request) => void asked.push(request.url));
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.end('HTTP/1.1 502 no\r\n\r\n');
  });
  await using proxy = await listen(server);
  const before = PROXY_VARIABLES.map((name) => [name, process.env[name]] as const);
  try {
    for (const name of PROXY_VARIABLES) delete process.env[name];
    process.env.HTTPS_PROXY = proxy.url;
    const flags = pollingFlags(place, { url: 'https://api.owm.invalid' });
    await using served = await serve({ ...flags, 'openweather.key': KEY });
    await until(
      () => served.lines,
      (lines) => lines.some((line) => line.startsWith('PROVIDER_DOWN')),
    );
    assert.deepEqual([...new Set(asked)], ['CONNECT api.owm.invalid:443']);
    const { host } = new URL(proxy.url);
    assert.ok(served.lines.some((line) => line.includes(`the proxy ${host} (HTTPS_PROXY)`)));
  } finally {
    for (const [name, value] of before) {
      delete process.env[name];
      if (value !== undefined) process.env[name] = value;
    }
  }
  assert.match(docs('configuration'), /`HTTPS_PROXY`/);
}

async function gateway(place: Place): Promise<void> {
  const namenodes = 'https://knox.example.org:8443/gateway/default';
  const settings = ['lake.engine=hdfs', `lake.hdfs.namenodes=${namenodes}`];
  const flags = settings.flatMap((setting) => ['--set', setting]);
  assert.deepEqual(await failureOf('status', '--data', place.made('data'), ...flags), {
    exit: 2,
    code: 'CONFIG_INVALID',
    message: `lake.hdfs.namenodes: expected addresses such as http://host:9870; got "${namenodes}"`,
  });
}

export const SERVER_CASES: Readonly<Record<string, RunCase>> = {
  '07-calm-wind-is-north': calmWind,
  '14-reverse-proxy': reverseProxy,
  '17-one-odd-field': oddField,
  '18-this-machine-s-clock-is-slow': slowClock,
  '19-ipv6-address-in-brackets': addressInBrackets,
  '23-odd-names-and-places': oddNames,
  '25-key-file-of-windows': keyFile,
  '28-behind-a-company-proxy': companyProxy,
  '29-hdfs-behind-a-gateway': gateway,
};
