/** The bytes of an input: a regular file of exactly this name, decompressed when it is gzip. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { IsobarError } from '../errors.ts';

export interface NamedFile {
  readonly path: string;
  /** What messages call it: its name, or its path in the folder that was given. */
  readonly name: string;
}

const CHUNK_BYTES = 256 * 1024;
const START_BYTES = 6;

/** First bytes of what people take for a table or a recording. */
const CONTAINERS = [
  { name: 'a ZIP archive or an Excel workbook', bytes: [0x50, 0x4b, 0x03, 0x04] },
  { name: 'an Excel workbook of the old kind', bytes: [0xd0, 0xcf, 0x11, 0xe0] },
  { name: 'compressed with bzip2', bytes: [0x42, 0x5a, 0x68] },
  { name: 'compressed with Zstandard', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'compressed with xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: 'Parquet without the ending .parquet', bytes: [0x50, 0x41, 0x52, 0x31] },
  { name: 'a 7z archive', bytes: [0x37, 0x7a, 0xbc, 0xaf] },
] as const;

/** The error of a file or of a line in it. */
export function importError(place: string, problem: string, cause?: unknown): IsobarError {
  return new IsobarError('IMPORT_INVALID', printable(`${place}: ${problem}`), { cause });
}

/** Without what could steer a terminal: names of files and columns are other people's. */
export function printable(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Rejects unless the path is that of a regular file, before it is opened. */
export async function assertRegularFile(path: string): Promise<Stats> {
  const entry = await stat(path).catch((error) => {
    throw importError(path, fileProblem(error), error);
  });
  if (!entry.isFile()) throw importError(path, `expected a regular file, got ${kindOf(entry)}`);
  return entry;
}

/** What a failed call of the file system means, in our words. */
export function fileProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  return PROBLEMS[code] ?? `the system cannot read it (${code === '' ? 'unknown error' : code})`;
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'no such file or folder',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many files are open',
  Z_DATA_ERROR: 'its gzip data is damaged',
  Z_BUF_ERROR: 'its gzip data ends in the middle',
};

export function kindOf(entry: Stats): string {
  if (entry.isDirectory()) return 'a folder';
  if (entry.isFIFO()) return 'a named pipe';
  if (entry.isSocket()) return 'a socket';
  return 'a device';
}

export async function* readBytes(
  { path }: NamedFile,
  signal: AbortSignal,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<Uint8Array> {
  await assertRegularFile(path);
  const handle = await openFile(path);
  try {
    const isGzip = await checkStart(handle, path);
    const file = handle.createReadStream({
      start: 0,
      highWaterMark: chunkBytes,
      autoClose: false,
      signal,
    });
    const stream = isGzip ? file.pipe(createGunzip({ chunkSize: chunkBytes })) : file;
    file.on('error', (error) => stream.destroy(error));
    try {
      for await (const chunk of stream) yield chunk as Uint8Array;
    } finally {
      file.destroy();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof IsobarError) throw error;
    throw importError(path, fileProblem(error), error);
  } finally {
    await handle.close();
  }
}

/** Without waiting for a writer, should the file have become a pipe since it was looked at. */
async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw importError(path, fileProblem(error), error);
  }
}

/** Whether it is gzip; rejects what has to be unpacked by other means. */
async function checkStart(handle: FileHandle, path: string): Promise<boolean> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
  const container = CONTAINERS.find(({ bytes }) =>
    bytes.every((byte, index) => index < bytesRead && buffer[index] === byte),
  );
  if (container !== undefined) {
    throw importError(path, `it is ${container.name}; expected text, or gzip of it`);
  }
  const isGzip = bytesRead > 1 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  if (!isGzip && /\.gz$/i.test(path)) {
    throw importError(path, 'its name ends in .gz, but it is not gzip-compressed');
  }
  return isGzip;
}
