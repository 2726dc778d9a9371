/**
 * Collectors on several machines in virtual time, with the real leases, ledgers and polling loop:
 * they come, leave, die and are cut off from the lake at random. The provider counts.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { stormOf } from '../../test/support/storm.ts';
import { isErrorCode } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import { openLeases } from '../leases/leases.ts';
import type { Share } from '../leases/sharing.ts';
import { silentLogger } from '../logger.ts';
import type { City } from '../model/city.ts';
import type { Budget, BudgetLimits } from './budget.ts';
import { holdCollecting } from './collecting.ts';
import { startCollector } from './collector.ts';
import { openCollectorMemory } from './memory.ts';
import { openOpenWeather } from './openweather/openweather.ts';
import { openTestClock, type TestClock } from './testing/clock.ts';
import { openMemoryLake } from './testing/memory-lake.ts';
import { openTestWorld, type World } from './testing/world.ts';

/** The last minutes of a day and a month: both limits begin anew on the way. */
const START = Date.parse('2026-11-30T23:45:00Z');
const INTERVAL_S = 120;
const HEARTBEAT_MS = 10_000;
const MACHINES = 4;
const CITIES: readonly City[] = Array.from({ length: 12 }, (_, at) => ({
  city_id: `city-${at}`,
  name: `City ${at}`,
  country: 'XX',
  latitude: at,
  longitude: 0,
  time_zone: 'UTC',
}));

interface Happening {
  readonly afterS: number;
  readonly machine: number;
  readonly what: 'join' | 'leave' | 'crash' | 'cut' | 'mend';
}

interface Process {
  readonly machine: number;
  readonly polls: boolean;
  /** As SIGTERM does. */
  leave(): Promise<void>;
  /** As SIGKILL does. */
  crash(): Promise<void>;
}

interface Site extends Disposable {
  readonly clock: TestClock;
  readonly world: World;
  readonly processes: readonly Process[];
  happen(happening: Happening): Promise<void>;
  pass(seconds: number): Promise<void>;
  end(): Promise<void>;
}

interface Place {
  readonly clock: TestClock;
  readonly world: World;
  readonly limits: BudgetLimits;
  /** Of the machine. */
  readonly folder: string;
  readonly machine: number;
  readonly pid: number;
  /** The lake as the machine reaches it. */
  readonly lake: (isDead: () => boolean) => Storage;
}

async function startProcess(place: Place): Promise<Process> {
  const { clock, folder, limits, machine } = place;
  let isDead = false;
  const storage = place.lake(() => isDead);
  const leases = await openLeases({
    storage,
    command: 'isobar collect',
    logger: silentLogger,
    heartbeatMs: HEARTBEAT_MS,
    monotonic: clock.monotonic,
    wall: clock.now,
    process: { place: `machine-${machine}`, pid: place.pid, began: '' },
  });
  let polling: Share | null = null;
  const options = { leases, folder, limits, shared: true, clock, logger: silentLogger };
  const collecting = await holdCollecting(options, async (budget) => {
    polling = startPolling(place, budget);
    const { stop } = polling;
    return {
      async stop() {
        polling = null;
        await stop();
      },
    };
  });
  return {
    machine,
    get polls() {
      return polling !== null;
    },
    async leave() {
      await collecting.stop();
      await leases[Symbol.asyncDispose]();
    },
    async crash() {
      isDead = true;
      await polling?.stop();
    },
  };
}

function startPolling(place: Place, budget: Budget): Share {
  const memory = openCollectorMemory(place.folder, silentLogger);
  const collector = startCollector({
    source: openSource(place),
    cities: CITIES,
    log: { append: async () => [] },
    budget,
    memory,
    intervalSeconds: INTERVAL_S,
    delaySeconds: 3,
    concurrency: 4,
    retries: 3,
    logger: silentLogger,
    clock: place.clock,
  });
  return {
    async stop() {
      await collector.stop();
      memory[Symbol.dispose]();
    },
  };
}

function openSource({ clock, world, folder }: Place) {
  return openOpenWeather({
    url: 'http://provider.test',
    key: 'a-key',
    name: 'openweathermap',
    intervalSeconds: INTERVAL_S,
    timeoutSeconds: 10,
    folder,
    fetch: world.fetch,
    clock,
    logger: silentLogger,
  });
}

function openSite(limits: BudgetLimits, from = START): Site {
  mock.timers.enable({ apis: ['setInterval'] });
  // Booked and synced calls: on a disk that takes longer than all the rest.
  const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = mkdtempSync(join(root, 'isobar-sharing-'));
  const clock = openTestClock(from);
  const world = openTestWorld({
    clock,
    cities: CITIES,
    intervalMs: INTERVAL_S * 1_000,
    lagMs: 5_000,
    outcome: () => 'answer',
  });
  const lake = openMemoryLake(clock);
  const cut = new Set<number>();
  const processes = new Set<Process>();
  let started = 0;

  async function start(machine: number): Promise<void> {
    started += 1;
    const one = await startProcess({
      clock,
      world,
      limits,
      folder: join(folder, `machine-${machine}`),
      machine,
      pid: started,
      lake: (isDead) => lake(() => (isDead() ? 'dead' : cut.has(machine) ? 'cut' : 'whole')),
    });
    processes.add(one);
  }

  async function end(one: Process | undefined, how: 'leave' | 'crash'): Promise<void> {
    if (one === undefined) return;
    processes.delete(one);
    await one[how]();
  }

  return {
    clock,
    world,
    get processes() {
      return [...processes];
    },
    async happen({ machine, what }) {
      const there = [...processes].filter((one) => one.machine === machine);
      if (what === 'cut') cut.add(machine);
      else if (what === 'mend') cut.delete(machine);
      else if (what !== 'join') await end(there[0], what);
      else if (there.length < 2) {
        // Without a lake it does not even start.
        await start(machine).catch((error) => {
          if (!isErrorCode(error, 'LAKE_UNAVAILABLE')) throw error;
        });
      }
    },
    async pass(seconds) {
      for (let passed = 0; passed < seconds; passed += 1) {
        await clock.advance(1_000);
        mock.timers.tick(1_000);
        await nextTurn();
      }
    },
    async end() {
      for (const one of [...processes]) await end(one, 'leave');
    },
    [Symbol.dispose]() {
      mock.timers.reset();
      rmSync(folder, { recursive: true });
    },
  };
}

function assertWithin(limits: BudgetLimits, world: World): void {
  const times = world.calls.map(({ at }) => at);
  for (const [index, at] of times.entries()) {
    const ahead = times[index + limits.per_minute];
    const when = new Date(at).toISOString();
    assert.ok(
      ahead === undefined || ahead - at >= 60_000,
      `over the limit in the minute of ${when}`,
    );
  }
  for (const [length, limit] of [
    [10, limits.per_day],
    [7, limits.per_month],
  ] as const) {
    const used = Map.groupBy(times, (at) => new Date(at).toISOString().slice(0, length));
    for (const [period, { length: calls }] of used) {
      assert.ok(calls <= limit, `${period}: ${calls} of ${limit} calls`);
    }
  }
}

/** One process polls, and asks for each city once an interval, give or take one call. */
async function assertAllAsked(site: Site): Promise<void> {
  const from = site.world.calls.length;
  const intervals = 4;
  await site.pass(intervals * INTERVAL_S);
  assert.equal(site.processes.filter(({ polls }) => polls).length, 1);
  const calls = Map.groupBy(site.world.calls.slice(from), ({ cityId }) => cityId);
  for (const { city_id } of CITIES) {
    const { length } = calls.get(city_id) ?? [];
    assert.ok(Math.abs(length - intervals) <= 1, `${city_id}: ${length} calls in ${intervals}`);
  }
}

const happening: fc.Arbitrary<Happening> = fc.record({
  afterS: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 200 })),
  machine: fc.integer({ min: 0, max: MACHINES - 1 }),
  what: fc.constantFrom('join', 'join', 'join', 'leave', 'crash', 'cut', 'mend'),
});
const story = fc.array(happening, { minLength: 4, maxLength: 14 });
const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

/** Lets it happen, mends what was cut, and waits until no machine that left is counted any more. */
async function play(site: Site, happenings: readonly Happening[]): Promise<void> {
  for (const machine of [0, 1]) await site.happen({ afterS: 0, machine, what: 'join' });
  for (const one of happenings) {
    await site.pass(one.afterS);
    await site.happen(one);
  }
  for (let machine = 0; machine < MACHINES; machine += 1) {
    await site.happen({ afterS: 0, machine, what: 'mend' });
  }
  if (site.processes.length === 0) await site.happen({ afterS: 0, machine: 0, what: 'join' });
  await site.pass(240);
}

test(`collectors share a scarce budget and never exceed it (seed ${SEED})`, async () => {
  const limits = fc.record({
    per_minute: fc.integer({ min: 1, max: 12 }),
    per_day: fc.integer({ min: 5, max: 200 }),
    per_month: fc.integer({ min: 20, max: 300 }),
  });
  const property = fc.asyncProperty(story, limits, async (happenings, limit) => {
    using site = openSite(limit);
    await play(site, happenings);
    await site.end();
    assertWithin(limit, site.world);
    assert.ok(site.world.calls.length > 0);
  });
  await fc.assert(property, { seed: SEED, numRuns: stormOf(100, 3) });
});

test(`one collector polls, whoever comes, leaves or dies (seed ${SEED})`, async () => {
  const limit: BudgetLimits = { per_minute: 60, per_day: 20_000, per_month: 600_000 };
  const property = fc.asyncProperty(story, async (happenings) => {
    using site = openSite(limit);
    await play(site, happenings);
    await site.pass(2 * INTERVAL_S);
    await assertAllAsked(site);
    await site.end();
    assertWithin(limit, site.world);
  });
  await fc.assert(property, { seed: SEED, numRuns: stormOf(100, 3) });
});

test('a stand-by polls within 30 s of a collector that died, and within seconds of one that stopped', async () => {
  const limit: BudgetLimits = { per_minute: 60, per_day: 20_000, per_month: 600_000 };
  for (const [what, seconds] of [
    ['crash', 30],
    ['leave', 3],
  ] as const) {
    using site = openSite(limit);
    for (const machine of [0, 1]) await site.happen({ afterS: 0, machine, what: 'join' });
    await site.pass(60);
    await site.happen({ afterS: 0, machine: 0, what });
    await site.pass(seconds);
    assert.deepEqual(
      site.processes.map(({ machine, polls }) => [machine, polls]),
      [[1, true]],
      what,
    );
    await site.end();
  }
});

test('a collector that is cut off from the lake polls on, and makes way when it comes back', async () => {
  const limit: BudgetLimits = { per_minute: 60, per_day: 20_000, per_month: 600_000 };
  using site = openSite(limit);
  for (const machine of [0, 1]) await site.happen({ afterS: 0, machine, what: 'join' });
  await site.pass(60);
  await site.happen({ afterS: 0, machine: 0, what: 'cut' });
  await site.pass(60);
  const polling = () => site.processes.filter(({ polls }) => polls).map(({ machine }) => machine);
  assert.deepEqual(polling(), [0, 1], 'neither can know of the other');
  await site.happen({ afterS: 0, machine: 0, what: 'mend' });
  await site.pass(10);
  assert.deepEqual(polling(), [1]);
  await site.happen({ afterS: 0, machine: 1, what: 'cut' });
  await site.happen({ afterS: 0, machine: 0, what: 'crash' });
  const before = site.world.calls.length;
  await site.pass(1_800);
  const calls = site.world.calls.length - before;
  assert.ok(calls > 150, `${calls} calls in half an hour without the lake`);
  await site.happen({ afterS: 0, machine: 1, what: 'mend' });
  await site.pass(120);
  await assertAllAsked(site);
  await site.end();
  assertWithin(limit, site.world);
});

test('a budget for a third of the calls lasts until the end of the day, for every city alike', async () => {
  const limit: BudgetLimits = { per_minute: 60, per_day: 120, per_month: 100_000 };
  using site = openSite(limit, Date.parse('2026-11-30T23:00:00Z'));
  for (const machine of [0, 1]) await site.happen({ afterS: 0, machine, what: 'join' });
  await site.pass(1_800);
  await site.happen({ afterS: 0, machine: 0, what: 'leave' });
  await site.pass(1_790);
  const { calls } = site.world;
  assert.ok(calls.length > 100, `${calls.length} calls`);
  const late = calls.filter(({ at }) => at >= Date.parse('2026-11-30T23:45:00Z'));
  assert.ok(late.length >= 15, `${late.length} calls in the last quarter of an hour`);
  const counts = CITIES.map(({ city_id }) => calls.filter((one) => one.cityId === city_id).length);
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 12, counts.join());
  await site.end();
  assertWithin(limit, site.world);
});
