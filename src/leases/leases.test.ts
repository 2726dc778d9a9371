import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { LEASES_FOLDER } from '../lake/layout.ts';
import { openLocalStorage } from '../lake/local.ts';
import type { Storage } from '../lake/storage.ts';
import { silentLogger } from '../logger.ts';
import { type Leases, openLeases } from './leases.ts';

const HEARTBEAT_MS = 10_000;

/** One machine after the other on one storage, each with clocks of its own. */
class Machines implements AsyncDisposable {
  readonly folder: string;
  readonly storage: Storage;
  readonly #opened: Leases[] = [];

  constructor(folder: string, storage: Storage) {
    this.folder = folder;
    this.storage = storage;
  }

  static async make(): Promise<Machines> {
    const folder = await mkdtemp(join(tmpdir(), 'isobar-leases-'));
    return new Machines(folder, await openLocalStorage(folder));
  }

  async add(change: { storage?: Storage } = {}) {
    const now = { monotonic: Math.random() * 1e9, wall: Math.random() * 1e12 };
    const leases = await openLeases({
      storage: change.storage ?? this.storage,
      command: 'isobar test',
      logger: silentLogger,
      heartbeatMs: HEARTBEAT_MS,
      monotonic: () => now.monotonic,
      wall: () => now.wall,
      process: { place: '', pid: 1, began: '' },
    });
    this.#opened.push(leases);
    const pass = (ms: number) => {
      now.monotonic += ms;
      now.wall += ms;
    };
    return { leases, now, pass };
  }

  async files(): Promise<string[]> {
    const place = join(this.folder, LEASES_FOLDER);
    const found = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []);
    return found.filter((entry) => entry.isFile()).map((entry) => entry.name);
  }

  async [Symbol.asyncDispose]() {
    for (const leases of this.#opened) await leases[Symbol.asyncDispose]();
    await this.storage[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }
}

async function stateSeenBy(leases: Leases): Promise<string | undefined> {
  return (await leases.look())[0]?.state;
}

describe('leases', () => {
  it('go to one of all who take them at the same moment', async () => {
    await using machines = await Machines.make();
    const all = await Promise.all(Array.from({ length: 8 }, () => machines.add()));
    for (let round = 0; round < 5; round++) {
      const taken = await Promise.all(all.map(({ leases }) => leases.take('analyze', round)));
      assert.equal(taken.filter((lease) => lease !== null).length, 1);
    }
  });

  it('are taken over once they were watched unchanged for 2.5 heartbeats, no sooner', async () => {
    await using machines = await Machines.make();
    const [holder, other] = [await machines.add(), await machines.add()];
    const held = await holder.leases.take('export', 0, () => ({ lag: 7 }));
    assert.equal(held?.name, 'export-0.1');
    assert.equal(await other.leases.take('export', 0), null);
    const [seen] = other.leases.seen;
    assert.deepEqual(
      [seen?.detail, seen?.command, seen?.isMine],
      [{ lag: 7 }, 'isobar test', false],
    );
    other.now.wall += 1e9;
    assert.equal(await stateSeenBy(other.leases), 'live', 'the wall clock says nothing');
    other.pass(2.5 * HEARTBEAT_MS - 1);
    assert.equal(await other.leases.take('export', 0), null);
    other.pass(1);
    const taken = await other.leases.take('export', 0);
    assert.equal(taken?.name, 'export-0.2');
    await holder.leases.look();
    assert.equal(held?.isHeld, false);
    assert.equal(held?.signal.aborted, true);
    assert.deepEqual(await machines.files(), ['0.00000000000000000002.json']);
  });

  it('stay with a holder that publishes a detail now and then', async () => {
    await using machines = await Machines.make();
    const [holder, other] = [await machines.add(), await machines.add()];
    const held = await holder.leases.take('maintain', 0);
    for (let round = 0; round < 6; round++) {
      for (const machine of [holder, other]) machine.pass(1.5 * HEARTBEAT_MS);
      await held?.publish({ round });
      assert.equal(await stateSeenBy(other.leases), 'live');
      assert.equal(await other.leases.take('maintain', 0), null);
    }
    assert.equal(held?.isHeld, true);
  });

  for (const clock of ['monotonic', 'wall'] as const) {
    it(`lapse for a holder that wrote nothing for 2 heartbeats of its ${clock} clock`, async () => {
      await using machines = await Machines.make();
      const [holder, other] = [await machines.add(), await machines.add()];
      const held = await holder.leases.take('analyze', 0);
      holder.now[clock] += 2 * HEARTBEAT_MS - 1;
      assert.equal(held?.isHeld, true);
      holder.now[clock] += 1;
      assert.equal(held?.isHeld, false);
      assert.equal(await stateSeenBy(other.leases), 'live', 'others are more patient');
      const again = await holder.leases.take('analyze', 0);
      assert.equal(again?.name, 'analyze-0.2', 'its own it takes again at once, as a new one');
    });
  }

  it('are free as soon as they are given back', async () => {
    await using machines = await Machines.make();
    const [holder, other] = [await machines.add(), await machines.add()];
    const held = await holder.leases.take('partition', 3);
    await held?.release();
    assert.equal(held?.isHeld, false);
    assert.equal(await stateSeenBy(other.leases), 'released');
    const states: unknown[] = [];
    const taken = await other.leases.take('partition', 3, (predecessor) => {
      states.push(predecessor?.state);
      return {};
    });
    assert.equal(taken?.name, 'partition-3.2');
    assert.deepEqual(states, ['released'], 'by what was there before');
    assert.equal(await holder.leases.take('partition', 3), null);
  });

  it('are given back by whoever closes', async () => {
    await using machines = await Machines.make();
    const [holder, other] = [await machines.add(), await machines.add()];
    await holder.leases.take('partition', 0);
    await holder.leases.take('partition', 1);
    await holder.leases[Symbol.asyncDispose]();
    assert.deepEqual(
      (await other.leases.look()).map(({ state }) => state),
      ['released', 'released'],
    );
  });

  it('are not held by whoever made a generation that was overtaken and cleaned before', async () => {
    await using machines = await Machines.make();
    const other = await machines.add();
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const slow: Storage = Object.assign(Object.create(machines.storage), {
      async putIfAbsent(path: string, content: Uint8Array) {
        reached.resolve();
        await gate.promise;
        await machines.storage.putIfAbsent(path, content);
      },
    });
    const sleeper = await machines.add({ storage: slow });
    const taking = sleeper.leases.take('analyze', 0);
    await reached.promise;
    for (let round = 0; round < 3; round++) {
      const lease = await other.leases.take('analyze', 0);
      assert.equal(lease?.name, `analyze-0.${round + 1}`);
      if (round < 2) await lease?.release();
    }
    await other.leases.look();
    gate.resolve();
    assert.equal(await taking, null);
    assert.equal(other.leases.seen[0]?.state, 'live');
  });

  it('written by a stopped holder after it was overtaken change nothing', async () => {
    await using machines = await Machines.make();
    const other = await machines.add();
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const slow: Storage = Object.assign(Object.create(machines.storage), {
      async replace(path: string, content: Uint8Array) {
        reached.resolve();
        await gate.promise;
        await machines.storage.replace(path, content);
      },
    });
    const sleeper = await machines.add({ storage: slow });
    const held = await sleeper.leases.take('analyze', 0);
    const telling = held?.publish({ late: true });
    await reached.promise;
    await other.leases.look();
    other.pass(2.5 * HEARTBEAT_MS);
    sleeper.pass(2.5 * HEARTBEAT_MS);
    const taken = await other.leases.take('analyze', 0);
    gate.resolve();
    await telling;
    await sleeper.leases.look();
    assert.equal(held?.isHeld, false);
    await other.leases.look();
    assert.equal(taken?.isHeld, true);
    assert.deepEqual(await machines.files(), ['0.00000000000000000002.json']);
  });

  it('of a file that says nothing sensible become free like those of the dead', async () => {
    await using machines = await Machines.make();
    const path = `${LEASES_FOLDER}/analyze/0.00000000000000000004.json`;
    await machines.storage.putIfAbsent(path, Buffer.from('{"holder": 3'));
    const { leases, pass } = await machines.add();
    assert.equal(await leases.take('analyze', 0), null);
    pass(2.5 * HEARTBEAT_MS);
    assert.equal((await leases.take('analyze', 0))?.name, 'analyze-0.5');
  });
});
