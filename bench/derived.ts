/**
 * Derived values beside MetPy's (Unidata), which is installed from PyPI into a folder of its own: the
 * largest difference of each formula over the range in which it holds. docs/derived.md says where the
 * differences come from.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../src/cluster/artifacts.ts';
import {
  absoluteHumidity,
  heatIndex,
  seaLevelPressure,
  wetBulb,
  windChill,
} from '../src/model/derived.ts';
import { dewPoint, relativeHumidity } from '../src/model/humidity.ts';
import type { Measured } from './main.ts';

const METPY = 'metpy==1.7.1';
const SEA_LEVEL_HPA = 1_013.25;

const SCRIPT = `
import json, sys, warnings
import numpy as np
warnings.filterwarnings("ignore")
import metpy.calc as mpcalc
from metpy.constants import water_gas_constant
from metpy.units import units
g = json.load(sys.stdin)
t = np.array(g["temperature"]) * units.degC
rh = np.array(g["humidity"]) * units.percent
wind = np.array(g["wind"]) * units("m/s")
height = np.array(g["elevation"]) * units.m
altimeter = np.full(len(height), g["altimeter"]) * units.hPa
def numbers(quantity, unit):
    values = np.ma.filled(np.ma.asarray(quantity.to(unit).magnitude, dtype=float), np.nan)
    return [None if not np.isfinite(v) else float(v) for v in values]
dew = mpcalc.dewpoint_from_relative_humidity(t, rh)
vapour = mpcalc.saturation_vapor_pressure(t) * rh.to("dimensionless")
wet = mpcalc.wet_bulb_temperature(altimeter, t, dew)
json.dump({
    "heat": numbers(mpcalc.heat_index(t, rh), "degC"),
    "chill": numbers(mpcalc.windchill(t, wind), "degC"),
    "dew": numbers(dew, "degC"),
    "humidity": numbers(mpcalc.relative_humidity_from_dewpoint(t, dew), "percent"),
    "wet": numbers(wet, "degC"),
    "absolute": numbers(vapour / (water_gas_constant * t.to("kelvin")), "g/m^3"),
    "station": numbers(mpcalc.altimeter_to_station_pressure(altimeter, height), "hPa"),
    "sea": numbers(mpcalc.altimeter_to_sea_level_pressure(altimeter, height, t), "hPa"),
}, sys.stdout)
`;

interface Grid {
  readonly temperature: readonly number[];
  readonly humidity: readonly number[];
  readonly wind: readonly number[];
  readonly elevation: readonly number[];
}

type Name = 'heat' | 'chill' | 'dew' | 'humidity' | 'wet' | 'absolute' | 'station' | 'sea';
type Theirs = Readonly<Record<Name, readonly (number | null)[]>>;

interface Formula {
  readonly name: string;
  readonly of: Name;
  readonly unit: string;
  /** The largest difference that their sources explain, in the unit, or in % where relative. */
  readonly most: number;
  readonly relative?: boolean;
  ours(grid: Grid, theirs: Theirs, at: number): number;
}

const temperatureAt = (grid: Grid, at: number) => grid.temperature[at] ?? Number.NaN;
const humidityAt = (grid: Grid, at: number) => grid.humidity[at] ?? Number.NaN;

const FORMULAS: readonly Formula[] = [
  {
    ...{ name: 'heat index', of: 'heat', unit: '°C', most: 0.01 },
    ours: (grid, _, at) => heatIndex(temperatureAt(grid, at), humidityAt(grid, at)),
  },
  {
    ...{ name: 'wind chill', of: 'chill', unit: '°C', most: 0.01 },
    ours: (grid, _, at) => windChill(temperatureAt(grid, at), grid.wind[at] ?? Number.NaN),
  },
  {
    ...{ name: 'dew point', of: 'dew', unit: '°C', most: 0.3 },
    ours: (grid, _, at) => dewPoint(temperatureAt(grid, at), humidityAt(grid, at)),
  },
  {
    ...{ name: 'relative humidity from the dew point', of: 'humidity', unit: '%', most: 1 },
    ours: (grid, { dew }, at) => relativeHumidity(temperatureAt(grid, at), dew[at] ?? Number.NaN),
  },
  {
    ...{ name: 'wet-bulb temperature', of: 'wet', unit: '°C', most: 1.8 },
    ours: (grid, _, at) => wetBulb(temperatureAt(grid, at), humidityAt(grid, at)),
  },
  {
    ...{ name: 'absolute humidity', of: 'absolute', unit: '%', most: 1, relative: true },
    ours: (grid, _, at) => absoluteHumidity(temperatureAt(grid, at), humidityAt(grid, at)),
  },
  {
    ...{ name: 'pressure at sea level', of: 'sea', unit: 'hPa', most: 4.5 },
    ours(grid, { station }, at) {
      const elevation = grid.elevation[at] ?? Number.NaN;
      const [temperature, humidity] = [temperatureAt(grid, at), humidityAt(grid, at)];
      return seaLevelPressure(station[at] ?? Number.NaN, elevation, temperature, humidity);
    },
  },
];

export async function benchDerived(): Promise<Measured[]> {
  const grid = makeGrid();
  const theirs = runMetpy(installMetpy(), grid);
  return FORMULAS.map((formula) => {
    const { of, unit, most, relative = false } = formula;
    let [largest, place, compared] = [0, 0, 0];
    for (const [at, their] of theirs[of].entries()) {
      const own = formula.ours(grid, theirs, at);
      if (their === null || Number.isNaN(own)) continue;
      compared += 1;
      const difference = Math.abs(own - their) * (relative ? 100 / Math.abs(their) : 1);
      if (difference > largest) [largest, place] = [difference, at];
    }
    return {
      name: `derived: ${formula.name} and MetPy’s`,
      figure: `largest difference ${largest.toPrecision(2)} ${unit}, at ${describe(grid, place)}`,
      bar: `≤ ${most} ${unit}`,
      compared: `${METPY}; ${compared.toLocaleString('en')} points where both have a value; docs/derived.md`,
      reached: compared > 0 && largest <= most,
    };
  });
}

/** From −40 to 50 °C, 5 to 99 %, 0 to 40 m/s and 0 to 750 m, all combined. */
function makeGrid(): Grid {
  const steps = (from: number, to: number, by: number) =>
    Array.from({ length: Math.round((to - from) / by) + 1 }, (_, at) => from + at * by);
  const points = steps(-40, 50, 2.5).flatMap((temperature) =>
    [5, 10, 20, 35, 50, 65, 80, 90, 99].flatMap((humidity) =>
      [0, 1, 1.5, 4, 12, 40].flatMap((wind) =>
        [0, 100, 400, 750].map((elevation) => ({ temperature, humidity, wind, elevation })),
      ),
    ),
  );
  return {
    temperature: points.map(({ temperature }) => temperature),
    humidity: points.map(({ humidity }) => humidity),
    wind: points.map(({ wind }) => wind),
    elevation: points.map(({ elevation }) => elevation),
  };
}

function describe({ temperature, humidity, wind, elevation }: Grid, at: number): string {
  return `${temperature[at]} °C, ${humidity[at]} %, ${wind[at]} m/s, ${elevation[at]} m`;
}

function installMetpy(): string {
  const folder = join(cacheFolder(process.env), 'metpy');
  const python = join(folder, 'bin', 'python');
  if (spawnSync(python, ['-c', 'import metpy.calc']).status === 0) return python;
  mkdirSync(folder, { recursive: true });
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' });
  execFileSync(python, ['-m', 'pip', 'install', '-q', METPY], { stdio: 'inherit' });
  return python;
}

function runMetpy(python: string, grid: Grid): Theirs {
  const input = JSON.stringify({ ...grid, altimeter: SEA_LEVEL_HPA });
  const options = { input, maxBuffer: 2 ** 28 };
  return JSON.parse(execFileSync(python, ['-c', SCRIPT], options).toString()) as Theirs;
}
