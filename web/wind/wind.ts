import { isCalm } from '../../src/model/wind.ts';
import { formatNumber } from '../format/numbers.ts';
import { words } from '../words/words.ts';

/** An arrow upwards around its middle, 13 px high. */
export const ARROW_PATH = 'M0 -7L5 6L0 3L-5 6Z';

/** Where the wind comes from, of 16 points: 247° → "WSW". */
export function formatCompass(degrees: number): string {
  const turn = ((degrees % 360) + 360) % 360;
  const points = words.value.wind.points.split(' ');
  return points[Math.round(turn / 22.5) % points.length] ?? '';
}

/** "4.1 m/s WSW", "calm" at 0, "–" without a speed. */
export function formatWind(
  speed: number | null | undefined,
  direction: number | null | undefined,
): string {
  if (speed === null || speed === undefined) return '–';
  if (isCalm(speed)) return words.value.wind.calm;
  const digits = speed >= 9.95 ? 0 : speed < 0.05 ? 2 : 1;
  const text = `${formatNumber(speed, digits)} m/s`;
  return direction === null || direction === undefined
    ? text
    : `${text} ${formatCompass(direction)}`;
}
