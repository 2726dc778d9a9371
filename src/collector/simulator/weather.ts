/**
 * Plausible weather of any point and time, made up: a yearly and a daily cycle, synoptic noise
 * over days and hundreds of kilometres, and everything else in keeping with it.
 */
import { noise1, noise3 } from './noise.ts';
import { declination, solarHour } from './solar.ts';

export interface Weather {
  readonly temperature: number;
  readonly feelsLike: number;
  readonly humidity: number;
  readonly pressure: number;
  readonly windSpeed: number;
  readonly windGust: number;
  readonly windDirection: number;
  readonly cloudCover: number;
  readonly visibility: number;
  /** mm in the last hour; 0 when dry. */
  readonly rain: number;
  readonly snow: number;
}

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

const DAY_MS = 86_400_000;
const RADIANS = Math.PI / 180;

/** °C, %, hPa, m/s, degrees, metres, mm; the same arguments give the same weather. */
export function weatherAt(seed: number, place: Place, at: Date): Weather {
  const days = at.getTime() / DAY_MS;
  const synoptic = (layer: number, perDay: number) => {
    const [x, y] = [place.longitude / 6, place.latitude / 5];
    return noise3(seed + layer, x, y, days * perDay);
  };
  const front = 0.7 * synoptic(1, 0.35) + 0.3 * synoptic(2, 1.1);
  const cloudiness = 0.75 * synoptic(3, 0.6) + 0.25 * synoptic(4, 3);
  const dry = dryness(place.latitude);
  const cloudCover = clamp(50 + 75 * (cloudiness - 0.55 * dry), 0, 100);
  const temperature = temperatureAt(seed, place, at, front, cloudCover);

  const wetness = clamp(
    0.62 + 0.35 * cloudiness + 0.12 * synoptic(5, 0.9) - 0.35 * dry,
    0.08,
    0.98,
  );
  const dewPoint = meanTemperature(place, at) - 14 * (1 - wetness) + 3 * front;
  const humidity = clamp(relativeHumidity(temperature, dewPoint), 8, 100);

  const pressure = clamp(1014 - 11 * cloudiness + 6 * synoptic(6, 0.4), 950, 1050);
  const windSpeed = clamp(3.6 + 4.5 * synoptic(7, 0.8) + 2 * Math.abs(front), 0.2, 32);
  const gustiness = 1.25 + 0.25 * (1 + noise1(seed + 8, days * 40 + place.longitude));
  const windDirection = (((180 + 260 * synoptic(9, 0.3)) % 360) + 360) % 360;

  const shower = synoptic(10, 6) + 0.9 * cloudiness - 0.4 * dry;
  const amount = cloudCover > 65 && shower > 0.45 ? Math.min(18, 9 * (shower - 0.45) ** 1.5) : 0;
  const snowing = temperature < 1;
  const rain = amount >= 0.1 && !snowing ? amount : 0;
  const snow = amount >= 0.1 && snowing ? amount * 0.6 : 0;
  const foggy = humidity > 96 && windSpeed < 2;
  const visibility = foggy
    ? 300 + 700 * (100 - humidity)
    : 10_000 - 900 * Math.min(9, rain + 3 * snow);

  return {
    temperature,
    feelsLike: apparentTemperature(temperature, humidity, windSpeed),
    humidity,
    pressure,
    windSpeed,
    windGust: windSpeed * gustiness,
    windDirection,
    cloudCover,
    visibility: clamp(visibility, 100, 10_000),
    rain,
    snow,
  };
}

/** The place's mean at this time of the year: by latitude, seasons growing towards the poles. */
function meanTemperature(place: Place, at: Date): number {
  const { latitude } = place;
  const distance = Math.abs(latitude);
  const yearly = 27.5 - 0.0065 * distance ** 2 - (distance > 55 ? 0.5 * (distance - 55) : 0);
  const swing = clamp(0.22 * (distance - 8), 1, 16) + 4 * dryness(latitude);
  // The warmest days come about a month after the longest.
  const late = new Date(at.getTime() - 30 * DAY_MS);
  const season = (declination(late) / 23.44) * Math.sign(latitude === 0 ? 1 : latitude);
  return yearly + 2.5 * dryness(latitude) + swing * season;
}

function temperatureAt(
  seed: number,
  place: Place,
  at: Date,
  front: number,
  cloudCover: number,
): number {
  const hour = solarHour(place.longitude, at);
  const height = Math.cos((place.latitude - declination(at)) * RADIANS);
  // Warmest at three in the afternoon; clouds and a low sun flatten the day.
  const swing = Math.max(0.4, 6.5 * Math.max(0, height) * (1 - 0.55 * (cloudCover / 100)));
  const daily = swing * Math.cos(((hour - 15) / 24) * 2 * Math.PI);
  const flutter = 0.25 * noise1(seed + 20, at.getTime() / 3_600_000 + place.longitude);
  return clamp(meanTemperature(place, at) + daily + 5.5 * front + flutter, -75, 54);
}

/** 1 in the belts of the deserts around 25°, 0 far from them. */
function dryness(latitude: number): number {
  return Math.exp(-(((Math.abs(latitude) - 25) / 7) ** 2));
}

/**
 * Relative humidity in percent from temperature and dew point, °C (Magnus form with the constants
 * of Alduchov and Eskridge, "Improved Magnus Form Approximation", J. Appl. Meteor. 35, 1996).
 */
function relativeHumidity(temperature: number, dewPoint: number): number {
  const pressure = (t: number) => 6.1094 * Math.exp((17.625 * t) / (t + 243.04));
  return 100 * (pressure(Math.min(dewPoint, temperature)) / pressure(temperature));
}

/**
 * What the air feels like, °C: Steadman's apparent temperature without radiation, from
 * temperature, relative humidity and wind (R. G. Steadman, "Norms of Apparent Temperature in
 * Australia", Aust. Met. Mag. 43, 1994).
 */
function apparentTemperature(temperature: number, humidity: number, windSpeed: number): number {
  const vapour = (humidity / 100) * 6.105 * Math.exp((17.27 * temperature) / (237.7 + temperature));
  return temperature + 0.33 * vapour - 0.7 * windSpeed - 4;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
