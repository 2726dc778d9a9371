/** The one place that writes to stdout and stderr for commands: escaped, and without secrets. */
import type { Writable } from 'node:stream';
import type { IsobarError } from '../errors.ts';
import { printable } from '../printable.ts';
import { keepOutOfErrors, maskSecrets } from '../secrets.ts';
import { splitRedraw } from './progress.ts';
import { openStdout } from './stdout.ts';

/** `rows` are for programs: they are escaped only where stdout is a terminal. */
type OutputKind = 'text' | 'rows';

export interface Output {
  /** From now on these values do not appear in any output. */
  keepSecret(values: readonly string[]): void;
  /** Writes a result to stdout; what could steer a terminal is escaped. */
  print(text: string, kind?: OutputKind): void;
  /**
   * Writes a long result to stdout, no faster than it is read. Resolves early when its reader has
   * gone, and rejects when it cannot be written.
   */
  printAll(parts: AsyncIterable<string>, kind?: OutputKind): Promise<void>;
  /** Writes to stderr, escaped: progress, messages. */
  report(text: string): void;
}

export interface ProcessOutput extends Output {
  /** Why results could not be written; null also when the reader left (`isobar query … | head`). */
  readonly failure: IsobarError | null;
}

export function openOutput(
  stdout: Writable & { readonly isTTY?: boolean },
  stderr: { write(text: string): unknown },
): ProcessOutput {
  const secrets: string[] = [];
  const results = openStdout(stdout, (text) => maskSecrets(text, secrets));
  const shown = (text: string, kind: OutputKind) =>
    kind === 'rows' && stdout.isTTY !== true ? text : printable(text.replaceAll('\r\n', '\n'));
  return {
    keepSecret(values) {
      secrets.push(...values);
      keepOutOfErrors(values);
    },
    print: (text, kind = 'text') => results.print(shown(text, kind)),
    async printAll(parts, kind = 'text') {
      async function* shownParts() {
        for await (const part of parts) yield shown(part, kind);
      }
      await results.printAll(shownParts());
    },
    report(text) {
      const [redraw, message] = splitRedraw(text);
      stderr.write(redraw + maskSecrets(printable(message), secrets));
    },
    get failure() {
      return results.failure;
    },
  };
}
