/** From the command to the first picture on a bare folder, and the memory it takes. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Measured } from './main.ts';

const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
const SETTLE_MS = 20_000;

export async function benchStart(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-bench-'));
  const startedAt = performance.now();
  const child = spawn(process.execPath, [MAIN, 'start', '--data', folder, '--port', '0'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ISOBAR_OPENWEATHER_KEY: '' },
  });
  try {
    const url = await untilServed(join(folder, 'simulated', 'server.json'));
    await untilDrawn(url);
    const seconds = (performance.now() - startedAt) / 1_000;
    await delay(SETTLE_MS);
    const mib = residentMib(child.pid ?? 0);
    return [
      {
        name: 'start → first picture',
        figure: `${seconds.toFixed(1)} s, ${mib} MiB resident`,
        bar: '< 10 s, < 400 MiB',
        compared: 'the chart’s figure with 7 days of 5 cities, from a bare folder',
        reached: seconds < 10 && mib < 400,
      },
    ];
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilServed(note: string): Promise<string> {
  for (;;) {
    try {
      const { host, port } = JSON.parse(readFileSync(note, 'utf8'));
      return `http://${host}:${port}`;
    } catch {
      await delay(20);
    }
  }
}

async function untilDrawn(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/api/temperature-chart`);
    const { data } = (await answer.json()) as { data?: { x: unknown[] }[] };
    if (data?.length === 5 && data.every((trace) => trace.x.length > 900)) return;
    await delay(20);
  }
}

/** Resident memory by the system's own count. */
function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024);
}
