/**
 * What follows from measured values, each by a formula with a source. Outside of the range in which a
 * formula holds, the answer is NaN; of a missing value (NaN) it is NaN, too.
 */

const KELVIN = 273.15;
/** Specific gas constants of dry air and of water vapour, J/(kg K) (IAPWS, CIPM-2007). */
const DRY_AIR = 287.055;
const VAPOUR = 461.5;
const GRAVITY = 9.806_65;

/** Saturation vapour pressure over water, hPa, by Alduchov and Eskridge (1996), equation 21. */
export function saturationPressure(temperature: number): number {
  return 6.1094 * Math.exp((17.625 * temperature) / (243.04 + temperature));
}

/** Water in the air, g/m³, from temperature in °C and relative humidity in %, as of an ideal gas. */
export function absoluteHumidity(temperature: number, humidity: number): number {
  const pressure = (humidity / 100) * saturationPressure(temperature) * 100;
  return (1_000 * pressure) / (VAPOUR * (temperature + KELVIN));
}

/**
 * Wet-bulb temperature in °C from temperature in °C (−20 to 50) and relative humidity in % (5 to 99), at
 * pressures near sea level, to about 1.4 °C. Its author leaves out air that is both cold and dry; so does
 * this where the two add up to less than 20 (below it, it would be up to 4 °C off): Stull, "Wet-bulb temperature from relative humidity and air
 * temperature", J. Appl. Meteor. Climatol. 50, 2011, doi:10.1175/JAMC-D-11-0143.1.
 */
export function wetBulb(temperature: number, humidity: number): number {
  const isInRange = temperature >= -20 && temperature <= 50 && humidity >= 5 && humidity <= 99;
  if (!isInRange || temperature + humidity < 20) return Number.NaN;
  return (
    temperature * Math.atan(0.151977 * Math.sqrt(humidity + 8.313659)) +
    Math.atan(temperature + humidity) -
    Math.atan(humidity - 1.676331) +
    0.00391838 * humidity ** 1.5 * Math.atan(0.023101 * humidity) -
    4.686035
  );
}

/**
 * What a temperature feels like, °C: the heat index of the US National Weather Service from 26.7 °C (80 °F) on,
 * its wind chill up to 10 °C in wind above 1.34 m/s, else the temperature itself. `windSpeed` is in m/s at 10 m.
 */
export function feelsLike(temperature: number, humidity: number, windSpeed: number): number {
  if (temperature <= CHILL_MOST_C && windSpeed > CHILL_WIND_MS) {
    return windChill(temperature, windSpeed);
  }
  const index = heatIndex(temperature, humidity);
  return Number.isNaN(index) ? temperature : index;
}

const CHILL_MOST_C = 10;
/** 3 miles an hour. */
const CHILL_WIND_MS = 1.341_12;

/**
 * Wind chill, °C: National Weather Service and Environment Canada, 2001. NaN above 10 °C and below
 * 1.34 m/s.
 */
export function windChill(temperature: number, windSpeed: number): number {
  if (!(temperature <= CHILL_MOST_C && windSpeed > CHILL_WIND_MS)) return Number.NaN;
  const factor = (windSpeed * 3.6) ** 0.16;
  return 13.12 + 0.6215 * temperature - 11.37 * factor + 0.3965 * temperature * factor;
}

const HEAT_LEAST_F = 80;

/**
 * Heat index, °C: Rothfusz (1990), National Weather Service technical attachment SR 90-23, with the
 * adjustments of https://www.wpc.ncep.noaa.gov/html/heatindex_equation.shtml. NaN below 26.7 °C (80 °F).
 */
export function heatIndex(temperature: number, humidity: number): number {
  const t = temperature * 1.8 + 32;
  const r = humidity;
  if (!(t >= HEAT_LEAST_F)) return Number.NaN;
  const simple = 0.5 * (t + 61 + (t - 68) * 1.2 + r * 0.094);
  const index = (simple + t) / 2 < HEAT_LEAST_F ? simple : regression(t, r) + adjustment(t, r);
  return (index - 32) / 1.8;
}

function regression(t: number, r: number): number {
  return (
    -42.379 +
    2.04901523 * t +
    10.14333127 * r -
    0.22475541 * t * r -
    0.00683783 * t * t -
    0.05481717 * r * r +
    0.00122874 * t * t * r +
    0.00085282 * t * r * r -
    0.00000199 * t * t * r * r
  );
}

function adjustment(t: number, r: number): number {
  if (r < 13 && t <= 112) return -((13 - r) / 4) * Math.sqrt((17 - Math.abs(t - 95)) / 17);
  return r > 85 && t <= 87 ? ((r - 85) / 10) * ((87 - t) / 5) : 0;
}

/**
 * Pressure at sea level, hPa, from that of the station in hPa, its elevation in m (up to 750 m, above which
 * WMO does not reduce by temperature), temperature in °C and relative humidity in %: WMO-No. 8, volume I,
 * chapter 3, annex 3.A.
 */
export function seaLevelPressure(
  stationPressure: number,
  elevation: number,
  temperature: number,
  humidity: number,
): number {
  if (!(elevation <= 750)) return Number.NaN;
  const vapour = (humidity / 100) * saturationPressure(temperature);
  const mean = temperature + KELVIN + (0.0065 * elevation) / 2 + vapour * 0.12;
  return stationPressure * Math.exp((GRAVITY * elevation) / (DRY_AIR * mean));
}
