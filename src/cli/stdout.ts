/** Results on standard output: at the speed of their reader, which may leave at any time. */
import type { Writable } from 'node:stream';
import { type IsobarError, translateFileError } from '../errors.ts';

export interface Stdout {
  print(text: string): void;
  printAll(parts: AsyncIterable<string>): Promise<void>;
  /** Why results could not be written; null also when the reader left (`isobar query … | head`). */
  readonly failure: IsobarError | null;
}

/** `mask` is applied to each text. */
export function openStdout(stream: Writable, mask: (text: string) => string): Stdout {
  let hasLeft = false;
  let failure: IsobarError | null = null;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    hasLeft = true;
    if (error.code !== 'EPIPE') {
      failure ??= translateFileError(error, 'standard output', 'DATA_UNWRITABLE');
    }
  });

  /** Resolves once the text is on its way, or cannot be any more. */
  function write(text: string): Promise<void> {
    return new Promise((resolve) => {
      // Errors come to the listener, too.
      stream.write(mask(text), () => resolve());
    });
  }

  return {
    print(text) {
      if (!hasLeft) stream.write(mask(text));
    },
    async printAll(parts) {
      for await (const part of parts) {
        if (part !== '') await write(part);
        if (failure !== null) throw failure;
        if (hasLeft) return;
      }
    },
    get failure() {
      return failure;
    },
  };
}
