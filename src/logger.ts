import { pino } from 'pino';
import { printable } from './printable.ts';
import { maskSecrets } from './secrets.ts';
import { stderr } from './stderr.ts';

/** People's log (the record log is `log`). One line a message, to stderr. */
export interface Logger {
  debug(message: string): void;
  debug(details: object, message: string): void;
  info(message: string): void;
  info(details: object, message: string): void;
  warn(message: string): void;
  warn(details: object, message: string): void;
  error(message: string): void;
  error(details: object, message: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Lines of JSON on stderr; `secrets` never appear in one, whatever a message or error holds. */
export function openLogger(level: LogLevel, secrets: readonly string[] = []): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => stderr.write(maskSecrets(printable(line), secrets)) },
  );
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
