/**
 * The whole pipeline where all is encrypted and every client logs in: it gives what it gives elsewhere,
 * and a capture of everything that went over the network holds no secret and no city in the clear.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheFolder, resolveDistribution } from '../../src/cluster/artifacts.ts';
import { type DebianProgram, resolveProgram } from '../../src/cluster/debian.ts';
import { IsobarError } from '../../src/errors.ts';
import { DEFAULT_CITIES } from '../../src/model/city.ts';
import { canBeAlone, isAlone, testAlone } from '../support/alone.ts';
import { until } from '../support/until.ts';
import { resolveKerberos } from './kerberos-library.ts';
import { startSecuredCluster } from './secured-cluster.ts';
import { absent, service } from './services.ts';

const TIMEOUT_MS = 900_000;
/** Sent on purpose, so that it is known that the capture hears. */
const IN_THE_CLEAR = 'said-in-the-clear-for-the-capture';
const KEY = 'a-key-of-the-test';

test('the whole pipeline runs on a secured cluster, and says nothing in the clear', {
  skip: service('kafka') === null && absent('kafka'),
  timeout: TIMEOUT_MS,
}, async () => {
  if (!isAlone && (await canBeAlone())) {
    await bringPrograms();
    const { passed, output } = await testAlone(import.meta.filename);
    return assert.ok(passed, output);
  }
  await using cluster = await startSecuredCluster('--only', 'kafka,hdfs,spark,redis,opensearch');
  await using capture = await startCapture();
  await capture.hears();
  const { passed, output } = await cluster.test('pipeline.test.ts');
  assert.ok(passed, output);
  await capture.stop();
  const { security } = cluster.note.addresses;
  assert.ok(security !== undefined);
  const passwords = Object.values(security.passwordFiles).map((path) => readFileSync(path, 'utf8'));
  const cities = DEFAULT_CITIES.flatMap(({ city_id, name }) => [city_id, name]);
  const found = await capture.find([IN_THE_CLEAR, KEY, ...passwords, ...cities]);
  assert.deepEqual(found, [IN_THE_CLEAR]);
});

/** Neither Debian nor Maven is reached from a network of our own. */
async function bringPrograms(): Promise<void> {
  const cache = cacheFolder(process.env);
  await resolveKerberos();
  for (const distribution of ['kafka', 'hadoop', 'spark', 'opensearch'] as const) {
    await resolveDistribution(distribution, cache);
  }
  await resolveProgram('krb5kdc', 'krb5-admin-server', cache);
  await resolveProgram('redis-server', 'redis-server', cache);
  await resolveProgram('tcpdump', 'tcpdump', cache);
}

interface Capture extends AsyncDisposable {
  /** Resolves once a packet was heard. */
  hears(): Promise<void>;
  stop(): Promise<void>;
  /** Those of the words that are in it. */
  find(words: readonly string[]): Promise<string[]>;
}

/** Everything on this machine's own network, by tcpdump. */
async function startCapture(): Promise<Capture> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-capture-'));
  const file = join(folder, 'packets.pcap');
  const program = await resolveProgram('tcpdump', 'tcpdump', cacheFolder(process.env));
  const child = await listen(program, file);
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill('SIGINT');
    await ended;
  };
  const find = (words: readonly string[]) => findIn(file, words);
  return {
    stop,
    find,
    async hears() {
      const socket = createSocket('udp4');
      await until('the capture hears', async () => {
        socket.send(IN_THE_CLEAR, 9, '127.0.0.1');
        return (await find([IN_THE_CLEAR])).length > 0;
      });
      socket.close();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listen({ path, env }: DebianProgram, file: string): Promise<ChildProcess> {
  const options = ['-i', 'lo', '-s', '0', '-B', '131072', '-U', '-Z', 'root', '-w', file];
  const child = spawn(path, options, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(
    () => `tcpdump listens: ${said}`,
    () => {
      if (child.exitCode !== null) throw new IsobarError('CLUSTER_FAILED', `tcpdump: ${said}`);
      return said.includes('listening on');
    },
    30_000,
  );
  return child;
}

/** Reads the file once; a word may lie across two parts of it. */
async function findIn(file: string, words: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const longest = Math.max(...words.map((word) => Buffer.byteLength(word)));
  let before = Buffer.alloc(0);
  for await (const part of createReadStream(file) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([before, part]);
    for (const word of words) if (bytes.includes(word)) found.add(word);
    before = bytes.subarray(Math.max(0, bytes.length - longest));
  }
  return words.filter((word) => found.has(word));
}
