import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { describeStorage, type StoragePlace } from './testing/contract.ts';
import { bytes, MIB, Place } from './testing/hdfs-place.ts';

async function makePlace(): Promise<StoragePlace> {
  const place = await Place.make();
  return {
    open: () => place.open({ idleMs: 10_000 }),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

describeStorage('something that speaks WebHDFS', makePlace);

describe('the lake on HDFS and what it leaves', () => {
  it('removes drafts of the dead and old ones, and shows none', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    const node = place.hdfs.nodes.get('/lake/a');
    assert.ok(node);
    const put = place.hdfs.received.find(({ op }) => op === 'CREATE')?.path ?? '';
    const ended = put.replace(/~\d+~\d+~/, '~1~77~');
    assert.notEqual(ended, put);
    const [elsewhere, old] = ['x~1~77~x.draft', 'x~1~77~y.draft'].map((one) => `/lake/.tmp/${one}`);
    for (const draft of [put, ended, elsewhere ?? '']) place.hdfs.nodes.set(draft, node);
    const modificationTime = Date.now() - 25 * 3_600_000;
    place.hdfs.nodes.set(old ?? '', { ...node, modificationTime });
    await using again = await place.open();
    assert.deepEqual(place.drafts(), [put, elsewhere]);
    assert.deepEqual(await Array.fromAsync(again.list(''), ({ path }) => path), ['a']);
  });

  it('makes small blocks for small files, and copies as configured', async () => {
    await using place = await Place.make();
    await using storage = await place.open({ replication: 3 });
    await storage.putIfAbsent('a', Buffer.alloc(2.5 * MIB));
    const asked = place.hdfs.received.find(({ op }) => op === 'CREATE');
    assert.equal(asked?.query.get('blocksize'), String(3 * MIB));
    assert.equal(asked?.query.get('replication'), '3');
  });

  it('moves a folder to another tier once', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    for (const name of ['1', '2', '3', '4', '5'])
      await storage.putIfAbsent(`m/${name}`, bytes('1'));
    const tier = { policy: 'COLD', replication: 1 } as const;
    assert.equal(await storage.tier?.('m', tier), 6);
    assert.equal(await storage.tier?.('m', tier), 0);
    assert.equal(await storage.tier?.('none', tier), 0);
    assert.equal(place.hdfs.nodes.get('/lake/m')?.storagePolicy, 2);
    assert.equal(place.hdfs.nodes.get('/lake/m/5')?.replication, 1);
  });

  it('names files for other programs', async () => {
    await using place = await Place.make();
    await using storage = await place.open({ address: 'hdfs://ns/' });
    assert.equal(storage.address('a/b'), 'hdfs://ns/lake/a/b');
    assert.equal(storage.location, 'hdfs://ns/lake');
  });

  it('reads what it put from a file without bringing it back', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    const file = join(place.scratch, 'finished');
    await writeFile(file, 'content');
    await storage.putIfAbsent('a.parquet', { file });
    const local = await storage.localPath('a.parquet');
    assert.equal(await readFile(local, 'utf8'), 'content');
    assert.ok(!place.hdfs.opsOf('').includes('OPEN'));
  });
});
