/** `2024-10-31T14:00:00Z`, with as many digits after the second as the time needs; or null. */
export function isoTime(micros: bigint): string | null {
  const milliseconds = micros >= 0n || micros % 1000n === 0n ? micros / 1000n : micros / 1000n - 1n;
  const date = new Date(Number(milliseconds));
  // The infinities, and what no calendar of ours reaches.
  if (Number.isNaN(date.getTime())) return null;
  const text = date.toISOString();
  const rest = micros - milliseconds * 1000n;
  if (rest !== 0n) return text.replace('Z', `${String(rest).padStart(3, '0')}Z`);
  return text.replace('.000Z', 'Z');
}

/** ISO 8601 times in UTC with any number of digits after the second, by when they are. */
export function compareTimes(a: string, b: string): number {
  // Date has milliseconds; what is finer is compared digit by digit.
  return Date.parse(a) - Date.parse(b) || finerDigits(a) - finerDigits(b);
}

/** The digits after the milliseconds, as a number of nanoseconds. */
function finerDigits(time: string): number {
  const digits = /\.\d{3}(\d{1,6})/.exec(time)?.[1];
  return digits === undefined ? 0 : Number(digits.padEnd(6, '0'));
}
