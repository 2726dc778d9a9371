/** An answer as OpenWeatherMap would give it, from made-up weather. */
import { sunTimes } from './solar.ts';
import { type Place, type Weather, weatherAt } from './weather.ts';

interface SimulatedCity extends Place {
  readonly name: string;
  readonly country: string;
  readonly utcOffsetSeconds: number;
}

export interface AnswerOptions {
  readonly seed: number;
  readonly city: SimulatedCity;
  /** Seconds since 1970. */
  readonly dt: number;
  readonly units?: 'metric' | 'standard' | 'imperial';
  /** Added to the temperature: an injected fault of the sensor. */
  readonly temperatureError?: number;
}

/** The answer's fields in the provider's order and rounding. */
export function simulateAnswer(options: AnswerOptions): Record<string, unknown> {
  const { seed, city, dt, units = 'metric' } = options;
  const at = new Date(dt * 1_000);
  const weather = weatherAt(seed, city, at);
  const error = options.temperatureError ?? 0;
  const { sunrise, sunset } = sunTimes(city.latitude, city.longitude, at);
  const temperature = (celsius: number) => two(fromCelsius(celsius + error, units));
  const speed = (metres: number) => two(units === 'imperial' ? metres / 0.44704 : metres);
  const daytime = dt >= sunrise && dt < sunset;
  const [id, main, description, icon] = condition(weather);
  const pressure = Math.round(weather.pressure);
  return {
    coord: { lon: four(city.longitude), lat: four(city.latitude) },
    weather: [{ id, main, description, icon: `${icon}${daytime ? 'd' : 'n'}` }],
    base: 'stations',
    main: {
      temp: temperature(weather.temperature),
      feels_like: temperature(weather.feelsLike),
      temp_min: temperature(weather.temperature - 0.8),
      temp_max: temperature(weather.temperature + 0.9),
      pressure,
      humidity: Math.round(weather.humidity),
      sea_level: pressure,
      grnd_level: pressure - 4,
    },
    visibility: Math.round(weather.visibility),
    wind: {
      speed: speed(weather.windSpeed),
      deg: Math.round(weather.windDirection) % 360,
      gust: speed(weather.windGust),
    },
    ...(weather.rain > 0 ? { rain: { '1h': two(weather.rain) } } : {}),
    ...(weather.snow > 0 ? { snow: { '1h': two(weather.snow) } } : {}),
    clouds: { all: Math.round(weather.cloudCover) },
    dt,
    sys: { type: 2, id: 2_000_000, country: city.country, sunrise, sunset },
    timezone: city.utcOffsetSeconds,
    id: cityNumber(city),
    name: city.name,
    cod: 200,
  };
}

/** A number for the place, stable and unlike any of the provider's in looks. */
function cityNumber({ latitude, longitude }: Place): number {
  return 9_000_000 + Math.round((latitude + 90) * 50) * 100 + (Math.round(longitude + 180) % 100);
}

/** Code, group, description and icon: openweathermap.org/weather-conditions. */
function condition(weather: Weather): readonly [number, string, string, string] {
  const { rain, snow, cloudCover, visibility } = weather;
  if (snow > 0) {
    return snow < 0.5 ? [600, 'Snow', 'light snow', '13'] : [601, 'Snow', 'snow', '13'];
  }
  if (rain > 4) return [502, 'Rain', 'heavy intensity rain', '10'];
  if (rain > 1) return [501, 'Rain', 'moderate rain', '10'];
  if (rain > 0) return [500, 'Rain', 'light rain', '10'];
  if (visibility < 1_000) return [741, 'Fog', 'fog', '50'];
  if (cloudCover < 11) return [800, 'Clear', 'clear sky', '01'];
  if (cloudCover < 25) return [801, 'Clouds', 'few clouds', '02'];
  if (cloudCover < 51) return [802, 'Clouds', 'scattered clouds', '03'];
  if (cloudCover < 85) return [803, 'Clouds', 'broken clouds', '04'];
  return [804, 'Clouds', 'overcast clouds', '04'];
}

function fromCelsius(celsius: number, units: AnswerOptions['units']): number {
  if (units === 'standard') return celsius + 273.15;
  return units === 'imperial' ? (celsius * 9) / 5 + 32 : celsius;
}

function two(value: number): number {
  return Math.round(value * 100) / 100;
}

function four(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
