const formatters = new Map<string, Intl.DateTimeFormat>();

/**
 * Seconds to add to UTC for the clock of an IANA zone at that moment, summer time included; null
 * for a zone that this Node does not know.
 */
export function utcOffsetSeconds(timeZone: string, ms: number): number | null {
  const formatter = formatterOf(timeZone);
  if (formatter === null) return null;
  const name = formatter.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value;
  // "GMT", "GMT+05:45", in the first half of the 20th century also "GMT-00:44:30".
  const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name ?? '');
  if (match === null) return null;
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match;
  const total = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  return sign === '-' ? -total : total;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat | null {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  try {
    const formatter = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
    formatters.set(timeZone, formatter);
    return formatter;
  } catch {
    return null;
  }
}
