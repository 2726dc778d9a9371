/**
 * Several processes of each role on one configuration, killed and stopped at random. Of the real
 * provider's kind is a server that counts what it is asked. What has to hold is asserted here; the
 * short and the long test differ in how long it goes on.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { verifyWorkspace } from '../../src/cli/commands/verify.ts';
import { MINUTE_MS } from '../../src/collector/shared-budget.ts';
import { startTestProvider, type TestProvider } from '../../src/collector/testing/provider.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ANALYTICS_FOLDER, tableFolder } from '../../src/lake/layout.ts';
import type { Status } from '../../src/model/status.ts';
import { openWorkspace } from '../../src/pipeline/workspace.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { AMPLE_BUDGET } from './budget.ts';
import {
  type Crew,
  isStopped,
  type LeasesView,
  type Member,
  namesIn,
  openCrew,
  type Role,
  textIn,
  viewLeases,
} from './crew.ts';
import { createRandom } from './random.ts';
import { until } from './until.ts';

const CITIES = 9;
const INTERVAL_S = 10;
const HEARTBEAT_S = 2;
const PARTITIONS = 3;
/** A stopped process is silent after two and a half heartbeats. */
const STOPPED_MS = 3.5 * HEARTBEAT_S * 1_000;
const TAKEOVER_MS = 30_000;
/** Calls of a minute that are used up hold all others until it is over. */
const GOES_ON_MS = MINUTE_MS + INTERVAL_S * 1_000 + TAKEOVER_MS;
/** An answer that came so shortly before its collector died may not be in the log. */
const LOST_MS = 3_000;

/** Roles that one process holds while others stand by. */
const SINGLE: readonly Role[] = ['collect', 'analyze'];

const ROLES: readonly Role[] = [
  ...(['collect', 'collect', 'land', 'land', 'land'] as const),
  ...(['analyze', 'analyze', 'serve'] as const),
];

export interface ManyOptions {
  readonly seed: number;
  readonly provider: 'counted' | 'simulator';
  /** Roles of which one is killed or stopped; null: any. */
  readonly disturbed: readonly (Role | null)[];
  /** Calls in any minute, of all collectors together. */
  readonly perMinute: number;
  readonly report: (line: string) => void;
}

interface Asked {
  readonly city: number;
  readonly at: number;
  readonly dt: number;
}

interface Absence {
  readonly from: number;
  readonly to: number;
}

interface Scene {
  readonly settings: string;
  readonly lake: string;
  readonly crew: Crew;
  readonly leases: LeasesView;
  readonly random: () => number;
  /** When a collector was killed, stopped or ended, and until when. */
  readonly absences: Absence[];
}

export async function runManyProcesses(options: ManyOptions): Promise<void> {
  const { seed, perMinute, report } = options;
  const counted = options.provider === 'counted';
  const folder = mkdtempSync(join(tmpdir(), 'isobar-many-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const provider = counted ? await startTestProvider() : null;
  stack.defer(() => provider?.stop());
  const asked = provider === null ? [] : answerWeather(provider);
  const settings = writeSettings(folder, provider?.url ?? null, perMinute);
  const lake = join(folder, 'data', ...(counted ? [] : ['simulated']), 'lake');
  const crew = stack.use(openCrew(folder, settings));
  const leases = viewLeases(lake);
  const random = createRandom(seed);
  const scene: Scene = { settings, lake, crew, leases, random, absences: [] };

  for (const role of ROLES) crew.start(role);
  await untilShared(scene);
  // Who holds a lease has looked at all of them within two heartbeats, or has lost it.
  await delay(2 * HEARTBEAT_S * 1_000);
  await assertStatusReports(scene);
  const from = Date.now() / 1_000;
  const to = (Math.ceil(from / INTERVAL_S) + 1) * INTERVAL_S;
  report(await wakeLate(scene));
  await until('an interval is over', () => Date.now() / 1_000 >= to);
  if (counted) assertSharedWell(asked, from, Date.now() / 1_000);

  for (const role of options.disturbed) {
    report(await disturb(scene, role));
    // Who collects does not depend on who computes.
    const seconds = await untilItGoesOn(scene, counted && role !== 'analyze' ? asked : null);
    report(`it goes on, and is published again, ${seconds} s later`);
  }

  scene.absences.push({ from: performance.now(), to: Number.POSITIVE_INFINITY });
  await crew.stopAll();
  assertWithinBudget(asked, perMinute);
  assert.deepEqual(leases.all(), [], 'leases that were not released');
  const rows = await assertAddsUp(settings, !counted);
  if (counted) assertEachOnce(rows, asked, scene.absences);
  report(`${asked.length} calls, ${rows.length} observations`);
}

/** An observation each interval and city. */
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

function writeSettings(folder: string, url: string | null, perMinute: number): string {
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
      ...(url === null ? {} : { openweather: { url, key: 'a-key' } }),
      collector: {
        source: url === null ? 'simulator' : 'openweathermap',
        cities: join(folder, 'cities.json'),
        interval_s: INTERVAL_S,
        delay_s: 1,
        budget: { per_minute: perMinute, ...AMPLE_BUDGET },
      },
      simulator: { interval_s: INTERVAL_S, history_days: 1 },
      log: { partitions: PARTITIONS },
      lake: { heartbeat_s: HEARTBEAT_S },
      table: { landing_age_s: 1, raw_export: false },
      analytics: { refresh_delay_s: 0.5 },
      api: { port: 0 },
    }),
    { mode: 0o600 },
  );
  return file;
}

/** Every process has its part: one collects and one analyzes, each that could land does. */
async function untilShared({ crew, leases }: Scene): Promise<void> {
  const pidsOf = (role: Role) => crew.members.filter((one) => one.role === role).map(pidOf);
  await until('the work is shared out', () => {
    crew.assertAlive();
    const holding = (role: Role) => [...leases.holders(role).values()];
    const isHeldByAll = (role: Role) => pidsOf(role).every((pid) => holding(role).includes(pid));
    const landed = [...leases.holders('partition').values()];
    return (
      isHeldByAll('land') &&
      // One each, since there are as many of them.
      pidsOf('land').every((pid) => landed.includes(pid)) &&
      SINGLE.every((role) => pidsOf(role).includes(holding(role)[0] ?? 0))
    );
  });
}

function pidOf({ pid }: Member): number {
  return pid;
}

/** The server reports which process does what, and what the analyzer says of its engine. */
async function assertStatusReports({ crew, leases, lake }: Scene): Promise<void> {
  const note = join(lake, '..', 'server.json');
  await until('a process serves', () => textIn(note) !== '');
  const answer = await fetch(`http://127.0.0.1:${JSON.parse(textIn(note)).port}/api/status`);
  const { work, analytics } = ((await answer.json()) as { data: Status }).data;
  const found = work.leases.map(({ role, number, pid }) => `${role} ${number} of ${pid}`);
  assert.deepEqual(found.sort(), leases.all().sort());
  for (const { command, pid } of work.leases) {
    const member = crew.members.find((one) => one.pid === pid);
    assert.equal(command, `isobar ${member?.role}`);
  }
  assert.match(analytics.facts?.version ?? '', /\d/);
}

/** Kills one or stops one for a while; resolves when others do its work, and it has its part again. */
async function disturb(scene: Scene, wanted: Role | null): Promise<string> {
  const { crew, leases, random } = scene;
  const role = wanted ?? (ROLES[Math.floor(random() * ROLES.length)] as Role);
  const able = crew.members.filter((one) => one.role === role);
  // Of those that stand by nothing has to be taken over.
  const busy = [...leases.holders(role === 'land' ? 'partition' : role).values()];
  const best = able.filter(({ pid }) => busy.includes(pid));
  const from = best.length > 0 ? best : able;
  const member = from[Math.floor(random() * from.length)] as Member;
  const isKilled = random() < 0.5;
  const at = performance.now();
  if (isKilled) {
    await crew.kill(member);
    crew.start(role);
  } else member.child.kill('SIGSTOP');
  await untilTakenOver(leases, member);
  const seconds = ((performance.now() - at) / 1_000).toFixed(1);
  if (!isKilled) {
    await delay(Math.max(0, STOPPED_MS - (performance.now() - at)));
    member.child.kill('SIGCONT');
  }
  // One that was stopped after it had booked a call makes it when it wakes.
  const to = performance.now() + (isKilled ? 0 : LOST_MS);
  if (role === 'collect') scene.absences.push({ from: at, to });
  await untilShared(scene);
  const what = `isobar ${role} (${member.pid}) ${isKilled ? 'killed' : 'stopped and woken'}`;
  const holds = role !== 'serve';
  return holds ? `${what}, taken over after ${seconds} s` : what;
}

async function untilTakenOver(leases: LeasesView, { role, pid }: Member): Promise<void> {
  await until(
    `others took over from isobar ${role} (${pid})`,
    () =>
      ['partition', 'maintain', 'analyze', 'collect'].every(
        (held) => ![...leases.holders(held).values()].includes(pid),
      ),
    TAKEOVER_MS,
  );
}

/**
 * A sink stops right before its commit. It wakes when others have landed what it was landing,
 * so its commit must fail; and then it works on.
 */
async function wakeLate(scene: Scene): Promise<string> {
  const { crew, leases, lake } = scene;
  const leaving = crew.members.find(({ role }) => role === 'land') as Member;
  await crew.kill(leaving);
  const zombie = crew.start('land', { ISOBAR_FAULT: 'landing.before-commit:1:stop' });
  await until('a sink has stopped in the middle of a landing', () => isStopped(zombie));
  const held = [...leases.holders('partition')].filter(([, pid]) => pid === zombie.pid);
  const before = landedUpTo(lake);
  const at = performance.now();
  assert.ok(held.length > 0, 'it held what it landed');
  await untilTakenOver(leases, zombie);
  const seconds = ((performance.now() - at) / 1_000).toFixed(1);
  await until('others have landed it', () => {
    const now = landedUpTo(lake);
    return held.some(([partition]) => (now.get(partition) ?? -1) > (before.get(partition) ?? -1));
  });
  zombie.child.kill('SIGCONT');
  await untilShared(scene);
  const partitions = held.map(([partition]) => partition).join(', ');
  return `isobar land (${zombie.pid}) stopped before its commit, partition ${partitions} taken over after ${seconds} s`;
}

/** The last offset of each partition that the table says has landed. */
function landedUpTo(lake: string): Map<number, number> {
  const folder = join(lake, tableFolder('observations'), '_delta_log');
  const landed = new Map<number, number>();
  for (const name of namesIn(folder).filter((one) => /^\d{20}\.json$/.test(one))) {
    for (const line of textIn(join(folder, name)).split('\n')) {
      const { txn } = line === '' ? {} : JSON.parse(line);
      const [, partition] = /^isobar-land-.*-(\d+)$/.exec(txn?.appId ?? '') ?? [];
      if (partition !== undefined) landed.set(Number(partition), txn.version);
    }
  }
  return landed;
}

/** While no process joins or leaves, every city is asked exactly once an interval. */
function assertSharedWell(asked: readonly Asked[], from: number, to: number): void {
  // Of the intervals that are over.
  const own = asked.filter(({ dt }) => dt >= from && dt <= to - INTERVAL_S);
  const byDt = Map.groupBy(own, ({ dt }) => dt);
  assert.ok(byDt.size > 0);
  for (const [dt, calls] of byDt) {
    const cities = calls.map(({ city }) => city).sort((a, b) => a - b);
    const all = Array.from({ length: CITIES }, (_, at) => at + 1);
    assert.deepEqual(cities, all, `cities asked in the interval from ${dt}`);
  }
}

/** Every city is asked again, and what was observed is published; how long that took. */
async function untilItGoesOn(scene: Scene, asked: readonly Asked[] | null): Promise<string> {
  const { lake, crew } = scene;
  const from = performance.now();
  const published = () => namesIn(join(lake, ANALYTICS_FOLDER, '_versions')).at(-1);
  const before = published();
  const isNew = ({ at }: Asked) => at > from;
  const words = () =>
    crew.members.filter(({ role }) => role === 'collect').map(({ output }) => output);
  const calls = () => (asked ?? []).filter(isNew).map(({ city }) => city);
  await until(
    () => `every city is asked, only ${calls().join(' ')}: ${words().join('\n')}`,
    () => asked === null || new Set(asked.filter(isNew).map(({ city }) => city)).size === CITIES,
    GOES_ON_MS,
  );
  // What was asked may be known already, so that the next answers bring the new version.
  await until('a new version is published', () => published() !== before, GOES_ON_MS);
  return ((performance.now() - from) / 1_000).toFixed(1);
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

interface Landed {
  readonly city_id: string;
  readonly observed_at: string;
}

/** The files add up, and no observation is there twice. */
async function assertAddsUp(settings: string, simulated: boolean): Promise<readonly Landed[]> {
  const { config } = loadConfig({ file: settings, env: {}, flags: {} });
  await using workspace = await openWorkspace(config, simulated);
  const { differences } = await verifyWorkspace(workspace);
  assert.deepEqual(differences, []);
  const { files } = await workspace.observations.refresh();
  const session = await workspace.session();
  const paths = await workspace.observations.localPaths(files);
  await session.define('landed', paths, OBSERVATION_COLUMNS);
  const rows = await session.query<Landed & { count: number }>(
    'SELECT city_id, observed_at, count(*) AS count FROM landed GROUP BY ALL',
  );
  assert.deepEqual(
    rows.filter(({ count }) => count !== 1),
    [],
  );
  return rows;
}

/** What landed was answered, and what was answered landed, unless its collector died just then. */
function assertEachOnce(
  rows: readonly Landed[],
  asked: readonly Asked[],
  absences: readonly Absence[],
): void {
  const keyOf = ({ city, dt }: Asked) => `city-${city} ${dt * 1_000}`;
  const answers = Map.groupBy(asked, keyOf);
  const landed = new Set(rows.map((row) => `${row.city_id} ${Date.parse(row.observed_at)}`));
  assert.deepEqual(
    [...landed].filter((key) => !answers.has(key)),
    [],
    'never answered',
  );
  const mayBeLost = ({ at }: Asked) =>
    absences.some(({ from, to }) => at >= from - LOST_MS && at <= to);
  const lost = [...answers].filter(([key, calls]) => !landed.has(key) && !calls.every(mayBeLost));
  assert.deepEqual(lost, [], 'answered and not landed');
}
