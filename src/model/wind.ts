/**
 * Wind: ONE definition of calm. At a speed of 0 the wind comes from nowhere, whatever direction the
 * report gives with it (stations write 0, which is north). A direction without a speed counts.
 */
export const CALM_MAX_MS = 0;

export function isCalm(speedMs: number): boolean {
  return speedMs <= CALM_MAX_MS;
}

/** The same in SQL, over the columns of an observation. */
export const IS_CALM = `wind_speed_ms <= ${CALM_MAX_MS}`;

/** Where the wind came from, of an observation; NULL when calm. */
export const WIND_DIRECTION = `CASE WHEN ${IS_CALM} THEN NULL ELSE wind_direction_deg END`;
