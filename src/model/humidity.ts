/**
 * Moisture of the air, by the Magnus formula with the constants of Alduchov and Eskridge (1996),
 * doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2; its error is below 0.4 % from −40 to 50 °C.
 */
const A = 17.625;
const B = 243.04;

/** Relative humidity over water, %, from temperature and dew point, both in °C; may exceed 100. */
export function relativeHumidity(temperature: number, dewPoint: number): number {
  return 100 * Math.exp(exponent(dewPoint) - exponent(temperature));
}

/** Dew point in °C from temperature in °C and relative humidity in %; NaN in air without moisture. */
export function dewPoint(temperature: number, humidity: number): number {
  if (!(humidity > 0)) return Number.NaN;
  const sum = Math.log(humidity / 100) + exponent(temperature);
  return (B * sum) / (A - sum);
}

function exponent(celsius: number): number {
  return (A * celsius) / (B + celsius);
}
