/** The hours in which a rule may open incidents. */
import type { AlertRule } from '../model/alerts.ts';
import { zoneOffsets } from '../model/time-zone.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const zones = new Map<string, (at: number) => number>();

/** Whether `at` (milliseconds since 1970) is in them on the clock of that zone. */
export function isActiveAt(
  { from, to, days }: NonNullable<AlertRule['active']>,
  timeZone: string,
  at: number,
): boolean {
  let offset = zones.get(timeZone);
  if (offset === undefined) {
    offset = zoneOffsets(timeZone);
    zones.set(timeZone, offset);
  }
  const local = at + offset(at) * 1_000;
  const day = Math.floor(local / DAY_MS);
  const minute = Math.floor((local - day * DAY_MS) / MINUTE_MS);
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const isToday = begin < end ? minute >= begin && minute < end : minute >= begin;
  const isSinceYesterday = begin >= end && minute < end;
  const startsOn = (which: number) => {
    const name = DAYS[(((which + 4) % 7) + 7) % 7];
    return days === undefined || (name !== undefined && days.includes(name));
  };
  return (isToday && startsOn(day)) || (isSinceYesterday && startsOn(day - 1));
}

/** `08:30` → 510. */
function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}
