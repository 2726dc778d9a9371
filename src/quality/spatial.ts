/**
 * Spatial quality control of one time: temperature, dew point and pressure of all stations against
 * their neighbours.
 */
import { DRIFT_VARIABLES, type DriftVariable, type Verdict } from '../model/quality.ts';
import { type BuddyOptions, checkBuddies } from './buddies.ts';
import { type ConsistencyOptions, checkConsistency } from './consistency.ts';
import { findNeighbours, type Neighbours, type Places } from './neighbours.ts';

export const SPATIAL_NAMES = DRIFT_VARIABLES;
export type SpatialName = DriftVariable;

interface SpatialOptions {
  readonly consistency: ConsistencyOptions;
  readonly buddies: BuddyOptions;
  /** A residual of so many spreads, and of so much in the variable's unit, fails. */
  readonly failScore: number;
  readonly failResidual: number;
  /** A station that is off by this or more all the time, in the variable's unit, has a bias. */
  readonly biasLeast: number;
  /** How much less alike values are where the air stands still. */
  readonly calmFactor: number;
}

/**
 * Lapse rates: −6.5 K/km is that of the standard atmosphere (ISO 2533), −9.8 K/km the dry adiabatic one;
 * inversions are allowed up to +10 K/km. Pressures are reduced to sea level, and that is uncertain by
 * some hPa a kilometre. The other numbers were chosen on airport observations of 2 May 2020 and tried on
 * those of October 2022 (docs/quality.md).
 */
export const SPATIAL: Readonly<Record<SpatialName, SpatialOptions>> = {
  temperature_c: {
    consistency: {
      ...{ lapse: -0.0065, lapseLeast: -0.0098, lapseMost: 0.01, lapseError: 0.008 },
      ...{ horizontalKm: 80, verticalM: 250, observationError: 0.3 },
      ...{ spreadLeast: 1.5, neighboursLeast: 5, scoreMax: 4, residualMax: 5 },
    },
    buddies: {
      ...{ neighboursLeast: 5, elevationMost: 300, lapse: -0.0065, spreadLeast: 1.5, threshold: 4 },
    },
    ...{ failScore: 6, failResidual: 8, biasLeast: 3, calmFactor: 1.5 },
  },
  dew_point_c: {
    consistency: {
      ...{ lapse: -0.003, lapseLeast: -0.0098, lapseMost: 0.006, lapseError: 0.008 },
      ...{ horizontalKm: 80, verticalM: 250, observationError: 0.4 },
      ...{ spreadLeast: 2, neighboursLeast: 5, scoreMax: 4, residualMax: 7 },
    },
    buddies: {
      ...{ neighboursLeast: 5, elevationMost: 300, lapse: -0.003, spreadLeast: 2, threshold: 4 },
    },
    ...{ failScore: 6.5, failResidual: 12, biasLeast: 4, calmFactor: 1.2 },
  },
  pressure_hpa: {
    consistency: {
      ...{ lapse: 0, lapseLeast: 0, lapseMost: 0, lapseError: 0.004 },
      ...{ horizontalKm: 120, verticalM: 400, observationError: 0.3 },
      ...{ spreadLeast: 0.8, neighboursLeast: 5, scoreMax: 4.5, residualMax: 3.5 },
    },
    buddies: {
      ...{ neighboursLeast: 5, elevationMost: 300, lapse: 0, spreadLeast: 0.8, threshold: 4 },
    },
    ...{ failScore: 8, failResidual: 8, biasLeast: 2.5, calmFactor: 1 },
  },
};

/** Neighbours of the consistency test, and of the buddy check. */
const REACH = { radiusKm: 300, most: 24 } as const;
const BUDDIES_KM = 100;
const BUDDIES_MOST = 100;
/** Below this speed valleys and their slopes have air of their own, m/s. */
const CALM_MS = 2.5;

export interface SpatialNetwork {
  readonly places: Places;
  readonly neighbours: Neighbours;
  readonly buddies: Neighbours;
}

export function openNetwork(places: Places): SpatialNetwork {
  return {
    places,
    neighbours: findNeighbours(places, REACH.radiusKm, REACH.most),
    buddies: findNeighbours(places, BUDDIES_KM, BUDDIES_MOST),
  };
}

export interface SpatialVerdicts {
  /** What the neighbours say, and how far from it a value is expected to be; NaN where untested. */
  readonly expected: Float64Array;
  readonly spread: Float64Array;
  /** Null where nothing is wrong or nothing could be said. */
  verdict(one: number): Verdict | null;
  /** Whether the buddy check says so as well. */
  readonly buddiesFailed: Uint8Array;
}

export interface SpatialInput {
  /** An entry per station, NaN for none. */
  readonly values: Float64Array;
  /** The same, m/s. */
  readonly windSpeeds: Float64Array;
  /** Stations to check; the others are neighbours only. */
  readonly checked: readonly number[];
  /** 1 for a station that does not count as a neighbour. */
  readonly doubted: Uint8Array;
}

export function checkSpatial(
  name: SpatialName,
  { places, neighbours, buddies }: SpatialNetwork,
  { values, windSpeeds, checked, doubted }: SpatialInput,
): SpatialVerdicts {
  const options = SPATIAL[name];
  const factors = Float64Array.from(windSpeeds, (speed) =>
    speed < CALM_MS ? options.calmFactor : 1,
  );
  const input = { values, factors, checked, doubted };
  const found = checkConsistency(places, neighbours, input, options.consistency);
  const buddiesFailed = checkBuddies(places, buddies, input, options.buddies).failed;
  return {
    expected: found.expected,
    spread: found.spread,
    buddiesFailed,
    verdict(one) {
      if (found.failed[one] !== 1) return null;
      const residual = Math.abs((values[one] ?? Number.NaN) - (found.expected[one] ?? Number.NaN));
      const score = residual / (found.spread[one] ?? Number.NaN);
      return score > options.failScore && residual > options.failResidual ? 'fail' : 'suspect';
    },
  };
}
