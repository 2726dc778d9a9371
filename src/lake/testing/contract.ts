/** What every engine of the storage must do: one test for each sentence of the port. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { rejects } from '../../../test/support/rejects.ts';
import { isErrorCode } from '../../errors.ts';
import type { Content, Storage } from '../storage.ts';

/** A place of an engine where nothing is yet; disposing of it removes everything. */
export interface StoragePlace extends AsyncDisposable {
  /** Opens the place as one more process would. */
  open(): Promise<Storage>;
}

interface Shared {
  readonly storage: Storage;
  readonly other: Storage;
  /** On this machine, for files that are put into the storage. */
  readonly scratch: string;
}

export function describeStorage(name: string, makePlace: () => Promise<StoragePlace>): void {
  describe(`the storage in ${name}`, () => {
    let place: StoragePlace;
    let shared: Shared;
    before(async () => {
      place = await makePlace();
      const scratch = await mkdtemp(join(tmpdir(), 'isobar-scratch-'));
      shared = { storage: await place.open(), other: await place.open(), scratch };
    });
    after(async () => {
      await shared.storage[Symbol.asyncDispose]();
      await shared.other[Symbol.asyncDispose]();
      await rm(shared.scratch, { recursive: true });
      await place[Symbol.asyncDispose]();
    });

    describeReading(() => shared);
    describePutIfAbsent(() => shared);
    describeReplace(() => shared);
    describeDelete(() => shared);
    describeList(() => shared, makePlace);
    describePaths(() => shared);
  });
}

function describeReading(shared: () => Shared): void {
  it('names itself, and its files for other programs', () => {
    const { storage } = shared();
    assert.notEqual(storage.location, '');
    assert.equal(storage.address('a/b'), `${storage.location.replace(/\/$/, '')}/a/b`);
  });

  it('gives back the whole file, its length and its time', async () => {
    const { storage, other } = shared();
    for (const [path, bytes] of [
      ['reading/empty', 0],
      ['reading/deep/er/small.json', 3],
      ['reading/large.parquet', 5_000_000],
    ] as const) {
      const content = Buffer.alloc(bytes, 'isobar');
      const before = Date.now();
      await storage.putIfAbsent(path, content);
      assert.ok(content.equals(await other.read(path)));
      const found = await other.stat(path);
      assert.equal(found?.path, path);
      assert.equal(found?.bytes, bytes);
      // The engine's clock may be another one.
      assert.ok(Math.abs(Number(found?.modifiedAt) - before) < 600_000);
    }
  });

  it('says that a file is missing', async () => {
    const { storage } = shared();
    await storage.putIfAbsent('reading/here', text('1'));
    for (const path of ['reading/missing', 'reading', 'reading/here/below']) {
      await rejects(storage.read(path), 'LAKE_MISSING');
      await rejects(storage.localPath(path), 'LAKE_MISSING');
      assert.equal(await storage.stat(path), null);
    }
  });

  it('gives a path on this machine with the same bytes', async () => {
    const { storage } = shared();
    await storage.putIfAbsent('reading/local', text('the same bytes'));
    assert.equal(
      await readFile(await storage.localPath('reading/local'), 'utf8'),
      'the same bytes',
    );
  });

  it('refuses a file above the limit', async () => {
    const { storage } = shared();
    await storage.putIfAbsent('reading/limit', text('12345'));
    assert.equal((await storage.read('reading/limit', undefined, 5)).length, 5);
    await rejects(storage.read('reading/limit', undefined, 4), 'FILE_TOO_LARGE');
  });

  it('stops reading when it is asked to', async () => {
    const { storage } = shared();
    await storage.putIfAbsent('reading/stop', text('1'));
    const reason = new Error('enough');
    await assert.rejects(storage.read('reading/stop', AbortSignal.abort(reason)), reason);
  });
}

function describePutIfAbsent(shared: () => Shared): void {
  it('makes a file once and leaves what is there as it is', async () => {
    const { storage, other } = shared();
    await storage.putIfAbsent('once/a', text('first'));
    await rejects(storage.putIfAbsent('once/a', text('second')), 'LAKE_EXISTS');
    await rejects(other.putIfAbsent('once/a', text('')), 'LAKE_EXISTS');
    assert.equal(await readText(other, 'once/a'), 'first');
  });

  it('lets exactly one of many succeed', async () => {
    const { storage, other } = shared();
    for (let round = 0; round < 20; round++) {
      const path = `race/round-${round}/commit.json`;
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) =>
          (i % 2 === 0 ? storage : other).putIfAbsent(path, text(`racer ${i} `.repeat(500))),
        ),
      );
      const won = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
      assert.equal(won.length, 1);
      for (const result of results) {
        if (result.status === 'rejected') assert.ok(isErrorCode(result.reason, 'LAKE_EXISTS'));
      }
      assert.equal(await readText(storage, path), `racer ${won[0]} `.repeat(500));
    }
  });

  it('consumes the caller’s file when it succeeds and leaves it when it does not', async () => {
    const { storage, scratch } = shared();
    const file = join(scratch, 'finished');
    await writeFile(file, 'made elsewhere');
    await storage.putIfAbsent('files/one', { file });
    assert.equal(await readText(storage, 'files/one'), 'made elsewhere');
    await assert.rejects(readFile(file), { code: 'ENOENT' });

    await writeFile(file, 'too late');
    await rejects(storage.putIfAbsent('files/one', { file }), 'LAKE_EXISTS');
    assert.equal(await readFile(file, 'utf8'), 'too late');
    assert.equal(await readText(storage, 'files/one'), 'made elsewhere');
  });

  it('refuses a name that a folder has, and a folder’s name that a file has', async () => {
    const { storage } = shared();
    await storage.putIfAbsent('kinds/folder/file', text('1'));
    const writes = [storage.putIfAbsent, storage.replace];
    for (const write of writes) {
      await rejects(write('kinds/folder', text('2')), 'LAKE_EXISTS');
      await rejects(write('kinds/folder/file/below', text('2')), 'LAKE_EXISTS');
    }
    assert.equal(await readText(storage, 'kinds/folder/file'), '1');
  });
}

function describeReplace(shared: () => Shared): void {
  it('makes a file, and puts another in its place', async () => {
    const { storage, other, scratch } = shared();
    await storage.replace('replace/a', text('first'));
    await other.replace('replace/a', text('second'));
    assert.equal(await readText(storage, 'replace/a'), 'second');
    const file = join(scratch, 'third');
    await writeFile(file, 'third');
    await storage.replace('replace/a', { file });
    assert.equal(await readText(other, 'replace/a'), 'third');
    await assert.rejects(readFile(file), { code: 'ENOENT' });
  });

  it('never shows half of a file', async () => {
    const { storage, other } = shared();
    const versions = ['a', 'b', 'c'].map((letter, i) => letter.repeat(100_000 + i));
    await storage.replace('replace/whole', text(versions[0] ?? ''));
    let writing = true;
    const readers = [storage, other].map(async (reader) => {
      let reads = 0;
      while (writing) {
        assert.ok(versions.includes(await readText(reader, 'replace/whole')));
        reads += 1;
      }
      return reads;
    });
    for (let i = 0; i < 40; i++) {
      await (i % 2 === 0 ? storage : other).replace('replace/whole', text(versions[i % 3] ?? ''));
    }
    writing = false;
    for (const reads of await Promise.all(readers)) assert.ok(reads > 0);
  });
}

function describeDelete(shared: () => Shared): void {
  it('removes a file, says whether there was one, and leaves folders alone', async () => {
    const { storage, other } = shared();
    await storage.putIfAbsent('delete/a/b', text('1'));
    assert.equal(await other.delete('delete/a/b'), true);
    assert.equal(await storage.delete('delete/a/b'), false);
    assert.equal(await storage.stat('delete/a/b'), null);
    assert.equal(await storage.delete('delete/a'), false);
    assert.equal(await storage.delete('delete/never/there'), false);
    await storage.putIfAbsent('delete/a/b', text('2'));
    assert.equal(await readText(other, 'delete/a/b'), '2');
  });

  it('lets exactly one of many remove it', async () => {
    const { storage } = shared();
    await storage.putIfAbsent('delete/race', text('1'));
    const removed = await Promise.all(
      Array.from({ length: 6 }, () => storage.delete('delete/race')),
    );
    assert.equal(removed.filter(Boolean).length, 1);
  });
}

function describeList(shared: () => Shared, makePlace: () => Promise<StoragePlace>): void {
  const paths = ['list/a/1', 'list/a/b/2', 'list/a.x', 'list/a0', 'list/B', 'lisu/no', 'list.no'];

  it('lists every file below a folder, ordered by path', async () => {
    const { storage } = shared();
    for (const path of paths) await storage.putIfAbsent(path, text(path));
    const found = await Array.fromAsync(storage.list('list'));
    assert.deepEqual(
      found.map(({ path }) => path),
      ['list/B', 'list/a.x', 'list/a/1', 'list/a/b/2', 'list/a0'],
    );
    for (const { path, bytes, modifiedAt } of found) {
      assert.equal(bytes, path.length);
      assert.deepEqual((await storage.stat(path))?.modifiedAt, modifiedAt);
    }
    assert.deepEqual(await pathsOf(storage, 'list/a'), ['list/a/1', 'list/a/b/2']);
    assert.deepEqual(await pathsOf(storage, 'list/none'), []);
    assert.deepEqual(await pathsOf(storage, 'list/a0'), []);
    assert.deepEqual(await pathsOf(storage, 'list', 'list/a/1'), ['list/a/b/2', 'list/a0']);
    assert.deepEqual(await pathsOf(storage, 'list', 'list/a/a'), ['list/a/b/2', 'list/a0']);
    assert.deepEqual(await pathsOf(storage, 'list', 'list/z'), []);
  });

  it('stops listing when it is asked to', async () => {
    const { storage } = shared();
    for (let i = 0; i < 100; i++) await storage.replace(`listing/many/${i}`, text('x'));
    for (const folder of ['', 'listing/many']) {
      const stop = new AbortController();
      const { signal } = stop;
      const listing = Array.fromAsync(storage.list(folder, { signal }), () => stop.abort());
      await assert.rejects(listing, { name: 'AbortError' });
    }
  });

  it('lists any files in the order of their paths, after any path', () => {
    const folder = fc.stringMatching(/^[a0-]{1,2}$/);
    const name = fc.constantFrom('a.f', 'a0.f', '-.f', '.f', 'ä.f', 'a..f', '\uffee.f', '😀.f');
    const path = fc
      .tuple(fc.array(folder, { maxLength: 3 }), name)
      .map(([folders, file]) => [...folders, file].join('/'));
    return fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(path, { maxLength: 25 }),
        fc.option(fc.oneof(path, folder)),
        async (files, after) => {
          await using place = await makePlace();
          await using storage = await place.open();
          for (const file of files) await storage.replace(file, text(''));
          const expected = files.toSorted((a, b) => (a < b ? -1 : 1));
          const wanted = after === null ? expected : expected.filter((file) => file > after);
          assert.deepEqual(await pathsOf(storage, '', after ?? undefined), wanted);
          for (const top of new Set(files.map((file) => file.split('/')[0] ?? ''))) {
            const below = expected.filter((file) => file.startsWith(`${top}/`));
            assert.deepEqual(await pathsOf(storage, top), below);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('shows no file in the making', async () => {
    const { storage, other } = shared();
    const writing = Array.from({ length: 10 }, (_, i) =>
      storage.putIfAbsent(`making/${i}`, Buffer.alloc(300_000, 'x')),
    );
    let listing = true;
    const looking = (async () => {
      while (listing) {
        for await (const { path, bytes } of other.list('')) {
          if (path.startsWith('making/')) assert.equal(bytes, 300_000);
          else assert.ok(!path.includes('tmp'), path);
        }
      }
    })();
    await Promise.all(writing);
    listing = false;
    await looking;
  });
}

function describePaths(shared: () => Shared): void {
  async function refusesPath(path: string): Promise<void> {
    const { storage } = shared();
    for (const call of [
      () => storage.read(path),
      () => storage.stat(path),
      () => storage.delete(path),
      () => storage.localPath(path),
      async () => storage.address(path),
      () => storage.putIfAbsent(path, text('x')),
      () => storage.replace(path, text('x')),
      async () => (path === '' ? await storage.read(path) : await pathsOf(storage, path)),
    ]) {
      await rejects(call(), 'PARAMETER_INVALID');
    }
  }

  it('refuses paths that not every engine can hold', async () => {
    for (const path of ['', '/', '/etc/passwd', '..', '../x', 'a/../../x', 'a/..', './a', 'a/.']) {
      await refusesPath(path);
    }
    for (const path of [
      'a//b',
      'a/',
      'a:b',
      'a\\b',
      'a\0b',
      'a\nb',
      'a/\ud800',
      '.tmp/a',
      '.tmp',
    ]) {
      await refusesPath(path);
    }
    await refusesPath('a'.repeat(241));
    await refusesPath('a/'.repeat(600).concat('a'));
  });

  it('refuses any path with a bad segment, wherever it is', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b c', 'ü', '...', '.a'), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '.', '..', 'a:', '\\', '\u0000', '\u007f', '\u001f', '\udc00'),
        fc.nat(),
        async (segments, bad, at) => {
          const before = segments.slice(0, at % (segments.length + 1));
          await refusesPath([...before, bad, ...segments.slice(before.length)].join('/'));
        },
      ),
      { numRuns: 60 },
    ));

  it('keeps apart all other paths', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), {
          maxLength: 5,
        }),
        async (names) => {
          const { storage, other } = shared();
          const usable = names.filter((name) => !/[/:\\]|^\.\.?$|\p{Cc}/u.test(name));
          const id = crypto.randomUUID();
          for (const name of usable) await storage.putIfAbsent(`apart/${id}/${name}`, text(name));
          for (const name of usable)
            assert.equal(await readText(other, `apart/${id}/${name}`), name);
        },
      ),
      { numRuns: 40 },
    ));
}

function text(content: string): Content {
  return Buffer.from(content, 'utf8');
}

async function readText(storage: Storage, path: string): Promise<string> {
  return Buffer.from(await storage.read(path)).toString('utf8');
}

async function pathsOf(storage: Storage, folder: string, after?: string): Promise<string[]> {
  return Array.fromAsync(storage.list(folder, after === undefined ? {} : { after }), (f) => f.path);
}
