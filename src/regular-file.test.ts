import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertRegularFile, readRegularFile, readRegularFileSync } from './regular-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'isobar-regular-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const bytesMax = 1_000_000;

async function assertRefused(path: string, error: object, limit = bytesMax): Promise<void> {
  await assert.rejects(readRegularFile(path, { bytesMax: limit }), error);
  await assert.rejects(assertRegularFile(path, { bytesMax: limit }), error);
  assert.throws(() => readRegularFileSync(path, { bytesMax: limit }), error);
}

test('reads a file and a link to one whole, whatever its length', async () => {
  for (const length of [0, 1, 4_095, 4_096, 4_097, 300_000]) {
    const path = join(folder, `file-${length}`);
    const content = Buffer.alloc(length, 'isobar');
    writeFileSync(path, content);
    symlinkSync(path, `${path}.link`);
    for (const name of [path, `${path}.link`]) {
      assert.deepEqual(await readRegularFile(name, { bytesMax }), content);
      assert.deepEqual(readRegularFileSync(name, { bytesMax }), content);
    }
    assert.equal((await readRegularFile(path, { bytesMax: length })).length, length);
  }
});

test('refuses pipes, devices, sockets and folders at once, also behind a link', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  symlinkSync(pipe, join(folder, 'pipe.link'));
  const socket = createServer().listen(join(folder, 'socket'));
  await new Promise((resolve) => socket.once('listening', resolve));
  try {
    for (const [path, kind] of [
      [pipe, 'a named pipe'],
      [join(folder, 'pipe.link'), 'a named pipe'],
      ['/dev/zero', 'a device'],
      [join(folder, 'socket'), 'a socket'],
      [folder, 'a folder'],
    ] as const) {
      const message = `${path}: expected a regular file, found ${kind}`;
      await assertRefused(path, { code: 'FILE_NOT_REGULAR', message });
    }
  } finally {
    socket.close();
  }
});

test('refuses a file above the limit by its size, before reading', async () => {
  const path = join(folder, 'sparse');
  writeFileSync(path, '');
  truncateSync(path, 8 * 1024 ** 4);
  await assertRefused(path, { code: 'FILE_TOO_LARGE', message: /sparse: \d+ bytes, the limit is/ });
});

test('a file that says it is empty is read up to the limit', async () => {
  const path = '/proc/self/maps';
  assert.ok((await readRegularFile(path, { bytesMax: 1 << 26 })).length > 100);
  await assert.rejects(readRegularFile(path, { bytesMax: 100 }), { code: 'FILE_TOO_LARGE' });
  assert.throws(() => readRegularFileSync(path, { bytesMax: 100 }), { code: 'FILE_TOO_LARGE' });
});

test('the system’s own errors pass, and an aborted signal ends the reading', async () => {
  await assert.rejects(readRegularFile(join(folder, 'missing'), { bytesMax }), { code: 'ENOENT' });
  const signal = AbortSignal.abort();
  writeFileSync(join(folder, 'some'), 'some');
  await assert.rejects(readRegularFile(join(folder, 'some'), { bytesMax, signal }), {
    name: 'AbortError',
  });
});
