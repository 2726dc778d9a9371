/** When it is night somewhere, to within some minutes: enough to shade a chart. */

export interface Span {
  readonly from: number;
  readonly to: number;
}

const STEP_MS = 5 * 60_000;

/** Spans from `from` to `to` in which the sun is below the horizon (−0.83°: refraction and its disc). */
export function nights(
  from: number,
  to: number,
  latitude: number,
  longitude: number,
): readonly Span[] {
  const spans: Span[] = [];
  let since: number | null = null;
  for (let at = from; at <= to; at += STEP_MS) {
    const dark = sunElevation(at, latitude, longitude) < -0.83;
    if (dark) since ??= at;
    else if (since !== null) {
      spans.push({ from: since, to: at });
      since = null;
    }
  }
  if (since !== null) spans.push({ from: since, to });
  return spans;
}

/**
 * Degrees of the sun above the horizon; the low-precision formulas of the Astronomical Almanac
 * (page C5), right to about 0.01° from 1950 to 2050.
 */
export function sunElevation(at: number, latitude: number, longitude: number): number {
  const days = at / 86_400_000 - 10_957.5;
  const anomaly = radians(357.528 + 0.985_600_3 * days);
  const ecliptic = radians(
    280.46 + 0.985_647_4 * days + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly),
  );
  const obliquity = radians(23.439 - 0.000_000_4 * days);
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(ecliptic), Math.cos(ecliptic));
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(ecliptic));
  const sidereal = radians(280.460_618_37 + 360.985_647_366_29 * days + longitude);
  const hourAngle = sidereal - ascension;
  const north = radians(latitude);
  const sine =
    Math.sin(north) * Math.sin(declination) +
    Math.cos(north) * Math.cos(declination) * Math.cos(hourAngle);
  return (Math.asin(sine) * 180) / Math.PI;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
