import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { rejects } from '../../test/support/rejects.ts';
import type { Call } from './testing/hdfs-call.ts';
import { bytes, MIB, Place, textOf } from './testing/hdfs-place.ts';

describe('the lake on HDFS, when NameNodes change', () => {
  it('finds the active one, and asks it from then on', async () => {
    await using place = await Place.make(['standby', 'starting', 'active']);
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    const before = place.hdfs.received.length;
    assert.equal(await textOf(storage, 'a'), '1');
    const servers = place.hdfs.received.slice(before).map(({ server }) => server.slice(0, -2));
    assert.deepEqual(servers, ['namenode', 'datanode']);
    assert.ok(place.hdfs.opsOf('namenode-1').length <= 1);
  });

  for (const mode of ['standby', 'starting', 'safe', 'hung', 'broken'] as const) {
    it(`waits for one that is ${mode} to be the active one`, async () => {
      await using place = await Place.make(['active', 'standby']);
      await using storage = await place.open();
      await storage.putIfAbsent('a', bytes('1'));
      place.hdfs.modes[0] = mode;
      const putting = storage.putIfAbsent('b', bytes('2'));
      const met = place.hdfs.received.length;
      while (place.hdfs.received.length < met + 3) await new Promise(setImmediate);
      place.hdfs.modes[1] = 'active';
      await putting;
      assert.equal(await textOf(storage, 'b'), '2');
    });
  }

  it('goes on with another when one is gone', async () => {
    await using place = await Place.make(['active', 'standby']);
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    await place.hdfs.stop('namenode-1');
    place.hdfs.modes[1] = 'active';
    assert.equal(await textOf(storage, 'a'), '1');
    await storage.putIfAbsent('b', bytes('2'));
  });

  it('says why after its timeout', async () => {
    await using place = await Place.make(['active', 'standby']);
    await using storage = await place.open({ timeoutMs: 500 });
    place.hdfs.modes[0] = 'safe';
    const error = await rejects(storage.putIfAbsent('a', bytes('1')), 'LAKE_SAFE_MODE');
    assert.match(error.message, /safe mode.*standby/);
    place.hdfs.modes[0] = 'standby';
    await rejects(storage.read('a'), 'LAKE_UNAVAILABLE');
    await place.hdfs.stop('namenode-1');
    await place.hdfs.stop('namenode-2');
    const gone = await rejects(storage.read('a'), 'LAKE_UNAVAILABLE');
    assert.match(gone.message, /ECONNREFUSED.*ECONNREFUSED/);
  });

  it('stops waiting when it is asked to', async () => {
    await using place = await Place.make(['active']);
    await using storage = await place.open();
    place.hdfs.modes[0] = 'hung';
    const stop = new AbortController();
    const reading = storage.read('a', stop.signal);
    const reason = new Error('enough');
    setImmediate(() => stop.abort(reason));
    await assert.rejects(reading, reason);
  });

  for (const [op, server] of [
    ['CREATE', 'datanode'],
    ['CREATE', 'namenode'],
    ['MKDIRS', 'namenode'],
    ['RENAME', 'namenode'],
  ] as const) {
    it(`gives up a put that hangs in ${op} of the ${server} when its signal aborts`, async () => {
      await using place = await Place.make();
      const stop = new AbortController();
      const limits = { idleMs: 60_000, timeoutMs: 60_000 };
      await using storage = await place.open({ ...limits, signal: stop.signal });
      const isWanted = (received: Call) => received.op === op && received.server.startsWith(server);
      place.hdfs.fault = (received) => (isWanted(received) ? 'hang' : null);
      const putting = storage.putIfAbsent('folder/a', bytes('mine'));
      while (!place.hdfs.received.some(isWanted)) await new Promise(setImmediate);
      const reason = new Error('enough');
      const from = performance.now();
      stop.abort(reason);
      await assert.rejects(putting, reason);
      await assert.rejects(storage.read('folder/a'), reason);
      assert.ok(performance.now() - from < 2_000);
      assert.ok(!place.hdfs.nodes.has('/lake/folder/a'));
    });
  }
});

describe('the lake on HDFS, when answers are lost', () => {
  for (const method of ['putIfAbsent', 'replace'] as const) {
    it(`knows that its own RENAME was carried out by ${method}`, async () => {
      await using place = await Place.make();
      await using storage = await place.open();
      place.failOnce('RENAME', 'carry-out-and-cut');
      await storage[method]('a', bytes('mine'));
      assert.equal(await textOf(storage, 'a'), 'mine');
      assert.deepEqual(place.drafts(), []);
    });
  }

  it('rejects with LAKE_EXISTS when another writer’s RENAME was carried out instead', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    let cut = false;
    place.hdfs.fault = ({ op, query }) => {
      if (op !== 'RENAME' || cut) return null;
      cut = true;
      const draft = place.drafts()[0] ?? '';
      const node = place.hdfs.nodes.get(draft);
      assert.ok(node);
      place.hdfs.nodes.set(query.get('destination') ?? '', { ...node, content: bytes('theirs') });
      return 'cut';
    };
    await rejects(storage.putIfAbsent('a', bytes('mine')), 'LAKE_EXISTS');
    assert.equal(await textOf(storage, 'a'), 'theirs');
    assert.deepEqual(place.drafts(), []);
  });

  it('removes once, and says so', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    place.failOnce('DELETE', 'carry-out-and-cut');
    assert.equal(await storage.delete('a'), true);
    assert.equal(await storage.delete('a'), false);
  });

  for (const fault of ['cut', 'carry-out-and-cut', 'half', 'short', 'hang'] as const) {
    it(`writes anew when a DataNode’s answer is: ${fault}`, async () => {
      await using place = await Place.make();
      // Where nothing hangs, a busy machine must not be taken for it.
      await using storage = await place.open(fault === 'hang' ? {} : { idleMs: 10_000 });
      const content = Buffer.alloc(3 * MIB, 'x');
      const file = join(place.scratch, 'finished');
      for (const method of ['putIfAbsent', 'replace'] as const) {
        for (const whole of [content, { file }]) {
          await writeFile(file, content);
          place.failOnce('CREATE', fault, 'datanode');
          await storage[method](`${method}-${whole === content}`, whole);
          assert.ok(content.equals(await storage.read(`${method}-${whole === content}`)));
          assert.deepEqual(place.drafts(), []);
        }
      }
    });
  }

  for (const fault of ['cut', 'half', 'hang'] as const) {
    it(`reads the rest elsewhere when a DataNode’s answer is: ${fault}`, async () => {
      await using place = await Place.make();
      await using storage = await place.open();
      const content = Buffer.from(Array.from({ length: 3 * MIB }, (_, i) => i % 251));
      await storage.putIfAbsent('a', content);
      place.failOnce('OPEN', fault, 'datanode');
      assert.ok(content.equals(await readFile(await storage.localPath('a'))));
      const offsets = place.hdfs.received.filter(({ op }) => op === 'OPEN');
      const offset = Number(offsets.at(-1)?.query.get('offset'));
      assert.equal(offset > 0 && offset < content.length, fault === 'half');
    });
  }

  it('never joins the halves of two files', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', Buffer.alloc(MIB, 'x'));
    const other = Buffer.alloc(MIB, 'y');
    let halves = 0;
    place.hdfs.fault = ({ op, server }) => {
      if (op !== 'OPEN') return null;
      const node = place.hdfs.nodes.get('/lake/a');
      assert.ok(node);
      if (halves > 0) place.hdfs.nodes.set('/lake/a', { ...node, content: other });
      if (server.startsWith('namenode') || halves === 1) return null;
      halves += 1;
      return 'half';
    };
    assert.ok(other.equals(await storage.read('a')));
    assert.equal(halves, 1);
    place.hdfs.fault = ({ op, server }) =>
      op === 'OPEN' && server.startsWith('datanode') ? 'half' : null;
    await rejects(storage.read('a'), 'LAKE_UNAVAILABLE');
  });
});
