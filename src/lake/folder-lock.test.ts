import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Child, startChild } from '../../test/support/child.ts';
import { mountSmallDisk } from '../../test/support/small-disk.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import { lockFolder } from './folder-lock.ts';

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-lock-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Locks the folder, says so, and keeps it until it is killed. */
function holdIn(folder: string): Child {
  const source = `
    import { lockFolder } from ${JSON.stringify(new URL('folder-lock.ts', import.meta.url).href)};
    try {
      await lockFolder(${JSON.stringify(folder)}, 'isobar start');
      globalThis.gc();
      console.log('holds');
      setInterval(() => globalThis.gc(), 10);
    } catch (error) {
      console.log('refused ' + error.code);
    }`;
  // What is no longer referred to must not end the lock.
  return startChild(source, { env: { NODE_OPTIONS: '--expose-gc' } });
}

async function kill(child: Child): Promise<void> {
  child.process.kill('SIGKILL');
  await child.ended;
}

describe('the lock of a data folder', () => {
  it('names the first to the second, also to one of the same process', () =>
    withFolder(async (folder) => {
      const clock = () => new Date('2026-11-23T12:34:56.789Z');
      await using _lock = await lockFolder(folder, 'isobar start', { clock });
      await assert.rejects(lockFolder(folder, 'isobar land'), (error) => {
        assert.ok(error instanceof IsobarError && error.code === 'DATA_IN_USE');
        assert.ok(error.message.includes(String(process.pid)), error.message);
        assert.ok(error.message.includes('isobar start'), error.message);
        assert.ok(error.message.includes('2026-11-23T12:34:56Z'), error.message);
        assert.equal(error.details.pid, process.pid);
        return true;
      });
    }));

  it('ends when it is disposed of', () =>
    withFolder(async (folder) => {
      for (let i = 0; i < 3; i++) {
        const lock = await lockFolder(join(folder, 'made', 'anew'), 'isobar start');
        await lock[Symbol.asyncDispose]();
        await lock[Symbol.asyncDispose]();
      }
      assert.deepEqual(await readdir(join(folder, 'made', 'anew')), ['folder.lock']);
    }));

  it('holds against other processes until its own is killed', () =>
    withFolder(async (folder) => {
      const child = holdIn(folder);
      await child.waitFor('holds');
      for (let i = 0; i < 3; i++) {
        await assert.rejects(lockFolder(folder, 'isobar land'), (error) => {
          assert.ok(error instanceof IsobarError && error.code === 'DATA_IN_USE');
          assert.equal(error.details.pid, child.process.pid);
          return true;
        });
      }
      child.process.kill('SIGSTOP');
      const locking = lockFolder(folder, 'isobar land');
      await assert.rejects(locking, (error) => isErrorCode(error, 'DATA_IN_USE'));
      await kill(child);
      await using _lock = await lockFolder(folder, 'isobar land');
      const second = holdIn(folder);
      assert.equal((await second.ended).output, 'refused DATA_IN_USE\n');
    }));

  it('goes to exactly one of several that come at once, again and again', () =>
    withFolder(async (folder) => {
      for (let round = 0; round < 3; round++) {
        const children = Array.from({ length: 4 }, () => holdIn(folder));
        const refused = children.map(async (child) => {
          await Promise.race([child.waitFor('holds'), child.ended]);
          return child.output();
        });
        const outputs = (await Promise.all(refused)).toSorted();
        for (const child of children) if (child.output() === 'holds\n') await kill(child);
        const others = Array.from({ length: 3 }, () => 'refused DATA_IN_USE\n');
        assert.deepEqual(outputs, ['holds\n', ...others]);
      }
    }));

  it('does not take the notice of a dead process for its holder', () =>
    withFolder(async (folder) => {
      const dead = startChild('');
      await dead.ended;
      const { pid } = dead.process;
      const notice = { pid, host: hostname(), command: 'isobar start', since: 'long ago' };
      await writeFile(join(folder, 'folder.json'), JSON.stringify(notice));
      const lock = await lockFolder(folder, 'isobar start');
      await lock[Symbol.asyncDispose]();
      await using _lock = await lockFolder(folder, 'isobar start');
      await writeFile(join(folder, 'folder.json'), JSON.stringify(notice));
      await assert.rejects(lockFolder(folder, 'isobar land', { timeoutMs: 50 }), (error) => {
        assert.ok(error instanceof IsobarError && error.code === 'DATA_IN_USE');
        assert.ok(!error.message.includes(String(pid)), error.message);
        return true;
      });
    }));

  it('does not depend on what the notice says', () =>
    withFolder(async (folder) => {
      for (const notice of ['', '{"pid":', 'null', '[]']) {
        await writeFile(join(folder, 'folder.json'), notice);
        const again = await lockFolder(folder, 'isobar start');
        await writeFile(join(folder, 'folder.json'), notice);
        const second = lockFolder(folder, 'isobar start', { timeoutMs: 50 });
        await assert.rejects(second, (error) => isErrorCode(error, 'DATA_IN_USE'));
        await again[Symbol.asyncDispose]();
      }
    }));

  it('says so when the folder cannot be written', async (test) => {
    await using disk = await mountSmallDisk(1);
    if (disk === null) return test.skip('this user may not mount a disk');
    await disk.setReadOnly(true);
    for (const folder of [disk.folder, join(disk.folder, 'new')]) {
      const locking = lockFolder(folder, 'isobar start');
      await assert.rejects(locking, (error) => isErrorCode(error, 'DATA_UNWRITABLE'));
    }
    await disk.setReadOnly(false);
    await (await lockFolder(disk.folder, 'isobar start'))[Symbol.asyncDispose]();
    await disk.setReadOnly(true);
    const locking = lockFolder(disk.folder, 'isobar start');
    await assert.rejects(locking, (error) => isErrorCode(error, 'DATA_UNWRITABLE'));
  });
});
