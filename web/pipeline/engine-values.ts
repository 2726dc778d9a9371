/** Figures of the services as people read them. */
import type { EngineFigure } from '../../src/model/engines.ts';
import { formatAge } from '../format/ages.ts';
import { formatBytes, formatCount, formatNumber } from '../format/numbers.ts';
import { words } from '../words/words.ts';

/** 0.0123 seconds → "12 ms", 0.25 of a ratio → "25 %", 12.34 records a second → "12.3/s". */
export function formatFigure(value: number | null, unit: string): string {
  const say = words.value.pipeline.engines;
  if (value === null) return '–';
  if (unit === 'seconds') return formatSeconds(value);
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'bytes/second') return say.perSecond(formatBytes(value));
  if (unit === 'ratio') return `${formatNumber(value * 100, value < 0.1 ? 1 : 0)} %`;
  if (unit === '0 or 1') return value === 0 ? say.no : say.yes;
  if (unit.endsWith('/second')) return say.perSecond(formatNumber(value, value < 10 ? 1 : 0));
  return formatCount(value);
}

function formatSeconds(seconds: number): string {
  const { second } = words.value.units;
  if (seconds >= 60) return formatAge(seconds);
  if (seconds >= 1) return `${formatNumber(seconds, 1)} ${second}`;
  return `${formatNumber(seconds * 1_000, seconds < 0.01 ? 1 : 0)} m${second}`;
}

/** The limit that was passed; null for a figure that is well. */
export function limitOf({ state, threshold }: EngineFigure): number | null {
  if (state === 'ok' || threshold === null) return null;
  return state === 'failing' ? threshold.failing : threshold.warning;
}
