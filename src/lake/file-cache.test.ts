import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { isErrorCode } from '../errors.ts';
import { type FileCache, KEEP_MS, openFileCache, type Remote } from './file-cache.ts';

const MODIFIED = new Date('2024-10-31T12:00:00.123Z');

/** A lake of files of ten bytes, and a cache of it for any number of processes. */
class Lake implements AsyncDisposable {
  readonly folder: string;
  now = Date.now();
  finds = 0;
  fills = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Lake> {
    return new Lake(await mkdtemp(join(tmpdir(), 'isobar-cache-')));
  }

  get cacheFolder() {
    return join(this.folder, 'cache');
  }

  open(bytesMax = 1_000): Promise<FileCache> {
    return openFileCache({ folder: this.cacheFolder, bytesMax, clock: () => this.now });
  }

  get(
    cache: FileCache,
    path: string,
    fill = (place: string) => writeFile(place, this.contentOf(path)),
    remote: Remote = { bytes: 10, modifiedAt: MODIFIED },
  ): Promise<string> {
    return cache.get(
      path,
      async () => {
        this.finds += 1;
        return remote;
      },
      async (place) => {
        this.fills += 1;
        await fill(place);
      },
    );
  }

  contentOf(path: string): string {
    return path.padEnd(10, '.');
  }

  async files(): Promise<string[]> {
    const found = await readdir(this.cacheFolder, { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.cacheFolder.length + 1))
      .sort();
  }

  async [Symbol.asyncDispose]() {
    await rm(this.folder, { recursive: true, force: true });
  }
}

describe('the cache of files', () => {
  it('brings a file once for all who ask at the same time and later', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open();
    const places = await Promise.all(Array.from({ length: 8 }, () => lake.get(cache, 'a/b/c')));
    assert.equal(new Set(places).size, 1);
    assert.equal(await readFile(places[0] ?? '', 'utf8'), 'a/b/c.....');
    assert.equal(await lake.get(cache, 'a/b/c'), places[0]);
    assert.deepEqual([lake.finds, lake.fills, cache.bytes], [1, 1, 10]);
  });

  it('survives a restart, after a look at the lake', async () => {
    await using lake = await Lake.make();
    const place = await lake.get(await lake.open(), 'a');
    const again = await lake.open();
    assert.equal(again.bytes, 10);
    assert.equal(await lake.get(again, 'a'), place);
    assert.deepEqual([lake.finds, lake.fills], [2, 1]);
  });

  it('brings anew what is shorter, or of another time', async () => {
    await using lake = await Lake.make();
    const place = await lake.get(await lake.open(), 'a');
    await writeFile(place, 'short');
    await lake.get(await lake.open(), 'a');
    assert.equal(await readFile(place, 'utf8'), 'a.........');
    const other = { bytes: 10, modifiedAt: new Date(MODIFIED.getTime() + 1_000) };
    const fill = (draft: string) => writeFile(draft, 'of another');
    await lake.get(await lake.open(), 'a', fill, other);
    assert.equal(await readFile(place, 'utf8'), 'of another');
    assert.equal(lake.fills, 3);
  });

  it('downloads a file again that was removed from its folder', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open();
    await rm(await lake.get(cache, 'a'));
    assert.equal(await readFile(await lake.get(cache, 'a'), 'utf8'), 'a.........');
    assert.equal(cache.bytes, 10);
  });

  it('never shows a download that was cut, and tries again', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open();
    const short = (place: string) => writeFile(place, 'cut');
    const failing = async (place: string) => {
      await writeFile(place, 'cut');
      throw new Error('the other side is gone');
    };
    for (const fill of [short, failing]) {
      const getting = lake.get(cache, 'a', fill);
      await assert.rejects(getting, (error) => isErrorCode(error, 'LAKE_UNAVAILABLE'));
      assert.deepEqual(await lake.files(), []);
    }
    assert.equal(await readFile(await lake.get(cache, 'a'), 'utf8'), 'a.........');
  });

  it('removes what was not used for longest, and nothing that was given lately', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open(30);
    for (const path of ['a', 'b', 'c']) {
      await lake.get(cache, path);
      lake.now += 1_000;
    }
    lake.now += KEEP_MS - 3_001;
    await lake.get(cache, 'a');
    await lake.get(cache, 'd');
    assert.deepEqual(await lake.files(), ['a', 'b', 'c', 'd'], 'all may be open');
    lake.now += 3_001;
    await lake.get(cache, 'e');
    assert.deepEqual(await lake.files(), ['a', 'd', 'e']);
    assert.equal(cache.bytes, 30);
  });

  it('keeps what another process was given', async () => {
    await using lake = await Lake.make();
    const [mine, theirs] = [await lake.open(20), await lake.open(20)];
    await lake.get(mine, 'a');
    lake.now += KEEP_MS;
    await lake.get(theirs, 'a');
    lake.now += 1;
    await lake.get(mine, 'b');
    await lake.get(mine, 'c');
    assert.deepEqual(await lake.files(), ['a', 'b', 'c']);
    lake.now += KEEP_MS;
    await lake.get(mine, 'd');
    assert.deepEqual(await lake.files(), ['c', 'd']);
    assert.equal(await readFile(await lake.get(theirs, 'a'), 'utf8'), 'a.........');
  });

  it('lets a limit wait no longer than to twice of it', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open(20);
    for (const path of ['a', 'b', 'c', 'd']) await lake.get(cache, path);
    assert.equal(cache.bytes, 40);
    lake.now += KEEP_MS / 10;
    await lake.get(cache, 'e');
    await lake.get(cache, 'f');
    assert.deepEqual(await lake.files(), ['c', 'd', 'e', 'f']);
  });

  it('counts what other processes brought', async () => {
    await using lake = await Lake.make();
    const [mine, theirs] = [await lake.open(20), await lake.open(20)];
    await lake.get(theirs, 'a');
    await lake.get(theirs, 'b');
    lake.now += KEEP_MS;
    await lake.get(mine, 'c');
    assert.deepEqual(await lake.files(), ['b', 'c']);
    assert.equal(mine.bytes, 20);
  });

  it('is made smaller when it opens with a smaller limit', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open();
    for (const path of ['a', 'b', 'c']) {
      await lake.get(cache, path);
      lake.now += 1_000;
    }
    lake.now += KEEP_MS;
    const smaller = await lake.open(15);
    assert.deepEqual(await lake.files(), ['c']);
    assert.equal(smaller.bytes, 10);
  });

  it('takes over files, and forgets', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open();
    const file = join(lake.folder, 'finished');
    await writeFile(file, 'finished..');
    assert.equal(await cache.adopt('a/b', file, { bytes: 10, modifiedAt: MODIFIED }), true);
    assert.equal(existsSync(file), false);
    assert.equal(await readFile(await lake.get(cache, 'a/b'), 'utf8'), 'finished..');
    assert.deepEqual([lake.finds, lake.fills], [0, 0]);
    await cache.forget('a/b');
    assert.deepEqual([await lake.files(), cache.bytes], [[], 0]);
    assert.equal(await cache.adopt('x', file, { bytes: 10, modifiedAt: MODIFIED }), false);
  });

  it('removes drafts of yesterday', async () => {
    await using lake = await Lake.make();
    const cache = await lake.open();
    const draft = join(dirname(await lake.get(cache, 'a')), '.tmp', 'left');
    await mkdir(dirname(draft), { recursive: true });
    await writeFile(draft, 'x');
    await lake.open();
    assert.ok(existsSync(draft));
    await utimes(draft, 1, (lake.now - 25 * 3_600_000) / 1_000);
    await lake.open();
    assert.deepEqual(await lake.files(), ['a']);
    assert.equal((await stat(join(lake.cacheFolder, 'a'))).size, 10);
  });
});
