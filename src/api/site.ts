/**
 * The site: the built page's files, from memory once they were asked for.
 *
 * Files below `assets/` have a hash in their name and never change. Text is compressed once, with
 * brotli or gzip, or taken as it lies there as `<file>.br` or `<file>.gz`.
 */
import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { strongEtag } from './etag.ts';

export interface SiteFile {
  readonly type: string;
  readonly etag: string;
  readonly immutable: boolean;
  readonly bytes: Buffer;
  /** Compressed bytes, or null where that does not pay. */
  encoded(coding: 'br' | 'gzip'): Promise<Buffer | null>;
}

export interface Site {
  /** The file of this path of an address (`/assets/main-1a2b.js`), or null. */
  find(path: string): Promise<SiteFile | null>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};
const COMPRESSIBLE = new Set([
  '.html',
  '.js',
  '.css',
  '.json',
  '.map',
  '.webmanifest',
  '.svg',
  '.txt',
]);
const FILE_BYTES_MAX = 32 * 1024 * 1024;
const SAFE_PATH = /^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/;

const brotli = promisify<Buffer, object, Buffer>(brotliCompress);
const deflate = promisify<Buffer, object, Buffer>(gzip);

export function openSite(folder: string): Site {
  const files = new Map<string, { readonly stamp: string; readonly file: Promise<SiteFile> }>();

  return {
    async find(path) {
      const name = path === '/' ? '/index.html' : path;
      const extension = extname(name);
      if (!SAFE_PATH.test(name) || TYPES[extension] === undefined) return null;
      const place = join(folder, name);
      const found = await stat(place).catch(() => null);
      if (found === null || !found.isFile() || found.size > FILE_BYTES_MAX) return null;
      // A page that was built anew while we run is served at once.
      const stamp = `${found.size}-${found.mtimeMs}`;
      const known = files.get(name);
      if (known?.stamp === stamp) return known.file;
      const file = loadFile(place, name, TYPES[extension]);
      files.set(name, { stamp, file });
      file.catch(() => files.delete(name));
      return file;
    },
  };
}

async function loadFile(place: string, name: string, type: string): Promise<SiteFile> {
  const bytes = await readFile(place);
  const compressible = COMPRESSIBLE.has(extname(name)) && bytes.length > 1_000;
  const codings = new Map<string, Promise<Buffer | null>>();
  return {
    type,
    etag: strongEtag(bytes),
    immutable: name.startsWith('/assets/'),
    bytes,
    async encoded(coding) {
      if (!compressible) return null;
      let encoding = codings.get(coding);
      if (encoding === undefined) {
        encoding = encode(place, bytes, coding);
        codings.set(coding, encoding);
      }
      return encoding;
    },
  };
}

async function encode(place: string, bytes: Buffer, coding: 'br' | 'gzip'): Promise<Buffer | null> {
  const ready = `${place}.${coding === 'br' ? 'br' : 'gz'}`;
  const [mine, theirs] = await Promise.all([stat(place), stat(ready).catch(() => null)]);
  // One that is older than its file was left behind by an earlier build.
  if (theirs !== null && theirs.mtimeMs >= mine.mtimeMs) return readFile(ready);
  const encoded =
    coding === 'br'
      ? await brotli(bytes, {
          params: {
            // Above 6 it takes seconds for a few percent, and the first visitor would wait for it.
            [constants.BROTLI_PARAM_QUALITY]: 6,
            [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          },
        })
      : await deflate(bytes, { level: 7 });
  return encoded.length < bytes.length ? encoded : null;
}
