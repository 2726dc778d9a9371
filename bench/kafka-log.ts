/**
 * Appending to and reading from a topic of Kafka with each compression, through the log's port:
 *
 *     node bench/kafka-log.ts BROKERS [RECORDS] [COMPRESSION,…]
 *
 * Records of about 300 bytes, appended 1,000 at a time, by one caller and by four; read back in the
 * slices of a landing. The topics stay; their names begin with `bench-`.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import type { Log, NewRecord } from '../src/log/log.ts';
import { openLog } from '../src/log/open.ts';

const BATCH = 1_000;
const SLICE = { records: 4_000, bytes: 4 * 1024 * 1024 };
const [brokers = '127.0.0.1:9092', count = '300000', codecs = 'none,snappy,lz4,zstd,gzip'] =
  process.argv.slice(2);

/** Digits that look like weather: compressible, but not all alike. */
function makeRecords(length: number): NewRecord[] {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const round = (value: number) => Math.round(value * 100) / 100;
  return Array.from({ length }, (_, i) => {
    const key = `city-${i % 1_000}`;
    const at = 1_700_000_000_000 + Math.floor(i / 1_000) * 600_000;
    const record = {
      city_id: key,
      city: `City ${i % 1_000}`,
      country: 'DE',
      observed_at: new Date(at).toISOString(),
      collected_at: new Date(at + 5_000 * random()).toISOString(),
      source: 'openweathermap',
      interval_s: 600,
      temperature_c: round(40 * random() - 10),
      humidity_pct: Math.round(100 * random()),
      pressure_hpa: round(980 + 50 * random()),
      wind_speed_ms: round(20 * random()),
      wind_direction_deg: Math.round(360 * random()),
    };
    return { key, value: Buffer.from(JSON.stringify(record)) };
  });
}

async function timed(work: () => Promise<void>): Promise<{ ms: number; cpuSeconds: number }> {
  const started = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - started, cpuSeconds: (user + system) / 1e6 };
}

async function readAll(log: Log): Promise<void> {
  for (let partition = 0; partition < log.partitionCount; partition++) {
    for (let at = 0n; ; ) {
      const last = (await log.read(partition, at, SLICE)).at(-1);
      if (last === undefined) break;
      at = last.offset + 1n;
    }
  }
}

const records = makeRecords(Number(count));
const bytes = records.reduce((sum, { value }) => sum + value.length, 0) / records.length;
console.log(`${records.length} records of ${bytes.toFixed(0)} bytes at ${brokers}`);
const rate = (ms: number) => `${Math.round(records.length / ms)}k/s`;
const folder = await mkdtemp(join(tmpdir(), 'isobar-bench-'));
for (const codec of codecs.split(',')) {
  const flags = {
    'log.engine': 'kafka',
    'log.kafka.brokers': brokers,
    'log.kafka.topic': `bench-${randomUUID()}`,
    'log.kafka.compression': codec,
  };
  await using log = await openLog(loadConfig({ file: null, env: {}, flags }).config.log, folder);
  const one = await timed(async () => {
    for (let at = 0; at < records.length; at += BATCH) {
      await log.append(records.slice(at, at + BATCH));
    }
  });
  const size = (await log.size()).bytes / records.length;
  const reads: string[] = [];
  let cpu = 0;
  for (let round = 0; round < 3; round++) {
    const { ms, cpuSeconds } = await timed(() => readAll(log));
    reads.push(rate(ms));
    cpu = cpuSeconds;
  }
  const four = await timed(async () => {
    for (let at = 0; at < records.length; at += 4 * BATCH) {
      const starts = [0, 1, 2, 3].map((step) => at + step * BATCH);
      await Promise.all(starts.map((start) => log.append(records.slice(start, start + BATCH))));
    }
  });
  console.log(
    `${codec.padEnd(6)} append ${rate(one.ms)} (${one.cpuSeconds.toFixed(2)} CPU s), ` +
      `four callers ${rate(four.ms)}; ${size.toFixed(0)} bytes a record in the topic; ` +
      `read ${reads.join(', ')} (${cpu.toFixed(2)} CPU s)`,
  );
}
await rm(folder, { recursive: true });
