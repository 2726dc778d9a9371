/**
 * The trace of a record: one id from the provider's call to the page, made from the record itself.
 *
 *     trace id = the first 16 bytes of SHA-256 over city_id LF collected_at
 *                                                    [LF import_id LF import_row]
 *     collected_at = to the millisecond, `2024-10-31T14:00:00.120Z`, without a fraction of zeros
 *
 * A city is asked once at a time, so that one call is one trace. The rows of an import have one
 * `collected_at`; each is told apart by its number. Nothing is stored: a record of the log, its row
 * in the table, a rejected record and an event give the same id, in every process.
 */
import { hash } from 'node:crypto';
import { formatTime } from './time-zone.ts';

export interface Traced {
  readonly city_id: string;
  /** ISO 8601; for a call without an answer the time at which it failed. */
  readonly collected_at: string;
  readonly import_id?: number | null;
  readonly import_row?: number | null;
}

/** A trace id of W3C Trace Context: 32 hexadecimal digits. */
export function traceIdOf({ city_id, collected_at, import_id, import_row }: Traced): string {
  const parts: unknown[] = [city_id, normalTime(collected_at)];
  // Imports of isobar 0.1 have no numbers.
  if (import_id != null || import_row != null) parts.push(import_id ?? '', import_row ?? '');
  return digest(parts.join('\n')).slice(0, 32);
}

/** Records of one landing, publication or batch of events up to which each gets a span. */
export const RECORDS_TRACED_MAX = 1_000;

/** Trace ids in one line of the log at most. */
export const TRACES_LOGGED_MAX = 20;

/** What happens to a record, each step after its parent. */
export const STEPS = {
  collect: null,
  append: 'collect',
  land: 'append',
  publish: 'land',
  'serve.event': 'append',
} as const;

export type Step = keyof typeof STEPS;

/** The span id of a step that a trace has once: other processes name it as a parent. */
export function spanIdOf(traceId: string, step: Step): string {
  return digest(`${traceId}\n${step}`).slice(0, 16);
}

const NORMAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!000)\d{3})?Z$/;

/** The table keeps microseconds, and a record of another program may have another form. */
function normalTime(time: string): string {
  if (NORMAL_TIME.test(time)) return time;
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : formatTime(at);
}

function digest(text: string): string {
  return hash('sha256', text, 'hex');
}
