import { formatNumber } from './numbers.ts';

const POINTS = [
  'N',
  'NNE',
  'NE',
  'ENE',
  'E',
  'ESE',
  'SE',
  'SSE',
  'S',
  'SSW',
  'SW',
  'WSW',
  'W',
  'WNW',
  'NW',
  'NNW',
] as const;

/** Where the wind comes from, of 16 points: 247° → "WSW". */
export function formatCompass(degrees: number): string {
  const turn = ((degrees % 360) + 360) % 360;
  return POINTS[Math.round(turn / 22.5) % POINTS.length] ?? 'N';
}

/** "4.1 m/s WSW", "calm" below 0.3 m/s (Beaufort 0), "–" without a speed. */
export function formatWind(
  speed: number | null | undefined,
  direction: number | null | undefined,
): string {
  if (speed === null || speed === undefined) return '–';
  if (speed < 0.3) return 'calm';
  const text = `${formatNumber(speed, speed >= 9.95 ? 0 : 1)} m/s`;
  return direction === null || direction === undefined
    ? text
    : `${text} ${formatCompass(direction)}`;
}
