/** The lake on real HDFS: permissions, quotas, copies, tiers, safe mode, checksums, the cache. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { cacheFolder, resolveDistribution } from '../../src/cluster/artifacts.ts';
import { type ErrorCode, IsobarError } from '../../src/errors.ts';
import { describeStorage } from '../../src/lake/testing/contract.ts';
import { parseHostRules } from '../../src/lake/webhdfs/transfer.ts';
import { atActive, type Hdfs, type HdfsPlace, makeHdfsPlace } from './hdfs-place.ts';
import { absent, control, service } from './services.ts';

const hdfs = service('hdfs');
const MIB = 1024 * 1024;

async function rejects(promise: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof IsobarError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
}

/** A place that belongs to a user who is not an administrator. */
async function makeUserPlace(of: Hdfs): Promise<HdfsPlace> {
  const place = await makeHdfsPlace(of);
  await place.client.mkdirs(place.folder);
  await atActive(place.options.nameNodes, 'PUT', place.folder, 'SETOWNER&owner=weather');
  const identity = { user: 'weather' };
  return { ...place, open: (change = {}) => place.open({ identity, ...change }) };
}

async function setQuota(place: HdfsPlace, query: string): Promise<void> {
  await atActive(place.options.nameNodes, 'PUT', place.folder, `SETQUOTA&${query}`);
}

if (hdfs === null) {
  describe('the lake on HDFS', () => it('obeys', { skip: absent('hdfs') }, () => {}));
} else {
  describeStorage('HDFS for a plain user', () => makeUserPlace(hdfs));
  describe('the lake on HDFS', () => {
    describeRefusals(hdfs);
    describeKeeping(hdfs);
  });
}

function describeRefusals(of: Hdfs): void {
  it('says that a user may not', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open();
    await storage.putIfAbsent('a', Buffer.from('1'));
    await using other = await place.open({ identity: { user: 'mallory' } });
    assert.equal(Buffer.from(await other.read('a')).toString(), '1');
    const denied = /Permission denied: user=mallory/;
    await rejects(other.putIfAbsent('b', Buffer.from('1')), 'LAKE_FORBIDDEN', denied);
    await rejects(other.replace('a', Buffer.from('2')), 'LAKE_FORBIDDEN', denied);
    await rejects(other.delete('a'), 'LAKE_FORBIDDEN', denied);
    assert.equal(Buffer.from(await storage.read('a')).toString(), '1');
  });

  it('says that a quota is used up, and goes on when it was raised', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open();
    await storage.putIfAbsent('a', Buffer.from('1'));
    await setQuota(place, `namespacequota=-1&storagespacequota=${3 * MIB}`);
    const large = Buffer.alloc(4 * MIB, 'x');
    await rejects(storage.putIfAbsent('b', large), 'LAKE_QUOTA', /DiskSpace quota/);
    await storage.replace('a', Buffer.from('small ones still fit'));
    await setQuota(place, 'namespacequota=5&storagespacequota=-1');
    await rejects(storage.putIfAbsent('c/d/e', large), 'LAKE_QUOTA', /NameSpace quota/);
    await setQuota(place, 'namespacequota=-1&storagespacequota=-1');
    await storage.putIfAbsent('b', large);
    assert.ok(large.equals(await storage.read('b')));
    const found = await Array.fromAsync(storage.list(''), ({ path }) => path);
    assert.deepEqual(found, ['a', 'b']);
  });

  it('says that so many copies are not allowed', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open({ replication: 512 + 1 });
    await rejects(storage.putIfAbsent('a', Buffer.from('1')), 'LAKE_POLICY', /513 exceeds/);
  });

  it('does not follow to a host that is not allowed', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open({ dataNodeHosts: parseHostRules('dn1.inside') });
    const put = storage.putIfAbsent('a', Buffer.from('1'));
    await rejects(put, 'LAKE_REDIRECT', /the redirect names 127\.0\.0\.1:\d+$/);
  });

  it('waits for the end of safe mode, and says when it does not come', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open();
    await using hasty = await place.open({ timeoutMs: 500 });
    await storage.putIfAbsent('a', Buffer.from('1'));
    await setSafeMode('enter');
    let isLeft = false;
    try {
      assert.equal(Buffer.from(await hasty.read('a')).toString(), '1');
      await rejects(hasty.putIfAbsent('b', Buffer.from('2')), 'LAKE_SAFE_MODE', /safe mode/);
      const putting = storage.putIfAbsent('b', Buffer.from('3'));
      await setSafeMode('leave');
      isLeft = true;
      await putting;
    } finally {
      if (!isLeft) await setSafeMode('leave');
    }
    assert.equal(Buffer.from(await storage.read('b')).toString(), '3');
  });
}

/** Hadoop's own tool, with the configuration of a NameNode. */
async function setSafeMode(step: 'enter' | 'leave'): Promise<void> {
  const { note } = await control();
  const distribution = await resolveDistribution('hadoop', cacheFolder(process.env));
  const libraries = `${join(distribution, 'classes')}:${join(distribution, 'lib', '*')}`;
  const classes = `${join(note.folder, 'namenode-1', 'conf')}:${libraries}`;
  const tool = 'org.apache.hadoop.hdfs.tools.DFSAdmin';
  await promisify(execFile)('java', ['-Xmx128m', '-cp', classes, tool, '-safemode', step]);
}

function describeKeeping(of: Hdfs): void {
  it('keeps as many copies as configured, and moves a folder to another tier', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open({ replication: 1 });
    for (const name of ['x', 'y']) await storage.putIfAbsent(`month/${name}`, Buffer.from('1'));
    const copiesOf = async (path: string) =>
      (await place.client.status(`${place.folder}/${path}`))?.replication;
    assert.equal(await copiesOf('month/x'), 1);
    assert.equal(await storage.tier?.('month', { policy: 'COLD', replication: 2 }), 3);
    assert.equal(await storage.tier?.('month', { policy: 'COLD', replication: 2 }), 0);
    assert.equal(await copiesOf('month/x'), 2);
    assert.equal((await place.client.status(`${place.folder}/month`))?.storagePolicy, 2);
    await storage.tier?.('month', { policy: 'HOT', replication: null });
    assert.equal((await place.client.status(`${place.folder}/month`))?.storagePolicy, 7);
  });

  it('compares checksums when configured to, of one block and of several', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open({ verify: 'checksum' });
    const content = Buffer.from(Array.from({ length: 3 * MIB + 77 }, (_, i) => (i * 7) % 253));
    for (const bytes of [0, 1, 511, 512, 513, content.length]) {
      await storage.replace('a', content.subarray(0, bytes));
      assert.equal((await storage.stat('a'))?.bytes, bytes);
    }
    const file = join(place.scratch, 'large');
    await writeFile(file, Buffer.alloc(130 * MIB, content));
    await storage.putIfAbsent('large', { file });
    assert.equal((await storage.stat('large'))?.bytes, 130 * MIB);
    const { algorithm } = await place.client.checksum(`${place.folder}/large`);
    assert.match(algorithm, /^MD5-of-[1-9]\d*MD5/, 'the file is more than one block');
  });

  it('reads through a cache that survives, is bounded, and brings anew what was damaged', async () => {
    await using place = await makeHdfsPlace(of);
    const change = { cacheBytesMax: 3 * MIB };
    const places: string[] = [];
    {
      await using storage = await place.open(change);
      for (let i = 0; i < 5; i++) {
        await storage.putIfAbsent(`f${i}`, Buffer.alloc(MIB, String(i)));
        places.push(await storage.localPath(`f${i}`));
      }
    }
    await using later = await place.open(change);
    const before = later.requests.dataNodes;
    assert.equal(await later.localPath('f4'), places[4]);
    assert.equal(later.requests.dataNodes, before, 'it was there');
    await writeFile(places[3] ?? '', 'damaged');
    assert.equal((await readFile(await later.localPath('f3'))).length, MIB);
    assert.equal(later.requests.dataNodes, before + 1);
    // All five were given lately and may be open: the limit waits for them.
    for (const one of places) assert.equal((await stat(one)).size, MIB);
  });
}
