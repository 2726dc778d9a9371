import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { IsobarError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { openHealthPort } from './health-port.ts';
import { startPipeline } from './pipeline.ts';

const host = '127.0.0.1';

async function ask(port: number, path: string, method = 'GET') {
  const answer = await fetch(`http://${host}:${port}${path}`, { method });
  return { status: answer.status, text: (await answer.text()).trim() };
}

test('a process is alive from the beginning, and ready once it works', async () => {
  await using health = await openHealthPort({ host, port: 0 });
  const { port } = health;
  assert.deepEqual(await ask(port, '/livez'), { status: 200, text: 'ok' });
  assert.deepEqual(await ask(port, '/readyz'), { status: 503, text: 'it is starting or stopping' });
  health.isReady = true;
  assert.deepEqual(await ask(port, '/readyz'), { status: 200, text: 'ok' });
  assert.equal((await ask(port, '/livez', 'HEAD')).status, 200);
  assert.equal((await ask(port, '/livez', 'POST')).status, 405);
  assert.equal((await ask(port, '/api/status')).status, 404);
});

test('an address that cannot be had is named by its setting', async () => {
  await using health = await openHealthPort({ host, port: 0 });
  const refusal = async (place: { host: string; port: number }) => {
    const error = await openHealthPort(place).catch((cause: unknown) => cause);
    assert.ok(error instanceof IsobarError, String(error));
    return `${error.code} ${error.message}`;
  };
  assert.match(await refusal({ host, port: health.port }), /^PORT_TAKEN health\.port: port \d+/);
  assert.match(await refusal({ host: '192.0.2.1', port: 0 }), /^CONFIG_INVALID health\.host: "192/);
});

test('a process that lands answers probes until it stops', async () => {
  const data = mkdtempSync(join(tmpdir(), 'isobar-health-'));
  try {
    // A port that is free, and no longer held.
    const probe = await openHealthPort({ host, port: 0 });
    await probe[Symbol.asyncDispose]();
    const { port } = probe;
    const flags = { data, 'collector.source': 'none', 'health.port': String(port) };
    const { config } = loadConfig({ file: null, env: {}, flags });
    const pipeline = await startPipeline({
      config,
      roles: ['land'],
      logger: silentLogger,
      version: '0',
      command: 'isobar land',
      webFolder: null,
    });
    try {
      assert.equal((await ask(port, '/livez')).status, 200);
      assert.equal((await ask(port, '/readyz')).status, 200);
    } finally {
      await pipeline[Symbol.asyncDispose]();
    }
    await assert.rejects(ask(port, '/livez'));
  } finally {
    rmSync(data, { recursive: true });
  }
});
