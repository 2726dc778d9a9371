/** What `doctor` finds: one line, and what to do. */
import { asIsobarError } from '../../errors.ts';

export interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do; empty when all is well. */
  readonly remedy: string;
}

export function ok(check: string, text: string): Finding {
  return { check, verdict: 'ok', text, remedy: '' };
}

/**
 * `code` first, as in every error; its remedy is the one of the table. An error that lists several
 * problems is a finding for each of them.
 */
export function failures(check: string, error: unknown): Finding[] {
  const { code, message, row } = asIsobarError(error);
  return message.split('\n').map((problem) => ({
    check,
    verdict: 'fail',
    text: `${code}: ${problem}`,
    remedy: row.remedy,
  }));
}
