/** Times on the chosen clock: the city's, mine or UTC. Instants are in ms since 1970 UTC. */
import { locale } from '../words/words.ts';

/** Whose clock people read. */
export type Clock = 'city' | 'mine' | 'utc';

/** IANA zone of the chosen clock; UTC where that is not known, or not to this browser. */
export function zoneOf(clock: Clock, cityZone: string | null | undefined): string {
  const zone = clock === 'mine' ? ownZone() : clock === 'city' ? cityZone : 'UTC';
  return zone && isKnownZone(zone) ? zone : 'UTC';
}

/** IANA zone for times that belong to no city: UTC where that is chosen, else the reader's own. */
export function zoneWithoutCity(clock: Clock): string {
  return zoneOf(clock === 'utc' ? 'utc' : 'mine', null);
}

/** What the machine calls its zone: it need not be one that the browser knows. */
export function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone ?? '';
}

const knownZones = new Map<string, boolean>();

/** Whether this browser knows the zone: its data may be older than the zone, or left out. */
export function isKnownZone(zone: string): boolean {
  let known = knownZones.get(zone);
  if (known === undefined) {
    known = canFormat(zone);
    knownZones.set(zone, known);
  }
  return known;
}

function canFormat(zone: string): boolean {
  // Some browsers accept this name of no zone at all.
  if (zone === 'Etc/Unknown') return false;
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** Of a time that is none; formatting it would throw. */
const NO_TIME = '–';
const TIME_MAX = 8.64e15;

function isTime(at: number): boolean {
  return Math.abs(at) <= TIME_MAX;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, name: keyof typeof STYLES): Intl.DateTimeFormat {
  const key = `${locale.value} ${name} ${zone}`;
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat(localeOf(name), { ...STYLES[name], timeZone: zone });
    formats.set(key, made);
  }
  return made;
}

/** What is read by the page and not by people is the same in every language. */
function localeOf(name: keyof typeof STYLES): string {
  return name === 'parts' || name === 'offset' ? 'en-GB' : locale.value;
}

const STYLES = {
  clock: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  dayOfYear: { day: 'numeric', month: 'short', year: 'numeric' },
  weekday: { weekday: 'short' },
  weekdayAndDay: { weekday: 'short', day: 'numeric' },
  month: { month: 'short' },
  monthOfYear: { month: 'short', year: 'numeric' },
  year: { year: 'numeric' },
  parts: {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  },
  offset: { timeZoneName: 'longOffset' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

function write(at: number, zone: string, name: keyof typeof STYLES): string {
  return isTime(at) ? format(zone, name).format(at) : NO_TIME;
}

/** "14:05". */
export function formatClock(at: number, zone: string): string {
  return write(at, zone, 'clock');
}

/** "Fri 8 Jul"; "8 Jul 2016" with the year when that is another than `now`'s. */
export function formatDay(at: number, zone: string, now: number): string {
  const sameYear = write(at, zone, 'year') === write(now, zone, 'year');
  return write(at, zone, sameYear ? 'day' : 'dayOfYear').replace(',', '');
}

/** "Fri 8 Jul 14:05". */
export function formatTime(at: number, zone: string, now: number): string {
  return isTime(at) ? `${formatDay(at, zone, now)} ${formatClock(at, zone)}` : NO_TIME;
}

/** "14:05" today, "Fri 8 Jul 14:05" on another day. */
export function formatTimeShort(at: number, zone: string, now: number): string {
  const today = write(at, zone, 'dayOfYear') === write(now, zone, 'dayOfYear');
  return today ? formatClock(at, zone) : formatTime(at, zone, now);
}

/** "UTC+01:00", "UTC". */
export function formatOffset(at: number, zone: string): string {
  if (!isTime(at)) return NO_TIME;
  const part = format(zone, 'offset')
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName');
  const text = (part?.value ?? 'UTC').replace('GMT', 'UTC').replace('-', '−');
  return text === 'UTC+00:00' ? 'UTC' : text;
}

/** Hour of the day, 0 to 23. */
export function hourOf(at: number, zone: string): number {
  return new Date(at + offsetAt(at, zone)).getUTCHours();
}

/** Milliseconds to add to UTC for the zone's clock at this instant. */
export function offsetAt(at: number, zone: string): number {
  if (zone === 'UTC' || !isTime(at)) return 0;
  const read: Record<string, number> = {};
  for (const { type, value } of format(zone, 'parts').formatToParts(at)) read[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = read;
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  return wall - Math.floor(at / 1_000) * 1_000;
}

/** The instant at which the zone's clock shows this wall time (as if it were UTC). */
export function instantOf(wall: number, zone: string): number {
  const guess = wall - offsetAt(wall, zone);
  return wall - offsetAt(guess, zone);
}

/** "Fri", or "Fri 8" with the day. */
export function formatWeekday(at: number, zone: string, how: 'short' | 'day'): string {
  return write(at, zone, how === 'day' ? 'weekdayAndDay' : 'weekday').replace(',', '');
}

export function formatMonth(at: number, zone: string): string {
  return write(at, zone, 'month');
}

export function formatMonthOfYear(at: number, zone: string): string {
  return write(at, zone, 'monthOfYear');
}

export function formatYear(at: number, zone: string): string {
  return write(at, zone, 'year');
}
