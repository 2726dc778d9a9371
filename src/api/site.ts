/**
 * The site: the built page's files, from memory once they were asked for.
 *
 * Files below `assets/` have a hash in their name and never change. Compressed text is taken as the
 * build put it there, `<file>.br` and `<file>.gz`.
 */
import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { strongEtag } from './etag.ts';

export interface SiteFile {
  readonly type: string;
  readonly etag: string;
  readonly immutable: boolean;
  readonly bytes: Buffer;
  /** The compressed bytes that the build put beside it. */
  readonly encoded: { readonly br: Buffer | null; readonly gzip: Buffer | null };
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
const FILE_BYTES_MAX = 32 * 1024 * 1024;
const SAFE_PATH = /^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/;

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
  const { mtimeMs } = await stat(place);
  const [bytes, br, gzip] = await Promise.all([
    readFile(place),
    readCompressed(`${place}.br`, mtimeMs),
    readCompressed(`${place}.gz`, mtimeMs),
  ]);
  const immutable = name.startsWith('/assets/');
  return { type, etag: strongEtag(bytes), immutable, bytes, encoded: { br, gzip } };
}

/** One that is older than its file was left behind by an earlier build. */
async function readCompressed(place: string, sinceMs: number): Promise<Buffer | null> {
  const found = await stat(place).catch(() => null);
  return found === null || found.mtimeMs < sinceMs ? null : readFile(place);
}
