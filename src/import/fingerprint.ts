import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { IsobarError } from '../errors.ts';
import type { InputFile } from '../model/imports.ts';

/** The files with the SHA-256 of their content, which names them whatever they are called. */
export async function describeInputs(
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<InputFile[]> {
  const inputs: InputFile[] = [];
  for (const path of paths) inputs.push(await describeInput(path, signal));
  return inputs;
}

async function describeInput(path: string, signal?: AbortSignal): Promise<InputFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    const text = `${path}: the file cannot be read (${code ?? 'unknown error'})`;
    throw new IsobarError('IMPORT_INVALID', text, { cause: error });
  }
  return { path, bytes, sha256: hash.digest('hex') };
}
