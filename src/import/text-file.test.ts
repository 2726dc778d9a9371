import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { isErrorCode } from '../errors.ts';
import { readLines, type TextOptions } from './text-file.ts';

const signal = new AbortController().signal;
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-text-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string, options: Partial<TextOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  let next = 1;
  for await (const batch of readLines({ path, name: basename(path) }, { signal, ...options })) {
    assert.equal(batch.from, next);
    next += batch.lines.length;
    for (const line of batch.lines) lines.push(line);
  }
  return lines;
}

async function problem(path: string, options: Partial<TextOptions> = {}): Promise<string> {
  try {
    await read(path, options);
  } catch (error) {
    assert.ok(isErrorCode(error, 'IMPORT_INVALID'), String(error));
    return (error as Error).message;
  }
  throw new assert.AssertionError({ message: 'it was read' });
}

test('lines of any ending and any encoding are the same lines', async () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'é', '日', '😀', ' ', ','), maxLength: 9 });
  const scene = fc.record({
    lines: fc.array(line, { minLength: 1, maxLength: 20 }),
    newline: fc.constantFrom('\n', '\r\n', '\r'),
    ended: fc.boolean(),
    form: fc.constantFrom('utf-8', 'utf-8 with mark', 'utf-16le', 'utf-16be', 'gzip'),
  });
  await fc.assert(
    fc.asyncProperty(scene, async ({ lines, newline, ended, form }) => {
      const all = ['begin', ...lines, 'end'];
      const text = all.join(newline) + (ended ? newline : '');
      const bytes = {
        'utf-8': Buffer.from(text),
        'utf-8 with mark': Buffer.from(`\ufeff${text}`),
        'utf-16le': Buffer.from(`\ufeff${text}`, 'utf16le'),
        'utf-16be': Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
        gzip: gzipSync(text),
      }[form];
      assert.deepEqual(await read(file('any.csv', bytes ?? '')), all);
    }),
    { numRuns: 60 },
  );
});

test('letters and line ends at the borders of chunks stay whole', async () => {
  for (const shift of [0, 1, 2, 3]) {
    const lines = [`${'x'.repeat(shift)}${'é😀'.repeat(100_000)}`, 'b', '日'.repeat(90_000)];
    for (const newline of ['\n', '\r\n', '\r']) {
      assert.deepEqual(await read(file('long.csv', lines.join(newline))), lines);
    }
  }
});

test('bytes of another encoding are named with their line, and read as the mapping says', async () => {
  const path = file('latin.csv', Buffer.from(`time\n${'a\n'.repeat(200_000)}bewölkt\n`, 'latin1'));
  assert.match(
    await problem(path),
    /latin\.csv line 200002: not UTF-8; save it as UTF-8, or set encoding in the mapping/,
  );
  assert.equal((await read(path, { encoding: 'windows-1252' })).at(-1), 'bewölkt');
  assert.match((await read(path, { malformed: 'replace' })).at(-1) ?? '', /bew\ufffdlkt/);
});

test('only regular files are read, and what has to be unpacked is said', async () => {
  const pipe = join(folder, 'pipe.csv');
  execFileSync('mkfifo', [pipe]);
  const link = join(folder, 'link.csv');
  symlinkSync(file('real.csv', 'a\n'), link);
  assert.deepEqual(await read(link), ['a']);
  assert.match(await problem(pipe), /pipe\.csv: expected a regular file, got a named pipe/);
  assert.match(await problem('/dev/zero'), /expected a regular file, got a device/);
  assert.match(await problem(folder), /expected a regular file, got a folder/);
  assert.match(await problem(join(folder, 'none')), /none: no such file or folder/);
  const zipped = gzipSync('a\n'.repeat(100_000));
  assert.match(await problem(file('cut.csv.gz', zipped.subarray(0, 90))), /ends in the middle/);
  zipped.fill(0xff, 60, 80);
  assert.match(await problem(file('bad.csv.gz', zipped)), /gzip data is damaged/);
  assert.match(await problem(file('plain.csv.gz', 'a\n')), /not gzip-compressed/);
  assert.match(await problem(file('book.csv', 'PK\u0003\u0004')), /ZIP archive or an Excel/);
  assert.deepEqual(await read(file('hidden.csv', gzipSync('a\nb'))), ['a', 'b']);
  assert.deepEqual(await read(file('empty.csv', '')), []);
});

test('a line longer than 16 MiB ends reading, also behind little gzip', async () => {
  const bomb = file('bomb.csv.gz', gzipSync(Buffer.alloc(17 << 20, 'x')));
  assert.match(await problem(bomb), /bomb\.csv\.gz line 1: longer than 16 MiB/);
});
