/** Quality control of the observations of some time: every test on every station. */
import { dewPoint } from '../model/humidity.ts';
import { byColumns } from '../model/order.ts';
import {
  DRIFT_ORDER,
  FLAG_ORDER,
  type QualityFlag,
  type QualityTest,
  type StationDrift,
  type Verdict,
} from '../model/quality.ts';
import { formatTime } from '../model/time-zone.ts';
import type { VariableName } from '../model/variables.ts';
import { takeTurns } from '../waiting.ts';
import { findBias, type Residuals } from './bias.ts';
import { driftOf } from './drift.ts';
import {
  checkInternal,
  checkPersistence,
  checkSteps,
  type Series,
  type SeriesFlag,
} from './series.ts';
import {
  checkSpatial,
  openNetwork,
  SPATIAL,
  SPATIAL_NAMES,
  type SpatialName,
  type SpatialNetwork,
} from './spatial.ts';

export interface Station extends Series {
  readonly city_id: string;
  /** Degrees; NaN where its place is not known: it has no neighbours then. */
  readonly latitude: number;
  readonly longitude: number;
}

/** Observations within so long are of one time. */
const SLOT_MS = 10 * 60_000;
/** A neighbour's observation counts when it is not further away in time. */
const NEAR_MS = 45 * 60_000;

/** Which variable a spatial test judges. */
const JUDGED: Readonly<Record<SpatialName, VariableName>> = {
  temperature_c: 'temperature_c',
  dew_point_c: 'humidity_pct',
  pressure_hpa: 'pressure_hpa',
};

export interface CheckedObservations {
  /** In order. */
  readonly flags: QualityFlag[];
  /** In order. */
  readonly drift: StationDrift[];
}

/** Other work goes on meanwhile. */
export async function checkObservations(
  stations: readonly Station[],
  signal?: AbortSignal,
): Promise<CheckedObservations> {
  const turn = takeTurns(signal);
  const own: SeriesFlag[][] = [];
  for (const station of stations) {
    own.push([checkSteps, checkPersistence, checkInternal].flatMap((check) => check(station)));
    await turn();
  }
  const flags = stations.flatMap((station, one) =>
    (own[one] ?? []).map((flag) => flagOf(station, flag)),
  );
  const drift: StationDrift[] = [];
  const network = openNetwork({
    latitude: Float64Array.from(stations, ({ latitude }) => latitude),
    longitude: Float64Array.from(stations, ({ longitude }) => longitude),
    elevation: Float64Array.from(stations, ({ elevation }) => elevation ?? Number.NaN),
  });
  for (const name of SPATIAL_NAMES) {
    const series = stations.map((station, one) => seriesOf(name, station, own[one] ?? []));
    const found = await checkTimes({ name, stations, network, series, turn });
    for (const flag of found.flags) flags.push(flag);
    for (const day of found.drift) drift.push(day);
  }
  return { flags: flags.sort(byColumns(FLAG_ORDER)), drift: drift.sort(byColumns(DRIFT_ORDER)) };
}

function flagOf(
  station: Station,
  { index, variable, test, verdict, expected }: SeriesFlag,
): QualityFlag {
  return {
    city_id: station.city_id,
    observed_at: formatTime(new Date(station.at[index] ?? Number.NaN)),
    ...{ variable, test, verdict, expected },
    value: station.values[variable]?.[index] ?? Number.NaN,
    spread: null,
    compared: null,
  };
}

/** What a station says to a spatial test, beside its times; NaN for none and for what has failed. */
function seriesOf(
  name: SpatialName,
  { at, values }: Station,
  own: readonly SeriesFlag[],
): Float64Array {
  const { temperature_c: temperatures, humidity_pct: humidities } = values;
  const said = Float64Array.from(at, (_, index) => {
    if (name !== 'dew_point_c') return values[name]?.[index] ?? Number.NaN;
    return dewPoint(temperatures?.[index] ?? Number.NaN, humidities?.[index] ?? Number.NaN);
  });
  for (const { index, variable, verdict } of own) {
    if (verdict === 'fail' && variable === JUDGED[name]) said[index] = Number.NaN;
  }
  return said;
}

interface Checked {
  readonly station: number;
  readonly index: number;
  readonly value: number;
  readonly expected: number;
  readonly spread: number;
  readonly verdict: Verdict | null;
  readonly isBuddyOut: boolean;
}

/**
 * Every time at which stations reported, one after the other; then once more without the values that
 * failed: one of them may have made its neighbours fail before it was its turn.
 */
async function checkTimes(input: Pass): Promise<CheckedObservations> {
  const { name, stations, network } = input;
  if (network.neighbours.index.length === 0) return { flags: [], drift: [] };
  const first = await passOver(input, new Set());
  const doubted = new Set<string>();
  for (const checked of first) {
    for (const { station, index, verdict } of checked) {
      if (verdict !== null) doubted.add(`${station} ${index}`);
    }
  }
  const byStation = doubted.size === 0 ? first : await passOver(input, doubted);
  const found: CheckedObservations = { flags: [], drift: [] };
  for (const [one, station] of stations.entries()) {
    const checked = byStation[one] ?? [];
    const residuals = residualsOf(station, checked);
    found.flags.push(...spatialFlags(name, station, checked, residuals));
    found.drift.push(...driftOf(station.city_id, name, residuals));
  }
  return found;
}

function residualsOf(station: Station, checked: readonly Checked[]): Residuals {
  return {
    at: Float64Array.from(checked, ({ index }) => station.at[index] ?? Number.NaN),
    residual: Float64Array.from(checked, ({ value, expected }) => value - expected),
    spread: Float64Array.from(checked, ({ spread }) => spread),
  };
}

interface Pass {
  readonly name: SpatialName;
  readonly stations: readonly Station[];
  readonly network: SpatialNetwork;
  readonly series: readonly Float64Array[];
  readonly turn: () => Promise<void>;
}

/** What is found of each station; `doubted` values, as `station index`, count for no other. */
async function passOver(
  { name, stations, network, series, turn }: Pass,
  doubted: ReadonlySet<string>,
): Promise<Checked[][]> {
  const cursor = new Int32Array(stations.length);
  const values = new Float64Array(stations.length);
  const windSpeeds = new Float64Array(stations.length);
  const isDoubted = new Uint8Array(stations.length);
  const byStation: Checked[][] = stations.map(() => []);
  for (const [slot, reports] of slotsOf(stations, series)) {
    await turn();
    const middle = (slot + 0.5) * SLOT_MS;
    for (const [one, { at }] of stations.entries()) {
      const index = reports.get(one) ?? nearest(at, series[one], middle, cursor, one);
      values[one] = index === -1 ? Number.NaN : (series[one]?.[index] ?? Number.NaN);
      windSpeeds[one] = stations[one]?.values.wind_speed_ms?.[index] ?? Number.NaN;
      isDoubted[one] = doubted.size > 0 && doubted.has(`${one} ${index}`) ? 1 : 0;
    }
    const input = { values, windSpeeds, checked: [...reports.keys()], doubted: isDoubted };
    const found = checkSpatial(name, network, input);
    for (const [station, index] of reports) {
      const [value = Number.NaN, expected = Number.NaN] = [
        values[station],
        found.expected[station],
      ];
      if (Number.isNaN(expected)) continue;
      byStation[station]?.push({
        ...{ station, index, value, expected, spread: found.spread[station] ?? Number.NaN },
        ...{ verdict: found.verdict(station), isBuddyOut: found.buddiesFailed[station] === 1 },
      });
    }
  }
  return byStation;
}

/** Slot → station → the index of its last observation in it that has a value. */
function slotsOf(
  stations: readonly Station[],
  series: readonly Float64Array[],
): [number, Map<number, number>][] {
  const slots = new Map<number, Map<number, number>>();
  for (const [one, { at }] of stations.entries()) {
    for (const [index, time] of at.entries()) {
      if (!Number.isFinite(series[one]?.[index])) continue;
      const slot = Math.floor(time / SLOT_MS);
      const reports = slots.get(slot);
      if (reports === undefined) slots.set(slot, new Map([[one, index]]));
      else reports.set(one, index);
    }
  }
  return [...slots].sort(([a], [b]) => a - b);
}

/** The observation with a value that is nearest to the time; −1 for none. Times ascend from call to call. */
function nearest(
  at: Float64Array,
  series: Float64Array | undefined,
  time: number,
  cursor: Int32Array,
  one: number,
): number {
  let from = cursor[one] ?? 0;
  while (from < at.length && (at[from] ?? 0) < time - NEAR_MS) from += 1;
  cursor[one] = from;
  let best = -1;
  let least = NEAR_MS;
  for (let index = from; index < at.length && (at[index] ?? 0) <= time + NEAR_MS; index += 1) {
    const away = Math.abs((at[index] ?? 0) - time);
    if (away > least || !Number.isFinite(series?.[index])) continue;
    best = index;
    least = away;
  }
  return best;
}

function spatialFlags(
  name: SpatialName,
  station: Station,
  checked: readonly Checked[],
  residuals: Residuals,
): QualityFlag[] {
  const flag = (one: Checked, test: QualityTest, verdict: Verdict): QualityFlag => ({
    ...flagOf(station, {
      ...{ index: one.index, variable: JUDGED[name], test, verdict, expected: one.expected },
    }),
    spread: one.spread,
    compared: name === 'dew_point_c' ? one.value : null,
  });
  const flags: QualityFlag[] = [];
  for (const one of checked) {
    if (one.verdict !== null) flags.push(flag(one, 'consistency', one.verdict));
    if (one.isBuddyOut) flags.push(flag(one, 'buddies', 'suspect'));
  }
  const bias = findBias(residuals, SPATIAL[name].biasLeast);
  if (bias !== null) for (const one of checked) flags.push(flag(one, 'bias', bias.verdict));
  return flags;
}
