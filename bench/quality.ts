/**
 * Spatial quality control of airport observations of the world, station by station beside titanlib
 * (MET Norway), which is installed from PyPI into a folder of its own. Without the observations, whose
 * folder ISOBAR_BENCH_METARS names, it measures nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../src/cluster/artifacts.ts';
import { dewPoint } from '../src/model/humidity.ts';
import { checkBuddies } from '../src/quality/buddies.ts';
import type { Station } from '../src/quality/check.ts';
import { checkSpatial, openNetwork, SPATIAL, SPATIAL_NAMES } from '../src/quality/spatial.ts';
import { stationsIn } from '../src/quality/testing/metar-stations.ts';
import { quantile } from './figures.ts';
import type { Measured } from './main.ts';

const FOLDER =
  process.env.ISOBAR_BENCH_METARS ?? join(import.meta.dirname, '../../shared/data/metar-cache');
const TITANLIB = 'titanlib==0.4.0';
/** Of titanlib's consistency test: those of its own examples for temperature. */
const SCT = {
  ...{ least: 5, most: 100, inner_m: 50_000, outer_m: 150_000, rounds: 5 },
  ...{ profile_least: 20, elevation_m: 200, horizontal_m: 10_000, vertical_m: 200 },
  ...{ threshold: 4, eps2: 0.5 },
};
const RUNS = 3;

const SCRIPT = `
import json, sys, time
import numpy as np
import titanlib
given = json.load(sys.stdin)
points = titanlib.Points(given["latitude"], given["longitude"], given["elevation"])
values = np.array(given["values"], dtype=float)
count = len(values)
b, s = given["buddies"], given["sct"]
begun = time.perf_counter()
buddies = titanlib.buddy_check(points, values, np.full(count, b["radius_m"]),
    np.full(count, b["least"], int), b["threshold"], b["elevation_m"], b["lapse"], b["spread"], 2)
between = time.perf_counter()
sct = titanlib.sct(points, values, s["least"], s["most"], s["inner_m"], s["outer_m"], s["rounds"],
    s["profile_least"], s["elevation_m"], s["horizontal_m"], s["vertical_m"],
    np.full(count, s["threshold"]), np.full(count, s["threshold"]), np.full(count, s["eps2"]))[0]
ended = time.perf_counter()
json.dump({"buddies": [int(x) for x in buddies], "sct": [int(x) for x in sct],
    "buddies_s": between - begun, "sct_s": ended - between}, sys.stdout)
`;

interface Titan {
  readonly buddies: readonly number[];
  readonly sct: readonly number[];
  readonly buddies_s: number;
  readonly sct_s: number;
}

/** Of one time: the newest report of each station that has a temperature and an elevation. */
interface Snapshot {
  readonly stations: readonly Station[];
  readonly temperatures: Float64Array;
}

export async function benchQuality(): Promise<Measured[]> {
  if (!existsSync(FOLDER)) {
    process.stderr.write(`  ${FOLDER} is not there\n`);
    return [];
  }
  const python = installTitanlib();
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.csv.gz'));
  const sums = { stations: 0, buddies: 0, buddiesDiffer: 0, both: 0, ours: 0, theirs: 0 };
  const residuals: number[] = [];
  const times: number[] = [];
  const theirTimes: number[] = [];
  for (const file of files) {
    const snapshot = await readSnapshot(join(FOLDER, file));
    const theirs = runTitanlib(python, snapshot);
    const ours = judge(snapshot);
    times.push(ours.seconds);
    theirTimes.push(theirs.buddies_s + theirs.sct_s);
    for (const one of snapshot.stations.keys()) {
      const [flagged, other] = [ours.verdicts[one] !== null, theirs.sct[one] === 1];
      sums.stations += 1;
      sums.buddies += theirs.buddies[one] === 1 ? 1 : 0;
      sums.buddiesDiffer += theirs.buddies[one] === ours.buddies[one] ? 0 : 1;
      sums.both += flagged && other ? 1 : 0;
      sums.ours += flagged && !other ? 1 : 0;
      sums.theirs += !flagged && other ? 1 : 0;
      const residual = ours.residuals[one] ?? Number.NaN;
      if (!flagged && other && !Number.isNaN(residual)) residuals.push(Math.abs(residual));
    }
  }
  return measured(sums, residuals, times, theirTimes, files.length);
}

function installTitanlib(): string {
  const folder = join(cacheFolder(process.env), 'titanlib');
  const python = join(folder, 'bin', 'python');
  if (spawnSync(python, ['-c', 'import titanlib']).status === 0) return python;
  mkdirSync(folder, { recursive: true });
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' });
  execFileSync(python, ['-m', 'pip', 'install', '-q', TITANLIB, 'numpy'], { stdio: 'inherit' });
  return python;
}

async function readSnapshot(path: string): Promise<Snapshot> {
  const all = await stationsIn([path]);
  const temperatureOf = (station: Station) => station.values.temperature_c?.at(-1) ?? Number.NaN;
  const stations = all.filter(
    (station) => station.elevation !== null && Number.isFinite(temperatureOf(station)),
  );
  return { stations, temperatures: Float64Array.from(stations, temperatureOf) };
}

function placesOf(stations: readonly Station[]) {
  return {
    latitude: Float64Array.from(stations, ({ latitude }) => latitude),
    longitude: Float64Array.from(stations, ({ longitude }) => longitude),
    elevation: Float64Array.from(stations, ({ elevation }) => elevation ?? Number.NaN),
  };
}

function runTitanlib(python: string, { stations, temperatures }: Snapshot): Titan {
  const { latitude, longitude, elevation } = placesOf(stations);
  const { buddies } = SPATIAL.temperature_c;
  const given = {
    ...{ latitude: [...latitude], longitude: [...longitude], elevation: [...elevation] },
    values: [...temperatures],
    buddies: {
      ...{ radius_m: 100_000, least: buddies.neighboursLeast, threshold: buddies.threshold },
      ...{ elevation_m: buddies.elevationMost, lapse: buddies.lapse, spread: buddies.spreadLeast },
    },
    sct: SCT,
  };
  const options = { input: JSON.stringify(given), maxBuffer: 2 ** 28 };
  return JSON.parse(execFileSync(python, ['-c', SCRIPT], options).toString()) as Titan;
}

/** All three variables are timed, as they are in use; the temperature is compared. */
function judge({ stations, temperatures }: Snapshot) {
  const network = openNetwork(placesOf(stations));
  const last = (station: Station, name: keyof Station['values']) =>
    station.values[name]?.at(-1) ?? Number.NaN;
  const valuesOf = {
    temperature_c: temperatures,
    dew_point_c: Float64Array.from(stations, (station) =>
      dewPoint(last(station, 'temperature_c'), last(station, 'humidity_pct')),
    ),
    pressure_hpa: Float64Array.from(stations, (station) => last(station, 'pressure_hpa')),
  };
  const windSpeeds = Float64Array.from(stations, (station) => last(station, 'wind_speed_ms'));
  const input = {
    ...{ windSpeeds, checked: [...stations.keys()] },
    doubted: new Uint8Array(stations.length),
  };
  let seconds = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run += 1) {
    const begun = performance.now();
    for (const name of SPATIAL_NAMES) {
      checkSpatial(name, network, { ...input, values: valuesOf[name] });
    }
    seconds = Math.min(seconds, (performance.now() - begun) / 1_000);
  }
  const found = checkSpatial('temperature_c', network, { ...input, values: temperatures });
  const values = { ...input, values: temperatures };
  const { failed } = checkBuddies(
    network.places,
    network.buddies,
    values,
    SPATIAL.temperature_c.buddies,
  );
  return {
    seconds,
    buddies: failed,
    verdicts: [...stations.keys()].map((one) => found.verdict(one)),
    residuals: temperatures.map((value, one) => value - (found.expected[one] ?? Number.NaN)),
  };
}

interface Sums {
  readonly stations: number;
  readonly buddies: number;
  readonly buddiesDiffer: number;
  readonly both: number;
  readonly ours: number;
  readonly theirs: number;
}

function measured(
  sums: Sums,
  residuals: readonly number[],
  times: readonly number[],
  theirTimes: readonly number[],
  files: number,
): Measured[] {
  const of = `${sums.stations.toLocaleString('en')} temperatures in ${files} snapshots`;
  const [slowest, theirSlowest] = [Math.max(...times), Math.max(...theirTimes)];
  return [
    {
      name: 'quality control: buddy check and titanlib’s, station by station',
      figure: `${sums.buddiesDiffer} of ${of} are judged otherwise`,
      bar: 'none is',
      compared: `${TITANLIB}, the same settings: ${sums.buddies} flagged`,
      reached: sums.buddiesDiffer === 0,
    },
    {
      name: 'quality control: spatial consistency and titanlib’s, station by station',
      figure: `both flag ${sums.both}, only ours ${sums.ours}, only titanlib ${sums.theirs} of ${of}`,
      bar: 'none; docs/quality.md explains the differences',
      compared: `what only titanlib flags differs from our expectation by ${quantile(residuals, 0.5)} °C (median), ${quantile(residuals, 0.9)} °C (90 %)`,
      reached: true,
    },
    {
      name: 'quality control: all stations of the world at one time',
      figure: `${slowest.toFixed(2)} s for three variables, both tests`,
      bar: '< 1 s on 2 cores',
      compared: `titanlib, one variable: ${theirSlowest.toFixed(2)} s; the better of ${RUNS} runs of ours`,
      reached: slowest < 1,
    },
  ];
}
