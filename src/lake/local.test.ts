import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runChild } from '../../test/support/child.ts';
import { mountSmallDisk } from '../../test/support/small-disk.ts';
import { loadConfig } from '../config/load.ts';
import { isErrorCode } from '../errors.ts';
import { openStorage } from './open.ts';
import type { Storage } from './storage.ts';
import { describeStorage, type StoragePlace } from './testing/contract.ts';

const CONFIG = loadConfig({ file: null, env: {}, flags: {} }).config.lake;
const MIB = 1024 * 1024;

async function makePlace(): Promise<StoragePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-lake-'));
  return {
    open: () => openStorage(CONFIG, join(folder, 'not', 'there', 'yet')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

describeStorage('a local folder', makePlace);

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-lake-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A child's code with `storage` and `file`, a finished file of one MiB on the same disk. */
function withStorage(folder: string, code: string): string {
  return `
    import { writeFileSync } from 'node:fs';
    import { openStorage } from ${JSON.stringify(new URL('open.ts', import.meta.url).href)};
    const storage = await openStorage(${JSON.stringify(CONFIG)}, ${JSON.stringify(`${folder}/lake`)});
    const bytes = Buffer.alloc(${MIB}, 'n');
    const file = ${JSON.stringify(join(folder, 'finished'))};
    writeFileSync(file, bytes);
    ${code}
  `;
}

async function draftsOf(folder: string): Promise<string[]> {
  return readdir(join(folder, 'lake', '.tmp')).catch(() => []);
}

async function textOf(storage: Storage, path: string): Promise<string> {
  return Buffer.from(await storage.read(path)).toString();
}

describe('files in the folder that are not regular', () => {
  it('are refused by name and not listed, and reading them never waits', () =>
    withFolder(async (folder) => {
      await using storage = await openStorage(CONFIG, join(folder, 'lake'));
      await storage.putIfAbsent('log/a', Buffer.from('a'));
      execFileSync('mkfifo', [join(folder, 'lake/log/pipe')]);
      await symlink('/dev/zero', join(folder, 'lake/log/zero'));
      await symlink(join(folder, 'lake/log/a'), join(folder, 'lake/log/link'));
      for (const path of ['log/pipe', 'log/zero']) {
        const refused = { code: 'FILE_NOT_REGULAR', message: new RegExp(`${path}: expected`) };
        await assert.rejects(storage.read(path), refused);
        await assert.rejects(storage.localPath(path), refused);
        assert.equal(await storage.stat(path), null);
      }
      assert.equal(await textOf(storage, 'log/link'), 'a');
      const listed = await Array.fromAsync(storage.list('log'), ({ path }) => path);
      assert.deepEqual(listed, ['log/a', 'log/link']);
    }));
});

describe('the local storage among processes', () => {
  it('lets exactly one of three processes make each file', () =>
    withFolder(async (folder) => {
      const racer = (name: string) => `
        while (Date.now() < ${Date.now() + 400}) {}
        for (let i = 0; i < 50; i++) {
          const racers = Array.from({ length: 3 }, (_, n) =>
            storage.putIfAbsent('commits/' + i, Buffer.from('${name}' + n)));
          for (const [n, { status, reason }] of (await Promise.allSettled(racers)).entries()) {
            if (status === 'fulfilled') console.log('won ' + i + ' ${name}' + n);
            else if (reason.code !== 'LAKE_EXISTS') throw reason;
          }
        }`;
      const names = ['a', 'b', 'c'];
      const ends = await Promise.all(names.map((n) => runChild(withStorage(folder, racer(n)))));
      const won = new Map<string, string>();
      for (const { code, errors, output } of ends) {
        assert.deepEqual({ code, errors }, { code: 0, errors: '' });
        for (const [, path = '', name = ''] of output.matchAll(/won (\d+) (\w+)/g)) {
          assert.equal(won.has(path), false, `${path} was won twice`);
          won.set(path, name);
        }
      }
      assert.equal(won.size, 50);
      await using storage = await openStorage(CONFIG, join(folder, 'lake'));
      for (const [path, name] of won) assert.equal(await textOf(storage, `commits/${path}`), name);
    }));
});

describe('a local storage whose process is killed', () => {
  for (const point of ['storage.before-sync', 'storage.before-link', 'storage.after-link']) {
    for (const content of ['bytes', '{ file }']) {
      for (const method of ['putIfAbsent', 'replace']) {
        it(`shows a whole file or none after ${method} of ${content} died at ${point}`, () =>
          withFolder(async (folder) => {
            const code = `await storage.${method}('a/b/file', ${content});`;
            const end = await runChild(withStorage(folder, code), { env: { ISOBAR_FAULT: point } });
            assert.equal(end.signal, 'SIGKILL', end.errors);
            await using storage = await openStorage(CONFIG, join(folder, 'lake'));
            const found = await Array.fromAsync(storage.list(''));
            const isThere = point === 'storage.after-link';
            assert.deepEqual(
              found.map(({ path, bytes }) => [path, bytes]),
              isThere ? [['a/b/file', MIB]] : [],
            );
            assert.deepEqual(await draftsOf(folder), []);
            const again = storage.putIfAbsent('a/b/file', Buffer.from('again'));
            if (isThere) await assert.rejects(again, (error) => isErrorCode(error, 'LAKE_EXISTS'));
            else await again;
          }));
      }
    }
    it(`keeps the old file or has the new one after replace died at ${point}`, () =>
      withFolder(async (folder) => {
        const code = `
          await storage.replace('file', Buffer.from('old'));
          await storage.replace('file', bytes);`;
        const env = { ISOBAR_FAULT: `${point}:2` };
        const end = await runChild(withStorage(folder, code), { env });
        assert.equal(end.signal, 'SIGKILL', end.errors);
        await using storage = await openStorage(CONFIG, join(folder, 'lake'));
        const expected = point === 'storage.after-link' ? 'n'.repeat(MIB) : 'old';
        assert.ok((await textOf(storage, 'file')) === expected);
      }));
  }
});

describe('the local storage’s folder', () => {
  it('loses what dead processes were making, and what is older than a day', () =>
    withFolder(async (folder) => {
      const drafts = join(folder, 'lake', '.tmp');
      await mkdir(drafts, { recursive: true });
      const host = encodeURIComponent(hostname());
      const dead = await runChild('process.stdout.write(String(process.pid))');
      const [gone, ours, elsewhere, old] = [
        `${host}~${dead.output}~1.draft`,
        `${host}~${process.pid}~1.draft`,
        `another-host~${dead.output}~1.draft`,
        `another-host~${dead.output}~2.draft`,
      ];
      for (const name of [gone, ours, elsewhere, old]) await writeFile(join(drafts, name), 'x');
      const before = new Date(Date.now() - 25 * 3_600_000);
      await utimes(join(drafts, old), before, before);
      await using _storage = await openStorage(CONFIG, join(folder, 'lake'));
      assert.deepEqual((await draftsOf(folder)).sort(), [elsewhere, ours].sort());
    }));

  it('may hold files of other programs', () =>
    withFolder(async (folder) => {
      await using storage = await openStorage(CONFIG, folder);
      await storage.putIfAbsent('a/ours', Buffer.from('1'));
      await writeFile(join(folder, 'a', 'with:colon'), '1');
      await symlink('/nowhere', join(folder, 'a', 'dangling'));
      const found = await Array.fromAsync(storage.list(''), ({ path }) => path);
      assert.deepEqual(found, ['a/ours']);
    }));

  it('may be removed and comes back', () =>
    withFolder(async (folder) => {
      await using storage = await openStorage(CONFIG, join(folder, 'lake'));
      await storage.putIfAbsent('a/b', Buffer.from('1'));
      await rm(join(folder, 'lake'), { recursive: true });
      const put = () => storage.putIfAbsent('a/b', Buffer.from('2'));
      await put().catch((error) => assert.ok(isErrorCode(error, 'LAKE_UNAVAILABLE')));
      if ((await storage.stat('a/b')) === null) await put();
      assert.equal(await textOf(storage, 'a/b'), '2');
    }));

  it('keeps nothing of what was refused', () =>
    withFolder(async (folder) => {
      await using storage = await openStorage(CONFIG, join(folder, 'lake'));
      await storage.putIfAbsent('a', Buffer.from('1'));
      const again = storage.putIfAbsent('a', Buffer.from('2'));
      await assert.rejects(again, (error) => isErrorCode(error, 'LAKE_EXISTS'));
      assert.deepEqual(await draftsOf(folder), []);
    }));

  it('takes a file on the same disk without copying it', () =>
    withFolder(async (folder) => {
      await using storage = await openStorage(CONFIG, join(folder, 'lake'));
      for (const put of [storage.putIfAbsent, storage.replace]) {
        const file = join(folder, 'finished');
        await writeFile(file, 'x');
        const { ino } = await stat(file);
        await put('moved', { file });
        assert.equal((await stat(await storage.localPath('moved'))).ino, ino);
        await storage.delete('moved');
      }
    }));

  it('takes a file from another disk', async (test) => {
    await using disk = await mountSmallDisk(4);
    if (disk === null) return test.skip('this user may not mount a disk');
    const file = join(disk.folder, 'finished');
    await withFolder(async (folder) => {
      await using storage = await openStorage(CONFIG, join(folder, 'lake'));
      for (const put of [storage.putIfAbsent, storage.replace]) {
        await writeFile(file, 'from elsewhere');
        await put('copied', { file });
        assert.equal(await textOf(storage, 'copied'), 'from elsewhere');
        assert.deepEqual(await readdir(disk.folder), []);
        await storage.delete('copied');
        assert.deepEqual(await draftsOf(folder), []);
      }
    });
  });
});

describe('the local storage on a small disk', () => {
  it('says so when the disk is full, and goes on once there is room', async (test) => {
    await using disk = await mountSmallDisk(2);
    if (disk === null) return test.skip('this user may not mount a disk');
    await using storage = await openStorage(CONFIG, disk.folder);
    const content = Buffer.alloc(1.2 * MIB, 'x');
    await storage.putIfAbsent('first', content);
    const full = (error: unknown) => isErrorCode(error, 'DISK_FULL');
    await assert.rejects(storage.putIfAbsent('second', content), full);
    await assert.rejects(storage.replace('first', Buffer.alloc(MIB, 'y')), full);
    assert.deepEqual(await Array.fromAsync(storage.list(''), ({ path }) => path), ['first']);
    assert.ok(content.equals(await storage.read('first')));
    assert.deepEqual(await readdir(join(disk.folder, '.tmp')), []);
    await storage.delete('first');
    await storage.putIfAbsent('second', content);
    assert.equal((await storage.stat('second'))?.bytes, content.length);
  });

  it('reads and refuses to write while the disk is read-only', async (test) => {
    await using disk = await mountSmallDisk(2);
    if (disk === null) return test.skip('this user may not mount a disk');
    const unwritable = (error: unknown) => isErrorCode(error, 'DATA_UNWRITABLE');
    await using storage = await openStorage(CONFIG, disk.folder);
    await storage.putIfAbsent('a/b', Buffer.from('1'));
    await writeFile(join(disk.folder, '.tmp', 'left.draft'), 'x');
    await disk.setReadOnly(true);
    {
      await using other = await openStorage(CONFIG, disk.folder);
      assert.equal(await textOf(other, 'a/b'), '1');
    }
    for (const path of ['a/c', 'new/folder/c']) {
      await assert.rejects(storage.putIfAbsent(path, Buffer.from('2')), unwritable);
      await assert.rejects(storage.replace(path, Buffer.from('2')), unwritable);
    }
    await assert.rejects(storage.delete('a/b'), unwritable);
    await assert.rejects(openStorage(CONFIG, join(disk.folder, 'other')), unwritable);
    await disk.setReadOnly(false);
    await storage.putIfAbsent('new/folder/c', Buffer.from('2'));
    assert.equal(await textOf(storage, 'new/folder/c'), '2');
  });
});
