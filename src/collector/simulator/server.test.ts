import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type City, DEFAULT_CITIES } from '../../model/city.ts';
import type { FaultRates, InjectedFault } from './faults.ts';
import { historyOf } from './history.ts';
import { newestDt, type Simulator, type SimulatorOptions, startSimulator } from './server.ts';

const EPOCH = new Date('2025-06-15T12:34:56Z');
const LONDON = DEFAULT_CITIES[1] as City;
let simulator: Simulator | undefined;
afterEach(() => simulator?.stop());

let wall = 0;
const clock = () => new Date(wall);

async function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  wall = Date.UTC(2030, 0, 1);
  const common = { seed: 7, intervalSeconds: 60, epoch: EPOCH, cities: DEFAULT_CITIES, clock };
  simulator = await startSimulator({ ...common, ...options });
  return simulator;
}

function ask(query = '', signal = AbortSignal.timeout(5_000)): Promise<Response> {
  const { latitude, longitude } = LONDON;
  const path = `data/2.5/weather?lat=${latitude}&lon=${longitude}&units=metric&appid=k${query}`;
  return fetch(`${simulator?.url}/${path}`, { signal });
}

interface Told {
  readonly name: string;
  readonly cod: number;
  readonly dt: number;
  readonly timezone: number;
  readonly sys: { readonly country: string };
  readonly main: { readonly temp: number };
  readonly wind: { readonly speed: number };
}

async function jsonOf<T = Told>(asked: Promise<Response>): Promise<T> {
  return (await (await asked).json()) as T;
}

/** What a fault makes of a request, as the caller sees it. */
async function meet(rates: FaultRates) {
  simulator?.setFaults(rates);
  const response = await ask();
  return { response, text: await response.text() };
}

test('it answers as the provider does, in each of its units', async () => {
  await start();
  const metric = await jsonOf(ask());
  const { name, cod, sys, timezone, dt } = metric;
  assert.deepEqual([name, cod, sys.country, timezone], ['London', 200, 'GB', 3_600]);
  assert.equal(dt, newestDt(7, LONDON, EPOCH, 60));
  const standard = await jsonOf(ask('&units='));
  assert.equal(standard.dt, dt);
  const url = `${simulator?.url}/data/2.5/weather?lat=51.5074&lon=-0.1278&appid=k`;
  const kelvin = await jsonOf(fetch(url));
  const imperial = await jsonOf(fetch(`${url}&units=imperial`));
  assert.ok(Math.abs(kelvin.main.temp - metric.main.temp - 273.15) < 0.011);
  assert.ok(Math.abs((imperial.main.temp - 32) / 1.8 - metric.main.temp) < 0.011);
  assert.ok(Math.abs(imperial.wind.speed * 0.44704 - metric.wind.speed) < 0.011);
});

test('it refuses what the provider refuses', async () => {
  await start({ key: 'right' });
  const base = `${simulator?.url}/data/2.5/weather`;
  for (const [query, status, message] of [
    ['?lat=1&lon=1', 401, 'Invalid API key'],
    ['?lat=1&lon=1&appid=wrong', 401, 'Invalid API key'],
    ['?appid=right', 400, 'Nothing to geocode'],
    ['?lat=x&lon=1&appid=right', 400, 'Nothing to geocode'],
    ['?lat=91&lon=1&appid=right', 400, 'wrong latitude'],
    ['?lat=1&lon=-181&appid=right', 400, 'wrong longitude'],
  ] as const) {
    const response = await fetch(base + query);
    assert.equal(response.status, status, query);
    assert.ok(((await response.json()) as { message: string }).message.startsWith(message), query);
  }
  assert.equal((await fetch(`${simulator?.url}/elsewhere`)).status, 404);
});

test('each fault of a request, over HTTP', async () => {
  await start();
  const well = JSON.parse((await meet({})).text);
  const quota = await meet({ quota: 1 });
  assert.deepEqual([quota.response.status, quota.response.headers.get('retry-after')], [429, '2']);
  const silent = await meet({ quota_without_retry_after: 1 });
  assert.deepEqual(
    [silent.response.status, silent.response.headers.get('retry-after')],
    [429, null],
  );
  assert.equal((await meet({ key_refused: 1 })).response.status, 401);
  assert.equal((await meet({ server_error: 1 })).response.status, 500);
  assert.match((await meet({ html: 1 })).text, /^<html>/);
  assert.ok((await meet({ huge: 1 })).text.length > 2 * 1024 * 1024);
  const badJson = await meet({ bad_json: 1 });
  assert.equal(badJson.response.status, 200);
  assert.throws(() => JSON.parse(badJson.text), SyntaxError);
  await assert.rejects(meet({ cut: 1 }), /terminated|fetch failed/);
  const missing = JSON.parse((await meet({ missing_fields: 1 })).text);
  assert.deepEqual([missing.dt, missing.main, missing.name], [undefined, undefined, 'London']);
  assert.equal(JSON.parse((await meet({ late: 1 })).text).dt, well.dt - 6 * 60);
  assert.equal(JSON.parse((await meet({ repeated: 1 })).text).dt, well.dt - 60);
  simulator?.setFaults({ slow: 1 });
  await assert.rejects(ask('', AbortSignal.timeout(300)), { name: 'TimeoutError' });
  assert.deepEqual(JSON.parse((await meet({})).text), well);
});

test('rates are shares: half of many requests meet a fault', async () => {
  await start({ faults: { server_error: 0.25, quota: 0.25 } });
  const counts: Record<number, number> = {};
  for (let request = 0; request < 400; request++) {
    const { status, body } = await ask();
    await body?.cancel();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  assert.equal(simulator?.requests, 400);
  for (const [status, wanted] of [
    [200, 200],
    [429, 100],
    [500, 100],
  ] as const) {
    assert.ok(Math.abs((counts[status] ?? 0) - wanted) < 40, JSON.stringify(counts));
  }
});

test('faults are set over HTTP, and only known ones', async () => {
  await start();
  const post = (body: string) =>
    fetch(`${simulator?.url}/simulator/faults`, { method: 'POST', body });
  assert.equal((await post('{"server_error": 1}')).status, 200);
  assert.equal((await ask()).status, 500);
  for (const body of ['{"sever_error": 1}', '{"server_error": 2}', 'x', '3', 'null']) {
    assert.equal((await post(body)).status, 400, body);
  }
  assert.deepEqual(await jsonOf(fetch(`${simulator?.url}/simulator/faults`)), {
    server_error: 1,
  });
});

test('what the sensors were made to say is recorded, with the truth', async () => {
  for (const kind of ['spike', 'drift', 'stuck'] as const) {
    await start();
    const truth = (await jsonOf(ask())).main.temp;
    simulator?.setFaults({ [kind]: 1 });
    const reported = (await jsonOf(ask())).main.temp;
    assert.equal((await jsonOf(ask())).main.temp, reported);
    const injected = await jsonOf<InjectedFault[]>(fetch(`${simulator?.url}/simulator/injected`));
    assert.equal(injected.length, 1);
    const fault = injected[0] as InjectedFault;
    assert.deepEqual([fault.kind, fault.latitude], [kind, LONDON.latitude]);
    assert.ok(Math.abs(fault.true_temperature_c - truth) < 0.011);
    assert.ok(Math.abs(fault.reported_temperature_c - reported) < 0.011);
    if (kind === 'spike') assert.ok(Math.abs(reported - truth) >= 7.9);
    await simulator?.stop();
  }
});

test('its clock runs at its speed, and an answer changes once an interval', async () => {
  const { now } = await start({ speed: 600 });
  assert.equal(now().getTime(), EPOCH.getTime());
  wall += 1_000;
  assert.equal(now().getTime(), EPOCH.getTime() + 600_000);
  const dts: number[] = [];
  for (let step = 0; step < 20; step++) {
    wall += 50;
    dts.push((await jsonOf(ask())).dt);
  }
  // 50 ms are half a minute here.
  assert.equal(new Set(dts).size, 10 + (dts[0] === dts[1] ? 0 : 1));
  for (const dt of dts) assert.equal((dt - (dts[0] ?? 0)) % 60, 0);
  const reported = await jsonOf(fetch(`${simulator?.url}/simulator/clock`));
  assert.deepEqual(reported, { now: now().getTime() / 1_000, speed: 600 });
});

test('the history is what the server would have answered', async () => {
  const to = new Date(EPOCH.getTime() + 20 * 60_000);
  for (const city of DEFAULT_CITIES) {
    await start();
    const options = { seed: 7, city, from: EPOCH, to, stepSeconds: 60 };
    const history = [...historyOf(options)];
    assert.equal(history.length, 20);
    for (const { dt, body } of history) {
      const path = `data/2.5/weather?lat=${city.latitude}&lon=${city.longitude}&units=metric&appid=k`;
      wall += 60_000;
      const answer = await jsonOf(fetch(`${simulator?.url}/${path}`));
      assert.equal(answer.dt, dt);
      assert.deepEqual(answer, JSON.parse(body), city.name);
    }
    await simulator?.stop();
  }
});

test('the same seed answers the same, another one does not', async () => {
  await start();
  const first = await jsonOf(ask());
  await simulator?.stop();
  await start();
  assert.deepEqual(await jsonOf(ask()), first);
  await simulator?.stop();
  await start({ seed: 8 });
  assert.notDeepEqual((await jsonOf(ask())).main, first.main);
});
