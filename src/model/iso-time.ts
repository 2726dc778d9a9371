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
