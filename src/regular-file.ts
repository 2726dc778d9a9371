/**
 * Reading files that people or other programs name: only regular files (links to them are fine),
 * and none above a limit. A named pipe or a device would block or never end.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { IsobarError } from './errors.ts';

export interface ReadLimits {
  /** The largest file that is read, in bytes. */
  readonly bytesMax: number;
  /** Throws for a file that must not be read: it gets what the opened file is, and whose. */
  readonly inspect?: (found: Stats) => void;
  readonly signal?: AbortSignal | undefined;
}

/** For small files of our own: notes, marks, locks. */
export const NOTE_BYTES_MAX = 64 * 1024;

/** A file that became a pipe after it was looked at must not block the opening. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const CHUNK_BYTES_LEAST = 4_096;

/**
 * All bytes of a regular file. Rejects with FILE_NOT_REGULAR or FILE_TOO_LARGE, which name the
 * path, and with the system's own error (ENOENT, EACCES, …) otherwise.
 */
export async function readRegularFile(path: string, limits: ReadLimits): Promise<Buffer> {
  assertReadable(path, await stat(path), limits.bytesMax);
  await using handle = await open(path, FLAGS);
  const found = await handle.stat();
  assertReadable(path, found, limits.bytesMax);
  limits.inspect?.(found);
  const reading = startReading(path, found.size, limits.bytesMax);
  for (let isWhole = false; !isWhole; ) {
    limits.signal?.throwIfAborted();
    const { buffer, at, length } = reading.room();
    isWhole = reading.took((await handle.read(buffer, at, length)).bytesRead);
  }
  return reading.bytes();
}

/** As `readRegularFile`, for the configuration, which is read before anything runs. */
export function readRegularFileSync(path: string, limits: Omit<ReadLimits, 'signal'>): Buffer {
  assertReadable(path, statSync(path), limits.bytesMax);
  const descriptor = openSync(path, FLAGS);
  try {
    const found = fstatSync(descriptor);
    assertReadable(path, found, limits.bytesMax);
    limits.inspect?.(found);
    const reading = startReading(path, found.size, limits.bytesMax);
    for (let isWhole = false; !isWhole; ) {
      const { buffer, at, length } = reading.room();
      isWhole = reading.took(readSync(descriptor, buffer, at, length, null));
    }
    return reading.bytes();
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Rejects as `readRegularFile` does, without reading: for files that another program or an engine
 * opens by itself, or that are read as a stream.
 */
export async function assertRegularFile(
  path: string,
  { bytesMax = Number.POSITIVE_INFINITY }: { readonly bytesMax?: number } = {},
): Promise<Stats> {
  const found = await stat(path);
  assertReadable(path, found, bytesMax);
  return found;
}

/** As `assertRegularFile`, for a file that may be missing: it is about to be opened or made. */
export function assertRegularOrMissing(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined) assertReadable(path, found, Number.POSITIVE_INFINITY);
}

function assertReadable(path: string, found: Stats, bytesMax: number): void {
  if (!found.isFile()) {
    const kind = kindOf(found);
    throw new IsobarError('FILE_NOT_REGULAR', `${path}: expected a regular file, found ${kind}`, {
      details: { path, kind },
    });
  }
  if (found.size > bytesMax) throw tooLarge(path, `${found.size} bytes`, bytesMax);
}

function tooLarge(path: string, size: string, bytesMax: number): IsobarError {
  return new IsobarError('FILE_TOO_LARGE', `${path}: ${size}, the limit is ${bytesMax} bytes`, {
    details: { path, limit: bytesMax },
  });
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/** Room for the file's bytes, which may be more than its size says: in /proc it says nothing. */
function startReading(path: string, size: number, bytesMax: number) {
  let buffer = Buffer.allocUnsafe(Math.max(size + 1, CHUNK_BYTES_LEAST));
  let at = 0;
  return {
    room() {
      if (at === buffer.length) {
        const larger = Buffer.allocUnsafe(buffer.length * 2);
        buffer.copy(larger);
        buffer = larger;
      }
      return { buffer, at, length: buffer.length - at };
    },
    /** Notes how many bytes came; true at the end of the file. */
    took(count: number): boolean {
      at += count;
      if (at > bytesMax) throw tooLarge(path, `more than ${bytesMax} bytes`, bytesMax);
      return count === 0;
    },
    bytes: () => buffer.subarray(0, at),
  };
}
