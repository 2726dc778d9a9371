/** Times as the browser's own input for them writes them, on the chosen clock. */
import { instantOf, offsetAt } from '../format/times.ts';

/** "2016-07-08T14:05", for an input of type `datetime-local`. */
export function formatLocal(at: number, zone: string): string {
  return new Date(at + offsetAt(at, zone)).toISOString().slice(0, 16);
}

/** Null for a text that is not a time. */
export function parseLocal(text: string, zone: string): number | null {
  const wall = Date.parse(`${text}Z`);
  return /^\d{4,6}-\d\d-\d\dT\d\d:\d\d/.test(text) && !Number.isNaN(wall)
    ? instantOf(wall, zone)
    : null;
}
