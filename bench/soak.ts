/**
 * What `isobar start` takes over hours, without a viewer: memory by who holds it, open files and
 * processor time, a line a minute. `npm run bench soak -- --minutes 120 --speed 1`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessStatus, Status } from '../src/model/status.ts';
import type { Measured } from './main.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** Minutes after which memory may not grow any more. */
  readonly settleMinutes: number;
  /** How many times faster than the wall clock the simulator's runs. */
  readonly speed: number;
  readonly sampleSeconds: number;
  readonly onSample?: (sample: Sample) => void;
}

export interface Sample extends ProcessStatus {
  readonly minute: number;
  readonly cpu_s: number;
  readonly table_files: number;
  readonly table_rows: number;
}

export interface Soaked {
  readonly samples: readonly Sample[];
  /** Resident memory at the end, compared with that after settling: 0.05 is 5 % more. */
  readonly growth: number;
  readonly mostMib: number;
  /** Share of one core, after settling. */
  readonly cpuShare: number;
  /** Lines on stderr, after settling. */
  readonly logLines: number;
}

const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
const MIB = 1024 * 1024;
/** Memory swings between collections of garbage: medians of some samples are compared. */
const SAMPLES = 5;

export async function soak(options: SoakOptions): Promise<Soaked> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-soak-'));
  const child = spawn(process.execPath, [MAIN, 'start', '--data', folder, '--port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: '',
      ISOBAR_OPENWEATHER_KEY: '',
      ISOBAR_SIMULATOR_SPEED: String(options.speed),
    },
  });
  let lines = 0;
  child.stderr.on('data', (part: Buffer) => {
    lines += part.toString('latin1').split('\n').length - 1;
  });
  try {
    const url = await untilServed(join(folder, 'simulated', 'server.json'));
    const samples: Sample[] = [];
    let settledLines = 0;
    const startedAt = performance.now();
    for (let at = options.sampleSeconds; at <= options.minutes * 60; at += options.sampleSeconds) {
      await delay(Math.max(0, startedAt + at * 1_000 - performance.now()));
      const sample = { ...(await sampleOf(url)), minute: at / 60 };
      samples.push(sample);
      options.onSample?.(sample);
      if (sample.minute <= options.settleMinutes) settledLines = lines;
    }
    return { ...judge(samples, options), logLines: lines - settledLines };
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

function judge(samples: readonly Sample[], { settleMinutes }: SoakOptions) {
  const settled = samples.filter(({ minute }) => minute >= settleMinutes);
  const [first, last] = [settled[0], settled.at(-1)];
  if (first === undefined || last === undefined || settled.length < 2 * SAMPLES) {
    throw new Error(`${settled.length} samples after settling are too few`);
  }
  const before = median(settled.slice(0, SAMPLES));
  const after = median(settled.slice(-SAMPLES));
  return {
    samples,
    growth: after / before - 1,
    mostMib: Math.max(...settled.map((sample) => sample.resident_bytes)) / MIB,
    cpuShare: (last.cpu_s - first.cpu_s) / ((last.minute - first.minute) * 60),
  };
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map((sample) => sample.resident_bytes).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function sampleOf(url: string): Promise<Omit<Sample, 'minute'>> {
  const answer = await fetch(`${url}/api/status`);
  const { data } = (await answer.json()) as { data: Status };
  const { files, rows } = data.table;
  const cpu_s = cpuSeconds(data.process.pid);
  return { ...data.process, cpu_s, table_files: files, table_rows: rows };
}

/** Processor time of all threads, by the system's own count. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const TICKS_PER_SECOND = 100;
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function untilServed(note: string): Promise<string> {
  for (;;) {
    try {
      const { host, port } = JSON.parse(readFileSync(note, 'utf8'));
      return `http://${host}:${port}`;
    } catch {
      await delay(50);
    }
  }
}

export function formatSample(sample: Sample): string {
  const mib = (bytes: number) => (bytes / MIB).toFixed(0);
  const engine = Object.entries(sample.engine_bytes).map(
    ([use, bytes]) => `${use.toLowerCase()} ${mib(bytes)}`,
  );
  return (
    `${sample.minute.toFixed(1)} min: ${mib(sample.resident_bytes)} MiB resident, ` +
    `heap ${mib(sample.heap_used_bytes)} of ${mib(sample.heap_bytes)}, ` +
    `external ${mib(sample.external_bytes)}, engine ${engine.join(', ') || '0'}; ` +
    `${sample.open_files ?? '?'} open files, ${sample.table_files} data files, ` +
    `${sample.table_rows} rows, ${sample.cpu_s.toFixed(1)} s of processor`
  );
}

export async function benchSoak(): Promise<Measured[]> {
  const minutes = optionOf('--minutes', 120);
  const speed = optionOf('--speed', 1);
  const settleMinutes = Math.min(20, minutes / 3);
  const found = await soak({
    ...{ minutes, settleMinutes, speed, sampleSeconds: Math.min(60, minutes * 2) },
    onSample: (sample) => void process.stderr.write(`${formatSample(sample)}\n`),
  });
  const share = (100 * found.cpuShare).toFixed(1);
  return [
    {
      name: `start, ${minutes} minutes at ${speed} × the clock`,
      figure:
        `${(100 * found.growth).toFixed(1)} % more after ${settleMinutes.toFixed(0)} minutes, ` +
        `at most ${found.mostMib.toFixed(0)} MiB resident, ${share} % of a core, ` +
        `${found.logLines} log lines`,
      bar: `< 5 % more, < 400 MiB${speed === 1 ? ', < 1 % of a core' : ''}`,
      compared: 'itself after settling',
      reached: found.growth < 0.05 && found.mostMib < 400 && (speed > 1 || found.cpuShare < 0.01),
    },
  ];
}

function optionOf(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
}
