/** Starting while Kafka is away: with a topic that was seen before, what is collected waits. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../src/config/load.ts';
import { isErrorCode } from '../src/errors.ts';
import type { Logger } from '../src/logger.ts';
import { silentLogger } from '../src/logger.ts';
import type { Status } from '../src/model/status.ts';
import { ROLES, type Role, startPipeline } from '../src/pipeline/pipeline.ts';
import { openWorkspace } from '../src/pipeline/workspace.ts';
import { until } from './support/until.ts';

const TOPIC_ID = '11111111-2222-4333-8444-555555555555';

/** An address that refuses connections. */
async function unusedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

async function withFolder(run: (folder: string, brokers: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-away-'));
  try {
    await run(folder, await unusedAddress());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a process of this folder has left that saw the topic. */
function rememberTopic(folder: string): void {
  const note = {
    topic: 'weather_data_simulated',
    id: TOPIC_ID,
    partitions: 3,
    retentionMs: 7 * 86_400_000,
    batchBytesMax: 2 * 1024 * 1024,
  };
  mkdirSync(join(folder, 'simulated', 'log'), { recursive: true });
  writeFileSync(join(folder, 'simulated', 'log', 'kafka.json'), JSON.stringify(note));
}

function configOf(folder: string, brokers: string) {
  const flags = {
    data: folder,
    'log.engine': 'kafka',
    'log.kafka.brokers': brokers,
    'log.kafka.timeout_s': '1',
    'collector.source': 'simulator',
    'simulator.interval_s': '1',
    'api.port': '0',
  };
  return loadConfig({ file: null, env: {}, flags }).config;
}

async function start(folder: string, brokers: string, roles: readonly Role[], logger: Logger) {
  const config = configOf(folder, brokers);
  const command = 'isobar test';
  return startPipeline({ config, roles, logger, version: '0.0.0', command, webFolder: null });
}

test('everything starts without Kafka where its topic was seen before, and says so', () =>
  withFolder(async (folder, brokers) => {
    rememberTopic(folder);
    const warnings: string[] = [];
    const warn = (...words: unknown[]) => void warnings.push(words.map(String).join(' '));
    const logger = { ...silentLogger, warn } as Logger;
    await using pipeline = await start(folder, brokers, ROLES, logger);
    assert.match(warnings.join('\n'), /opening the log: .*what is collected waits on this machine/);
    const status = await until('records wait, and the status says so', async () => {
      const answer = await fetch(`${pipeline.url}/api/status`);
      if (!answer.ok) return null;
      const { data } = (await answer.json()) as { data: Status };
      return data.log.spool !== null && data.log.spool.records >= 5 ? data : null;
    });
    assert.equal(status.log.id, TOPIC_ID);
    assert.equal(status.log.error?.code, 'LOG_UNAVAILABLE');
    assert.equal(status.collector?.state, 'live');
  }));

test('a collector alone starts so, too, and what it collected is there for the next one', () =>
  withFolder(async (folder, brokers) => {
    rememberTopic(folder);
    const waiting = async () => {
      await using workspace = await openWorkspace(configOf(folder, brokers), true);
      const log = await workspace.log();
      return (await log.size().catch(() => null))?.waiting?.records ?? 0n;
    };
    {
      await using _pipeline = await start(folder, brokers, ['collect'], silentLogger);
      await until('records wait', async () => (await waiting()) > 0n);
    }
    assert.ok((await waiting()) > 0n);
  }));

test('a first start without Kafka is an error that names it', () =>
  withFolder(async (folder, brokers) => {
    for (const roles of [ROLES, ['collect']] as const) {
      await assert.rejects(start(folder, brokers, roles, silentLogger), (error) => {
        assert.ok(isErrorCode(error, 'LOG_UNAVAILABLE'), String(error));
        assert.match(String(error), new RegExp(brokers));
        return true;
      });
    }
  }));
