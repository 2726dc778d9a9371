/** Seconds that a zone's clock is ahead of UTC at a moment, daylight saving included. */
export function zoneOffsetSeconds(timeZone: string, at: Date): number {
  // The formatter has no fractions of a second; neither have the zones' offsets.
  const moment = Math.floor(at.getTime() / 1_000) * 1_000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(moment)) {
    if (type !== 'literal') parts[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return (Date.UTC(year, month - 1, day, hour, minute, second) - moment) / 1_000;
}

/** Names of three letters in the IANA database. */
const SHORT_NAMES = new Set('CET EET EST GMT HST MET MST PRC ROC ROK UCT UTC WET'.split(' '));

/**
 * Whether it is an IANA zone or a fixed offset such as +01:00. The runtime also knows abbreviations
 * that mean several zones, and takes one of them: BST is Dhaka there, AST is Anchorage.
 */
export function isTimeZone(name: string): boolean {
  if (/^[a-z]{3}$/i.test(name) && !SHORT_NAMES.has(name.toUpperCase())) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(timeZone, formatter);
  }
  return formatter;
}

/** ISO 8601 in UTC, without a fraction when the second is whole. */
export function formatTime(at: Date): string {
  return at.toISOString().replace('.000Z', 'Z');
}

const DAY_MS = 86_400_000;

/** Days that a function of `zoneOffsets` remembers at most: some 130 years. */
const DAYS_KEPT_MAX = 50_000;

/**
 * The same for many moments of one zone, fast: a day (UTC) whose offset is the same at its two ends
 * has it all day long, so only days of a change are asked moment by moment.
 */
export function zoneOffsets(timeZone: string): (at: number) => number {
  const starts = new Map<number, number>();
  function atStart(day: number): number {
    let offset = starts.get(day);
    if (offset === undefined) {
      offset = zoneOffsetSeconds(timeZone, new Date(day * DAY_MS));
      if (starts.size >= DAYS_KEPT_MAX) starts.clear();
      starts.set(day, offset);
    }
    return offset;
  }
  return (at) => {
    const day = Math.floor(at / DAY_MS);
    const start = atStart(day);
    return start === atStart(day + 1) ? start : zoneOffsetSeconds(timeZone, new Date(at));
  };
}

/** The same for moments of many zones; each zone's days are remembered. */
export function offsetsByZone(): (timeZone: string, at: number) => number {
  const zones = new Map<string, (at: number) => number>();
  return (timeZone, at) => {
    let offsetAt = zones.get(timeZone);
    if (offsetAt === undefined) {
      offsetAt = zoneOffsets(timeZone);
      zones.set(timeZone, offsetAt);
    }
    return offsetAt(at);
  };
}
