/**
 * Several processes of each role on one configuration, killed and stopped at random; the provider
 * is a real server that counts what it is asked. What has to hold is asserted here; the short and
 * the long test differ in how long it goes on.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { verifyWorkspace } from '../src/cli/commands/verify.ts';
import { startTestProvider, type TestProvider } from '../src/collector/test-provider.ts';
import { loadConfig } from '../src/config/load.ts';
import { ANALYTICS_FOLDER, CLAIMS_FOLDER } from '../src/lake/layout.ts';
import { OBSERVATION_COLUMNS } from '../src/table/table.ts';
import { openWorkspace } from '../src/workspace.ts';
import { openLeash } from './leash.ts';
import { createRandom } from './random.ts';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const CITIES = 9;
const INTERVAL_S = 10;
const HEARTBEAT_S = 1;
const PARTITIONS = 3;
/** A stopped process is silent after two and a half heartbeats. */
const STOPPED_MS = 4_500;
const TAKEOVER_MS = 30_000;
const PATIENCE_MS = 60_000;

type Role = 'collect' | 'land' | 'analyze' | 'serve';
const CREW: readonly Role[] = [
  ...(['collect', 'collect', 'land', 'land', 'land'] as const),
  ...(['analyze', 'analyze', 'serve'] as const),
];

export interface ManyOptions {
  readonly seed: number;
  /** Kills and stops. */
  readonly disturbances: number;
  /** Calls in any minute, of all collectors together. */
  readonly perMinute: number;
  /** Whether to see after each that all cities are asked and something new is published. */
  readonly thorough: boolean;
  readonly tell: (line: string) => void;
}

interface Asked {
  readonly city: number;
  readonly at: number;
  readonly dt: number;
}

export async function runManyProcesses(options: ManyOptions): Promise<void> {
  const { seed, disturbances, perMinute, tell } = options;
  const folder = mkdtempSync(join(tmpdir(), 'isobar-many-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const provider = await startTestProvider();
  stack.defer(() => provider.stop());
  const asked = answerWeather(provider);
  const settings = writeSettings(folder, provider.url, perMinute);
  const crew = stack.use(openCrew(folder, settings));
  for (const role of CREW) crew.start(role);

  await until('every partition is landed by somebody', () => {
    crew.assertAlive();
    return holders(folder, 'partition').size === PARTITIONS;
  });
  await until('two collectors share the cities', () => holders(folder, 'collect').size === 2);
  const shared = performance.now();
  await until('observations are published', () => publications(folder).length > 0);
  await delay(2 * INTERVAL_S * 1_000);
  assertSharedWell(asked, shared);
  tell(`${asked.length} calls, shared by two`);

  const random = createRandom(seed);
  for (let at = 0; at < disturbances; at += 1) {
    tell(await crew.disturb(random));
    if (options.thorough) await assertGoesOn(folder, asked);
  }

  await crew.stopAll();
  assertWithinBudget(asked, perMinute);
  assert.deepEqual([...liveClaims(folder)], [], 'claims that nobody gave back');
  await assertEachOnce(settings, asked);
}

/** An observation each interval and city; later ones are warmer. */
function answerWeather(provider: TestProvider): Asked[] {
  const asked: Asked[] = [];
  provider.answer = (url) => {
    const city = Number(url.searchParams.get('lat'));
    const dt = Math.floor(Date.now() / 1_000 / INTERVAL_S) * INTERVAL_S;
    asked.push({ city, at: performance.now(), dt });
    const body = {
      coord: { lat: city, lon: 0 },
      weather: [{ id: 800, main: 'Clear', description: 'clear sky', icon: '01d' }],
      main: { temp: (dt % 40) - city / 10, pressure: 1_013, humidity: 50 },
      wind: { speed: 3, deg: 200 },
      dt,
      timezone: 0,
      id: 1_000 + city,
      name: `City ${city}`,
      cod: 200,
    };
    return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  };
  return asked;
}

function writeSettings(folder: string, url: string, perMinute: number): string {
  const cities = Array.from({ length: CITIES }, (_, at) => ({
    city_id: `city-${at + 1}`,
    name: `City ${at + 1}`,
    country: 'XX',
    latitude: at + 1,
    longitude: 0,
    time_zone: 'UTC',
  }));
  writeFileSync(join(folder, 'cities.json'), JSON.stringify(cities));
  const file = join(folder, 'isobar.yaml');
  writeFileSync(
    file,
    stringify({
      data: join(folder, 'data'),
      openweather: { url, key: 'a-key' },
      collector: {
        source: 'openweathermap',
        cities: join(folder, 'cities.json'),
        interval_s: INTERVAL_S,
        delay_s: 1,
        budget: { per_minute: perMinute, per_day: 100_000, per_month: 1_000_000 },
      },
      log: { partitions: PARTITIONS },
      lake: { heartbeat_s: HEARTBEAT_S },
      table: { landing_age_s: 1, raw_export: false },
      analytics: { refresh_delay_s: 0.5 },
      api: { port: 0 },
    }),
  );
  return file;
}

interface Crew extends AsyncDisposable {
  start(role: Role): void;
  /** Rejects when one ended by itself. */
  assertAlive(): void;
  /** Kills one and starts another, or stops one until others have taken over; what it did. */
  disturb(random: () => number): Promise<string>;
  /** Asks all of them to stop, and sees them do it well. */
  stopAll(): Promise<void>;
}

function openCrew(folder: string, settings: string): Crew {
  const leash = openLeash(folder);
  const running = new Map<ChildProcess, { readonly role: Role; output: string }>();

  function start(role: Role): void {
    const child = spawn(process.execPath, [MAIN, role, '--config', settings], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`${role} did not start`);
    leash.hold(pid);
    const entry = { role, output: '' };
    running.set(child, entry);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        entry.output = (entry.output + text).slice(-5_000);
      });
    }
    child.once('exit', () => leash.letGo(pid));
  }

  function assertAlive(): void {
    for (const [{ exitCode, signalCode }, { role, output }] of running) {
      const end = exitCode ?? signalCode;
      assert.equal(end, null, `isobar ${role} ended with ${end}: ${output}`);
    }
  }

  return {
    start,
    assertAlive,
    async disturb(random) {
      assertAlive();
      const all = [...running];
      const [child, { role }] = all[Math.floor(random() * all.length)] as (typeof all)[number];
      const isKilled = random() < 0.5;
      const from = performance.now();
      const name = `isobar ${role} (${child.pid})`;
      if (isKilled) {
        running.delete(child);
        child.kill('SIGKILL');
        await once(child, 'exit');
        start(role);
      } else child.kill('SIGSTOP');
      const gone = child.pid ?? 0;
      await until(
        `others took over from ${name}`,
        () => ![...holders(folder, 'partition').values()].includes(gone),
        TAKEOVER_MS,
      );
      const seconds = ((performance.now() - from) / 1_000).toFixed(1);
      if (!isKilled) {
        await delay(Math.max(0, STOPPED_MS - (performance.now() - from)));
        // It may be in the middle of a landing that somebody else has made since.
        child.kill('SIGCONT');
      }
      await delay(500);
      assertAlive();
      return `${name} ${isKilled ? 'killed' : 'stopped and woken'}: taken over after ${seconds} s`;
    },
    async stopAll() {
      assertAlive();
      // Who collects goes first, so that what was collected lands.
      for (const roles of [['collect'], ['land'], ['analyze', 'serve']]) {
        const ending = [...running].filter(([, { role }]) => roles.includes(role));
        await Promise.all(ending.map(([child, entry]) => stopOne(child, entry)));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const [child] of running) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      leash[Symbol.dispose]();
    },
  };
}

async function stopOne(
  child: ChildProcess,
  { role, output }: { readonly role: Role; readonly output: string },
): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const [code, signal] = await ended;
  clearTimeout(late);
  assert.deepEqual([code, signal], [0, null], `isobar ${role} did not stop well: ${output}`);
}

/** The newest claim of each number of a role that is held, and the process that holds it. */
function holders(folder: string, role: string): Map<number, number> {
  const newest = new Map<number, { generation: string; text: string }>();
  const place = join(folder, 'data', 'lake', CLAIMS_FOLDER, role);
  for (const name of namesIn(place)) {
    const [, number, generation] = /^(\d+)\.(\d{20})\.json$/.exec(name) ?? [];
    if (number === undefined || generation === undefined) continue;
    if ((newest.get(Number(number))?.generation ?? '') > generation) continue;
    newest.set(Number(number), { generation, text: textIn(join(place, name)) });
  }
  const held = new Map<number, number>();
  for (const [number, { text }] of newest) {
    try {
      const { pid, released } = JSON.parse(text) as { pid: number; released: boolean };
      if (!released) held.set(number, pid);
    } catch {
      // It is being written.
    }
  }
  return held;
}

function* liveClaims(folder: string): Generator<string> {
  for (const role of namesIn(join(folder, 'data', 'lake', CLAIMS_FOLDER))) {
    for (const [number, pid] of holders(folder, role)) yield `${role} ${number} of ${pid}`;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The names of what was published, newest first. */
function publications(folder: string): string[] {
  const place = join(folder, 'data', 'lake', ANALYTICS_FOLDER, '_versions');
  return namesIn(place).sort().reverse();
}

/** Nobody asked twice for the same observation, and every city is asked. */
function assertSharedWell(asked: readonly Asked[], since: number): void {
  const seen = new Set<string>();
  const own = asked.filter(({ at }) => at >= since);
  for (const { city, dt } of own) {
    const key = `city ${city} at ${dt}`;
    assert.ok(!seen.has(key), `${key} was asked twice`);
    seen.add(key);
  }
  assert.equal(new Set(own.map(({ city }) => city)).size, CITIES, 'every city is asked');
}

/** Every city is asked again, and what was observed is published. */
async function assertGoesOn(folder: string, asked: readonly Asked[]): Promise<void> {
  const from = performance.now();
  const [publication] = publications(folder);
  await until(
    'every city is asked',
    () => new Set(asked.filter(({ at }) => at > from).map(({ city }) => city)).size === CITIES,
    INTERVAL_S * 1_000 + TAKEOVER_MS,
  );
  await until(
    'a new version is published',
    () => publications(folder)[0] !== publication,
    TAKEOVER_MS,
  );
}

/** In no minute more calls than allowed, whoever made them. */
function assertWithinBudget(asked: readonly Asked[], perMinute: number): void {
  let first = 0;
  for (const [index, { at }] of asked.entries()) {
    while ((asked[first]?.at ?? at) < at - 60_000) first += 1;
    const calls = index - first + 1;
    assert.ok(calls <= perMinute, `${calls} calls in a minute`);
  }
}

/** What is in the table was answered, each answer is there at most once, and the files add up. */
async function assertEachOnce(settings: string, asked: readonly Asked[]): Promise<void> {
  const { config } = loadConfig({ file: settings, env: {}, flags: {} });
  await using workspace = await openWorkspace(config, false);
  const { differences } = await verifyWorkspace(workspace);
  assert.deepEqual(differences, []);
  const { files } = await workspace.observations.refresh();
  const session = await workspace.session();
  await session.define(
    'landed',
    await workspace.observations.localPaths(files),
    OBSERVATION_COLUMNS,
  );
  const rows = await session.query<{ city_id: string; observed_at: string; count: number }>(
    'SELECT city_id, observed_at, count(*) AS count FROM landed GROUP BY ALL',
  );
  const answered = new Set(asked.map(({ city, dt }) => `city-${city} ${dt * 1_000}`));
  for (const { city_id, observed_at, count } of rows) {
    const key = `${city_id} ${Date.parse(observed_at)}`;
    assert.equal(count, 1, `${key} is there ${count} times`);
    assert.ok(answered.has(key), `${key} was never answered`);
  }
  // An answer on its way to a process that is killed may be lost; the city is asked again.
  assert.ok(rows.length >= answered.size * 0.7, `${rows.length} of ${answered.size} answers`);
}

async function until(what: string, isRight: () => boolean, ms = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + ms;
  while (!isRight()) {
    assert.ok(performance.now() < deadline, `not within ${ms / 1_000} s: ${what}`);
    await delay(100);
  }
}
