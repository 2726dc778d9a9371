/** Where the sun stands, well enough for made-up weather: simple approximations. */
const DAY_MS = 86_400_000;
const RADIANS = Math.PI / 180;

/** Degrees that the sun stands north of the equator (Cooper's equation, Solar Energy 12, 1969). */
export function declination(at: Date): number {
  const day = (at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / DAY_MS + 1;
  return 23.45 * Math.sin(((284 + day) / 365) * 2 * Math.PI);
}

/** 0 to 24: mean solar time at a longitude. */
export function solarHour(longitude: number, at: Date): number {
  const hour = (at.getTime() / 3_600_000 + longitude / 15) % 24;
  return hour < 0 ? hour + 24 : hour;
}

/** Seconds since 1970 of sunrise and sunset of that solar day; 0 in polar day or night. */
export function sunTimes(
  latitude: number,
  longitude: number,
  at: Date,
): { readonly sunrise: number; readonly sunset: number } {
  const tangents = Math.tan(latitude * RADIANS) * Math.tan(declination(at) * RADIANS);
  if (Math.abs(tangents) >= 1) return { sunrise: 0, sunset: 0 };
  const halfDay = Math.acos(-tangents) / RADIANS / 15;
  const noon = at.getTime() + (12 - solarHour(longitude, at)) * 3_600_000;
  return {
    sunrise: Math.round((noon - halfDay * 3_600_000) / 1_000),
    sunset: Math.round((noon + halfDay * 3_600_000) / 1_000),
  };
}
