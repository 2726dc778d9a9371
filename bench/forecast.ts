/**
 * Forecasts of the temperature on real history that no model has seen, beside statsforecast (Nixtla),
 * which is installed from PyPI into a folder of its own. Each origin is forecast by both from what was known
 * then; RMSE, MAE, bias, CRPS and coverage as WeatherBench 2 defines them
 * (https://weatherbench2.readthedocs.io), the CRPS from three quantiles.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../src/cluster/artifacts.ts';
import { Forecaster } from '../src/forecast/forecaster.ts';
import { HORIZONS, MODELS } from '../src/model/forecast.ts';
import { HISTORY_FOLDER } from './history.ts';
import { type HistoryCity, readHourlyHistory } from './hourly-history.ts';
import type { Measured } from './main.ts';

const STATSFORECAST = 'statsforecast==2.1.1';
const PEERS = ['AutoETS', 'MSTL', 'SeasonalNaive', 'AutoTheta'] as const;
const SHOWN = [1, 6, 12, 24, 48] as const;
const TESTED_FROM = Date.UTC(2017, 0, 1);
/** Every so many hours, so that all hours of the day are origins. */
const ORIGIN_EVERY = 173;
/** What statsforecast gets of an origin's past. */
const WINDOW_HOURS = 28 * 24;
/** Every sixth city. */
const CITY_EVERY = 6;

const SCRIPT = `
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, MSTL, SeasonalNaive, AutoTheta
given = json.load(sys.stdin)
frames = [pd.DataFrame({"unique_id": str(at), "ds": range(len(values)), "y": values})
    for at, values in enumerate(given["windows"])]
models = [AutoETS(season_length=24), MSTL(season_length=24), SeasonalNaive(season_length=24),
    AutoTheta(season_length=24)]
begun = time.perf_counter()
found = StatsForecast(models=models, freq=1, n_jobs=2).forecast(df=pd.concat(frames), h=given["h"])
seconds = time.perf_counter() - begun
found["at"] = found["unique_id"].astype(int)
found = found.sort_values(["at", "ds"])
json.dump({"seconds": seconds, **{name: found[name].tolist() for name in given["peers"]}}, sys.stdout)
`;

interface Origin {
  readonly window: readonly number[];
  /** The truth of the hours ahead; NaN for none. */
  readonly truth: readonly number[];
  readonly said: Readonly<Record<string, Float64Array>>;
  readonly low: Float64Array;
  readonly median: Float64Array;
  readonly high: Float64Array;
}

export async function benchForecast(): Promise<Measured[]> {
  if (!existsSync(HISTORY_FOLDER)) {
    process.stderr.write('  the history is not beside the project: left out\n');
    return [];
  }
  const cities = (await readHourlyHistory()).filter((_, at) => at % CITY_EVERY === 0);
  const begun = performance.now();
  const counts = SHOWN.map(() => ({ known: 0, inside: 0 }));
  const origins = cities.flatMap((city) => forecastCity(city, counts));
  const seconds = (performance.now() - begun) / 1_000;
  const hours = cities.reduce((sum, { values }) => sum + values.temperature_c.length, 0);
  process.stderr.write(`  ${origins.length} origins of ${cities.length} cities\n`);
  const peers = runStatsforecast(origins);
  const names = ['served', ...MODELS, ...PEERS];
  const rmse = new Map(names.map((name) => [name, scoresOf(origins, peers, name, rmseOf)]));
  const mae = new Map(names.map((name) => [name, scoresOf(origins, peers, name, maeOf)]));
  printTable(names, rmse, mae);
  const best = SHOWN.map((_, at) => Math.min(...PEERS.map((name) => rmse.get(name)?.[at] ?? 0)));
  const served = rmse.get('served') ?? [];
  const isLevel = served.every((one, at) => one <= (best[at] ?? 0) * 1.005);
  const list = (numbers: readonly number[]) => numbers.map((one) => one.toFixed(2)).join(' / ');
  const coverage = counts.map(({ known, inside }) => inside / known);
  return [
    {
      name: 'forecast of the temperature 1 / 6 / 12 / 24 / 48 hours ahead, RMSE in °C',
      figure: `${list(served)}; ${((1e6 * seconds) / hours).toFixed(0)} µs an hour and city, all models and their scores`,
      bar: 'level with statsforecast’s best at each horizon, better on the mean',
      compared: `the best of AutoETS, MSTL, SeasonalNaive, AutoTheta at each: ${list(best)}; ${(peers.seconds / origins.length).toFixed(2)} s an origin on 2 cores; ${origins.length} origins of 2017 in ${cities.length} cities`,
      reached: isLevel && mean(served) < mean(best),
    },
    {
      name: 'forecast: coverage of the 80 % interval 1 / 6 / 12 / 24 / 48 hours ahead',
      figure: `${coverage.map((share) => (100 * share).toFixed(1)).join(' / ')} %`,
      bar: '75 to 85 %',
      compared: `every hour of 2017 in these cities; CRPS of three quantiles, of the origins: ${list(SHOWN.map((horizon) => crpsOf(origins, horizon)))} °C`,
      reached: coverage.every((share) => share >= 0.75 && share <= 0.85),
    },
  ];
}

/** Of each horizon that is shown: values that came, and those within their interval. */
type Counts = readonly { known: number; inside: number }[];

function forecastCity({ first, values }: HistoryCity, counts: Counts): Origin[] {
  const { temperature_c, pressure_hpa, humidity_pct, wind_speed_ms } = values;
  const forecaster = new Forecaster({ helpers: 3, least: -95, most: 65 });
  const origins: Origin[] = [];
  const from = (TESTED_FROM - first) / 3_600_000;
  for (let at = 0; at + HORIZONS < temperature_c.length; at += 1) {
    const helpers = [pressure_hpa, humidity_pct, wind_speed_ms].map(
      (helper) => helper[at] ?? Number.NaN,
    );
    forecaster.observe(first / 3_600_000 + at, temperature_c[at] ?? Number.NaN, helpers);
    const forecast = at < from ? null : forecaster.forecast();
    if (forecast === null) continue;
    const { low, median, high } = forecast;
    count(counts, { low, high }, temperature_c.subarray(at + 1));
    if ((at - from) % ORIGIN_EVERY !== 0) continue;
    const window = Array.from(temperature_c.subarray(at + 1 - WINDOW_HOURS, at + 1));
    if (window.some((value) => Number.isNaN(value))) continue;
    const alone = MODELS.map((name) => [name, forecaster.sayBy(name)?.slice()]);
    origins.push({
      ...{ window, low, median, high },
      truth: Array.from(temperature_c.subarray(at + 1, at + 1 + HORIZONS)),
      said: { served: forecast.values, ...Object.fromEntries(alone) },
    });
  }
  return origins;
}

type Peers = { readonly seconds: number } & Readonly<Record<string, readonly number[] | number>>;

function runStatsforecast(origins: readonly Origin[]): Peers {
  const folder = join(cacheFolder(process.env), 'statsforecast');
  const python = join(folder, 'bin', 'python');
  if (spawnSync(python, ['-c', 'import statsforecast']).status !== 0) {
    mkdirSync(folder, { recursive: true });
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' });
    execFileSync(python, ['-m', 'pip', 'install', '-q', STATSFORECAST], { stdio: 'inherit' });
  }
  const windows = origins.map(({ window }) => window);
  const input = JSON.stringify({ windows, h: HORIZONS, peers: PEERS });
  const output = execFileSync(python, ['-c', SCRIPT], {
    ...{ input, maxBuffer: 2 ** 30, stdio: ['pipe', 'pipe', 'ignore'] },
  });
  return JSON.parse(output.toString()) as Peers;
}

type Score = (errors: readonly number[]) => number;

const mean = (numbers: readonly number[]) =>
  numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
const rmseOf: Score = (errors) => Math.sqrt(mean(errors.map((error) => error * error)));
const maeOf: Score = (errors) => mean(errors.map(Math.abs));

/** Of the horizons that are shown. */
function scoresOf(origins: readonly Origin[], peers: Peers, name: string, score: Score): number[] {
  return SHOWN.map((horizon) => {
    const errors = origins.flatMap(({ said, truth }, at) => {
      const own = said[name]?.[horizon - 1];
      const peer = (peers[name] as readonly number[] | undefined)?.[at * HORIZONS + horizon - 1];
      const error = (own ?? peer ?? Number.NaN) - (truth[horizon - 1] ?? Number.NaN);
      return Number.isNaN(error) ? [] : [error];
    });
    return score(errors);
  });
}

function count(counts: Counts, { low, high }: Pick<Origin, 'low' | 'high'>, truth: Float64Array) {
  for (const [index, horizon] of SHOWN.entries()) {
    const [value, of] = [truth[horizon - 1] ?? Number.NaN, counts[index]];
    if (Number.isNaN(value) || of === undefined) continue;
    of.known += 1;
    if (value >= (low[horizon - 1] ?? 0) && value <= (high[horizon - 1] ?? 0)) of.inside += 1;
  }
}

/** Twice the mean quantile loss, which is the CRPS as the number of quantiles grows. */
function crpsOf(origins: readonly Origin[], horizon: number): number {
  const losses = origins.flatMap(({ truth, low, median, high }) => {
    const value = truth[horizon - 1] ?? Number.NaN;
    if (Number.isNaN(value)) return [];
    const loss = (quantile: number | undefined, share: number) => {
      const error = value - (quantile ?? Number.NaN);
      return Math.max(share * error, (share - 1) * error);
    };
    const at = horizon - 1;
    return [(loss(low[at], 0.1) + loss(median[at], 0.5) + loss(high[at], 0.9)) / 3];
  });
  return 2 * mean(losses);
}

function printTable(
  names: readonly string[],
  rmse: ReadonlyMap<string, readonly number[]>,
  mae: ReadonlyMap<string, readonly number[]>,
): void {
  const head = SHOWN.map((horizon) => `${horizon} h`).join(' | ');
  const lines = names.map((name) => {
    const cells = SHOWN.map(
      (_, at) => `${rmse.get(name)?.[at]?.toFixed(2)} (${mae.get(name)?.[at]?.toFixed(2)})`,
    );
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  const rule = SHOWN.map(() => '---').join(' | ');
  process.stdout.write(`| RMSE (MAE), °C | ${head} |\n| --- | ${rule} |\n${lines.join('\n')}\n`);
}
