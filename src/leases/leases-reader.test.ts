import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLocalStorage } from '../lake/local.ts';
import { silentLogger } from '../logger.ts';
import { openLeases } from './leases.ts';
import { openLeasesReader } from './leases-reader.ts';

test('whoever takes no lease sees who holds which, and who fell silent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-leases-'));
  try {
    await using storage = await openLocalStorage(folder);
    let [wall, reads] = [Date.now(), 0];
    const counting = {
      list: () => storage.list('weather_data/_leases'),
      read(path: string) {
        reads += 1;
        return storage.read(path);
      },
    };
    const reader = openLeasesReader({ storage: counting, wall: () => wall });
    assert.deepEqual(await reader.read(), []);

    const options = { storage, command: 'isobar land', logger: silentLogger, heartbeatMs: 10_000 };
    await using first = await openLeases(options);
    await using second = await openLeases(options);
    const partition = await first.take('partition', 2);
    await second.take('analyze', 0, () => ({ engine: 'duckdb' }));
    const shown = async () =>
      (await reader.read()).map(({ role, number, isSilent }) => `${role} ${number} ${isSilent}`);
    assert.deepEqual(await shown(), ['analyze 0 false', 'partition 2 false']);
    const [analyze] = await reader.read();
    assert.deepEqual(analyze?.text.detail, { engine: 'duckdb' });
    assert.equal(analyze?.text.pid, process.pid);
    assert.ok(Math.abs((analyze?.lastSignAt.getTime() ?? 0) - wall) < 60_000);
    assert.equal(reads, 2, 'what was not written since is not read again');

    await partition?.release();
    assert.deepEqual(await shown(), ['analyze 0 false'], 'a released lease is not shown');
    await first.take('partition', 2);
    assert.deepEqual(await shown(), ['analyze 0 false', 'partition 2 false']);

    wall = (analyze?.lastSignAt.getTime() ?? 0) + 24_900;
    assert.equal((await shown())[0], 'analyze 0 false');
    wall += 200;
    assert.equal((await shown())[0], 'analyze 0 true', 'two and a half heartbeats without a sign');
    wall += 3_600_000;
    assert.deepEqual(await shown(), [], 'gone for good');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a holder that has ended on this machine is silent at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-leases-'));
  try {
    await using storage = await openLocalStorage(folder);
    const gone = { place: 'here', pid: 2 ** 30, began: '1' };
    const options = { storage, command: 'isobar land', logger: silentLogger, heartbeatMs: 10_000 };
    await using leases = await openLeases({ ...options, process: gone });
    await leases.take('partition', 0);
    const [seen] = await openLeasesReader({ storage, place: 'here' }).read();
    assert.equal(seen?.isSilent, true);
    const [elsewhere] = await openLeasesReader({ storage, place: 'elsewhere' }).read();
    assert.equal(elsewhere?.isSilent, false);
  } finally {
    await rm(folder, { recursive: true });
  }
});
