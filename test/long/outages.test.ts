/** A real process and a provider that goes away: every cause of a gap is named by the API. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Availability, Outage } from '../../src/model/outages.ts';
import { openPlace, type Place } from '../cases/place.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const ANSWER = JSON.parse(
  readFileSync(
    join(import.meta.dirname, '../../src/collector/openweather/testcases/bare-rain/response.json'),
    'utf8',
  ),
);
/** The shortest interval that may be configured. */
const INTERVAL_S = 10;
/** Long enough for several observations to be missed, and the most of them by one cause. */
const PHASE_MS = 55_000;
const CITIES = 'name,country,latitude,longitude\nLondon,GB,51.5,-0.1\n';

interface Provider {
  readonly url: string;
  /** The observation that is answered; null for the newest. */
  frozen: number | null;
  away(): Promise<void>;
  back(): Promise<void>;
}

async function startProvider(): Promise<Provider> {
  let server: Server;
  let port = 0;
  const open = async () => {
    server = createServer((_, response) => {
      const newest = Math.floor(Date.now() / 1_000 / INTERVAL_S) * INTERVAL_S;
      const dt = provider.frozen ?? newest;
      response.end(JSON.stringify({ ...ANSWER, dt }));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  await open();
  const provider: Provider = {
    url: `http://127.0.0.1:${port}`,
    frozen: null,
    async away() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    back: open,
  };
  return provider;
}

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
}

async function start(place: Place, url: string, perDay = 100_000): Promise<Running> {
  const settings = {
    'openweather.url': url,
    'collector.interval_s': INTERVAL_S,
    'collector.delay_s': 0,
    'collector.cities': place.made('cities.csv'),
    'collector.budget.per_day': perDay,
    'collector.budget.per_month': 1_000_000,
    'table.landing_age_s': 1,
    'table.raw_export': false,
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const child = spawn(
    process.execPath,
    [MAIN, 'start', '--data', place.made('data'), '--port', '0', ...set],
    {
      env: { ...process.env, ISOBAR_OPENWEATHER_KEY: '0123456789abcdef0123456789abcdef' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const address = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+(?=\s|$)/.exec(output.replaceAll(url, ''))?.[0];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`it ended: ${output}`)));
  });
  return { child, url: address };
}

async function end({ child }: Running, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

async function ask<Row>(url: string): Promise<{ readonly data: readonly Row[] }> {
  return (await fetch(url)).json() as Promise<{ readonly data: readonly Row[] }>;
}

async function untilObserved({ url }: Running, since: number): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const { data } = await ask<{ observed_at: string }>(`${url}/api/raw-data?limit=1`);
    if (Date.parse(data[0]?.observed_at ?? '') >= since) return;
    assert.ok(performance.now() < deadline, `no observation since ${new Date(since)}`);
    await delay(200);
  }
}

/** The API looks at whole minutes: what has just ended is listed in the next one. */
async function outagesUntil({ url }: Running, last: number): Promise<readonly Outage[]> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const { data } = await ask<Outage>(`${url}/api/outages`);
    const newest = Date.parse(data[0]?.to ?? '');
    if (newest > last - PHASE_MS / 2) return data;
    assert.ok(performance.now() < deadline, JSON.stringify(data[0]));
    await delay(1_000);
  }
}

test('the provider away, silent, the budget spent, polling paused, the process killed', async (t) => {
  using place = openPlace('', '');
  place.write('cities.csv', CITIES);
  const provider = await startProvider();
  let running = await start(place, provider.url);
  const phases: { cause: string; from: number; to: number }[] = [];
  /** What happens in a phase is over when `after` has been done and an observation has come. */
  async function phase(cause: string, before: () => unknown, after: () => unknown) {
    await untilObserved(running, Date.now() - 2_000 * INTERVAL_S);
    const from = Date.now();
    await before();
    await delay(PHASE_MS);
    const to = Date.now();
    await after();
    await untilObserved(running, to);
    phases.push({ cause, from, to });
    t.diagnostic(`${cause}: ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`);
  }
  const command = (what: string) => fetch(`${running.url}/api/${what}`, { method: 'POST' });
  const restart = (perDay?: number) => async () => {
    running = await start(place, provider.url, perDay);
  };
  try {
    const now = () => Math.floor(Date.now() / 1_000 / INTERVAL_S) * INTERVAL_S;
    await phase(
      'station',
      () => {
        provider.frozen = now();
      },
      () => {
        provider.frozen = null;
      },
    );
    await phase('provider', provider.away, provider.back);
    await phase(
      'paused',
      () => command('pause'),
      () => command('resume'),
    );
    await phase('isobar', () => end(running, 'SIGKILL'), restart());
    await phase(
      'network',
      async () => {
        await end(running, 'SIGTERM');
        running = await start(place, 'http://provider.invalid');
      },
      async () => {
        await end(running, 'SIGTERM');
        await restart()();
      },
    );
    await phase(
      'budget',
      async () => {
        await end(running, 'SIGTERM');
        await restart(1)();
      },
      async () => {
        await end(running, 'SIGTERM');
        await restart()();
      },
    );
    const data = await outagesUntil(running, phases.at(-1)?.to ?? 0);
    for (const { cause, from, to } of phases) {
      const found = data.filter(
        (row) => Date.parse(row.from) < to && Date.parse(row.to ?? '') > from,
      );
      const silent = Map.groupBy(found, (row) => row.cause);
      const lengths = [...silent].map(
        ([name, rows]) => [name, rows.reduce((sum, row) => sum + row.silent_s, 0)] as const,
      );
      const [most] = lengths.sort(([, a], [, b]) => b - a);
      assert.equal(most?.[0], cause, JSON.stringify(found));
      assert.ok((most?.[1] ?? 0) >= 2 * INTERVAL_S, JSON.stringify(found));
    }
    const years = await ask<Availability>(`${running.url}/api/availability?period=year`);
    const [year] = years.data;
    t.diagnostic(JSON.stringify(year));
    assert.ok(Number(year?.station_pct) > Number(year?.pct) && Number(year?.station_pct) < 100);
  } finally {
    running.child.kill('SIGKILL');
    await provider.away();
  }
});
