/** The API at 1,000 requests a second while observations come in; time from collection to page. */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../src/config/load.ts';
import { silentLogger } from '../src/logger.ts';
import { ROLES, startPipeline } from '../src/pipeline/pipeline.ts';
import { readEvents } from './events.ts';
import { quantile } from './figures.ts';
import type { Measured } from './main.ts';

const REQUESTS_PER_SECOND = 1_000;
const SECONDS = 15;
const PATHS = [
  '/api/city-statistics',
  '/api/hourly-trends',
  '/api/anomalies',
  '/api/cities',
  '/api/status',
];

export async function benchApi(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-bench-'));
  try {
    const flags = { data: folder, 'simulator.interval_s': '10' };
    const defaults = { 'table.landing_age_s': 1, 'api.port': 0 };
    const { config } = loadConfig({ file: null, env: {}, flags, defaults });
    await using pipeline = await startPipeline({
      config,
      roles: ROLES,
      logger: silentLogger,
      version: '0.0.0',
      command: 'isobar bench',
      webFolder: null,
    });
    await pipeline.settle();
    const latencies = await load(pipeline.url ?? '');
    const delays = await timeUntilReported(pipeline.url ?? '');
    return [
      {
        name: `API at ${REQUESTS_PER_SECOND} requests/s while collecting and landing`,
        figure: `p50 ${quantile(latencies, 0.5)} ms, p99 ${quantile(latencies, 0.99)} ms (${latencies.length} answers)`,
        bar: 'p99 < 20 ms',
        compared: 'client, server, landing and analytics on the same cores',
        reached: quantile(latencies, 0.99) < 20,
      },
      {
        name: 'collected → received by the page',
        figure: `p95 ${quantile(delays, 0.95)} ms (${delays.length} observations)`,
        bar: 'p95 < 1,000 ms',
        compared: 'from `collected_at` to the event’s arrival',
        reached: quantile(delays, 0.95) < 1_000,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Requests at a steady throttle, whether or not the ones before were answered. */
async function load(url: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const latencies: number[] = [];
  const failures: unknown[] = [];
  const startedAt = performance.now();
  let sent = 0;
  while (sent < REQUESTS_PER_SECOND * SECONDS) {
    const due = ((performance.now() - startedAt) / 1_000) * REQUESTS_PER_SECOND;
    for (; sent < due; sent++) {
      const at = performance.now();
      get(url + (PATHS[sent % PATHS.length] ?? ''), { agent }, (response) => {
        response.resume();
        response.once('end', () => latencies.push(performance.now() - at));
      }).once('error', (error) => failures.push(error));
    }
    await delay(1);
  }
  while (latencies.length + failures.length < sent) await delay(10);
  agent.destroy();
  if (failures.length > 0) throw failures[0];
  return latencies;
}

/** Milliseconds from an observation's `collected_at` until its event came. */
async function timeUntilReported(url: string): Promise<number[]> {
  const delays: number[] = [];
  for await (const event of readEvents(url, AbortSignal.timeout(35_000))) {
    if (!event.includes('event: observation')) continue;
    const data = JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? '{}');
    const collected = Date.parse((data.observation ?? data).collected_at ?? '');
    const ms = Date.now() - collected;
    // Those that were there before we listened are replayed first.
    if (ms < 8_000) delays.push(ms);
  }
  return delays;
}
