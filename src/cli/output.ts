/** The one place that writes to stdout and stderr for commands: escaped, and without secrets. */
import { maskSecrets } from '../logger.ts';
import { printable } from '../printable.ts';
import { splitRedraw } from './progress.ts';

export interface Output {
  /** From now on none of these values appears in any output. */
  keepSecret(values: readonly string[]): void;
  /**
   * Writes a result to stdout; what could steer a terminal is escaped. `rows` are for programs:
   * they are escaped only where stdout is a terminal.
   */
  print(text: string, kind?: 'text' | 'rows'): void;
  /** Writes to stderr, escaped: progress, messages. */
  tell(text: string): void;
}

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export function openOutput(stdout: Stream, stderr: Stream): Output {
  const secrets: string[] = [];
  return {
    keepSecret: (values) => void secrets.push(...values),
    print(text, kind = 'text') {
      const isRaw = kind === 'rows' && stdout.isTTY !== true;
      const shown = isRaw ? text : printable(text.replaceAll('\r\n', '\n'));
      stdout.write(maskSecrets(shown, secrets));
    },
    tell(text) {
      const [redraw, message] = splitRedraw(text);
      stderr.write(redraw + maskSecrets(printable(message), secrets));
    },
  };
}
