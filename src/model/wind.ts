/**
 * Wind: ONE definition of calm. At a speed of 0 the wind comes from nowhere, whatever direction the
 * report gives with it (stations write 0, which is north). A direction without a speed counts.
 */
import type { VariableName } from './variables.ts';

export const CALM_MAX_MS = 0;

export function isCalm(speedMs: number): boolean {
  return speedMs <= CALM_MAX_MS;
}

/** The same in SQL, over the columns of an observation. */
export const IS_CALM = `wind_speed_ms <= ${CALM_MAX_MS}`;

/** Where the wind came from, of an observation; NULL when calm. */
export const WIND_DIRECTION = `CASE WHEN ${IS_CALM} THEN NULL ELSE wind_direction_deg END`;

/** North is (0, 1), east (1, 0). */
export function unitVector(directionDeg: number): { readonly sin: number; readonly cos: number } {
  const radians = (directionDeg * Math.PI) / 180;
  return { sin: Math.sin(radians), cos: Math.cos(radians) };
}

/** What an observation says of a variable, in SQL; NULL for a direction when calm. */
export function valueSql(name: VariableName): string {
  return name === 'wind_direction_deg' ? WIND_DIRECTION : name;
}

/** Whether an observation says anything of a variable: of a direction, that there is none, too. */
export function isHeldSql(name: VariableName): string {
  const isGiven = `${name} IS NOT NULL`;
  return name === 'wind_direction_deg' ? `(${isGiven} OR coalesce(${IS_CALM}, FALSE))` : isGiven;
}
