/** An input as text: decoded by its byte order mark or the given encoding, in lines. */
import { importError, type NamedFile, readBytes } from './input-file.ts';

export interface TextOptions {
  readonly signal: AbortSignal;
  /** A label of the WHATWG Encoding standard; UTF-8, or UTF-16 where the bytes show it. */
  readonly encoding?: string | undefined;
  /** What becomes of bytes that are not of the encoding: an error, or U+FFFD each. */
  readonly malformed?: 'error' | 'replace';
  /** Bytes that are read at a time. */
  readonly chunkBytes?: number;
}

export interface LineBatch {
  /** The number of the first one; lines count from 1. */
  readonly from: number;
  readonly lines: readonly string[];
}

/** Characters of one line at most. */
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024;
const START_BYTES = 4;
const NEWLINE = 0x0a;

/** Whether the platform can decode an encoding of this name. */
export function isEncoding(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

/** Pieces of the text, cut anywhere, without the byte order mark. */
export async function* readText(file: NamedFile, options: TextOptions): AsyncGenerator<string> {
  const { encoding, malformed = 'error', chunkBytes, signal } = options;
  let decoder: InstanceType<typeof TextDecoder> | null = null;
  let label = '';
  let line = 1;
  const decode = (bytes: Uint8Array, stream: boolean): string => {
    if (decoder === null) {
      label = encodingOf(bytes, encoding);
      decoder = new TextDecoder(label, { fatal: malformed === 'error' });
    }
    try {
      return decoder.decode(bytes, { stream });
    } catch (error) {
      const at = line + lineOfMalformed(bytes, label);
      throw importError(`${file.path} line ${at}`, adviceOn(label, encoding), error);
    }
  };
  let start: Uint8Array | null = new Uint8Array();
  for await (const chunk of readBytes(file, signal, chunkBytes)) {
    let bytes: Uint8Array = chunk;
    if (start !== null) {
      bytes = start.length === 0 ? chunk : Buffer.concat([start, chunk]);
      start = bytes.length < START_BYTES ? bytes : null;
      if (start !== null) continue;
    }
    yield decode(bytes, true);
    line += countNewlines(bytes);
  }
  yield decode(start ?? new Uint8Array(), false);
}

/**
 * The lines, many at a time; each of `\n`, `\r\n` and `\r` ends one. The last batch is marked, and
 * may be empty.
 */
export async function* readLines(
  file: NamedFile,
  options: TextOptions,
): AsyncGenerator<LineBatch & { readonly last: boolean }> {
  let rest = '';
  let from = 1;
  for await (const piece of readText(file, options)) {
    let text = rest + piece;
    // A carriage return at the end may be the first half of a line's end.
    const held = text.endsWith('\r') ? '\r' : '';
    if (held !== '') text = text.slice(0, -1);
    const lines = splitLines(text);
    rest = (lines.pop() ?? '') + held;
    if (rest.length > LINE_CHARACTERS_MAX) {
      throw importError(`${file.path} line ${from + lines.length}`, 'longer than 16 MiB');
    }
    if (lines.length === 0) continue;
    yield { from, lines, last: false };
    from += lines.length;
  }
  const lines = splitLines(rest);
  if (lines.at(-1) === '') lines.pop();
  yield { from, lines, last: true };
}

function splitLines(text: string): string[] {
  if (!text.includes('\r')) return text.split('\n');
  return text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n');
}

/** By the byte order mark; then as given; then UTF-16 if every other byte is 0; else UTF-8. */
function encodingOf(bytes: Uint8Array, given: string | undefined): string {
  const [first, second, third, fourth] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (given !== undefined) return given;
  if (first !== 0 && second === 0 && third !== 0 && fourth === 0) return 'utf-16le';
  if (first === 0 && second !== 0 && third === 0 && fourth !== 0) return 'utf-16be';
  return 'utf-8';
}

function adviceOn(label: string, given: string | undefined): string {
  if (given !== undefined) return `not ${given}, which the mapping's encoding says`;
  const name = label.toUpperCase();
  return `not ${name}; save it as UTF-8, or set encoding in the mapping, such as windows-1252`;
}

/** Lines before the first malformed byte of a chunk. */
function lineOfMalformed(bytes: Uint8Array, label: string): number {
  const text = new TextDecoder(label).decode(bytes);
  const at = text.indexOf('\uFFFD');
  return text.slice(0, Math.max(0, at)).split('\n').length - 1;
}

/** Also right for UTF-16 but for a few letters that hold this byte; it only goes into messages. */
function countNewlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
