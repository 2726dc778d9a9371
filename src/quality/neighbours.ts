/** Which stations are near which: for each one its nearest others, found once for a list of places. */

/** Degrees north and east, and metres above sea level; each array has an entry per station. */
export interface Places {
  readonly latitude: Float64Array;
  readonly longitude: Float64Array;
  /** NaN where it is not known. */
  readonly elevation: Float64Array;
}

/**
 * The neighbours of station `i` are `index[start[i]]` up to, not including, `index[start[i + 1]]`, the
 * nearest first.
 */
export interface Neighbours {
  readonly start: Int32Array;
  readonly index: Int32Array;
  /** Beside `index`. */
  readonly distanceKm: Float64Array;
}

/** Points of the unit sphere. */
interface Points {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
}

const EARTH_KM = 6_371;
const RADIANS = Math.PI / 180;

/** At most `most` neighbours each, within `radiusKm` on a sphere of 6,371 km. */
export function findNeighbours(places: Places, radiusKm: number, most: number): Neighbours {
  const points = pointsOf(places);
  const chordMax = 2 * Math.sin(Math.min(Math.PI / 2, radiusKm / EARTH_KM / 2));
  const around = openGrid(points, chordMax);
  const start = new Int32Array(points.x.length + 1);
  const index: number[] = [];
  const distances: number[] = [];
  for (let one = 0; one < points.x.length; one += 1) {
    const near: { readonly other: number; readonly chord: number }[] = [];
    for (const other of around(one)) {
      if (other === one) continue;
      const chord = chordBetween(points, one, other);
      if (chord <= chordMax) near.push({ other, chord });
    }
    near.sort((a, b) => a.chord - b.chord || a.other - b.other);
    for (const { other, chord } of near.slice(0, most)) {
      index.push(other);
      distances.push(arcKm(chord));
    }
    start[one + 1] = index.length;
  }
  return { start, index: Int32Array.from(index), distanceKm: Float64Array.from(distances) };
}

/** The neighbours of one station, the nearest first. */
export function neighboursOf({ start, index }: Neighbours, one: number): Int32Array {
  return index.subarray(start[one] ?? 0, start[one + 1] ?? 0);
}

/** Great-circle distances in kilometres between stations. */
export function openDistances(places: Places): (one: number, other: number) => number {
  const points = pointsOf(places);
  return (one, other) => arcKm(chordBetween(points, one, other));
}

function pointsOf({ latitude, longitude }: Places): Points {
  const north = (one: number) => (latitude[one] ?? 0) * RADIANS;
  const east = (one: number) => (longitude[one] ?? 0) * RADIANS;
  const make = (coordinate: (one: number) => number) =>
    Float64Array.from(latitude, (_, one) => coordinate(one));
  return {
    x: make((one) => Math.cos(north(one)) * Math.cos(east(one))),
    y: make((one) => Math.cos(north(one)) * Math.sin(east(one))),
    z: make((one) => Math.sin(north(one))),
  };
}

function chordBetween({ x, y, z }: Points, one: number, other: number): number {
  const dx = (x[one] ?? 0) - (x[other] ?? 0);
  const dy = (y[one] ?? 0) - (y[other] ?? 0);
  const dz = (z[one] ?? 0) - (z[other] ?? 0);
  return Math.sqrt(dx * dx + dy * dy + dz * dz);
}

function arcKm(chord: number): number {
  return 2 * Math.asin(Math.min(1, chord / 2)) * EARTH_KM;
}

/** Cubes of this side: whatever is nearer than it lies in one of the 27 around a point. */
function openGrid({ x, y, z }: Points, side: number): (one: number) => Generator<number> {
  const cells = new Map<number, number[]>();
  const cellOf = (values: Float64Array, one: number) =>
    Math.floor(((values[one] ?? 0) + 1) / Math.max(side, 1e-3));
  const keyOf = (a: number, b: number, c: number) => ((a + 1) * 4_096 + b + 1) * 4_096 + c + 1;
  for (let one = 0; one < x.length; one += 1) {
    const key = keyOf(cellOf(x, one), cellOf(y, one), cellOf(z, one));
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [one]);
    else cell.push(one);
  }
  return function* around(one) {
    const [a, b, c] = [cellOf(x, one), cellOf(y, one), cellOf(z, one)];
    for (let da = -1; da <= 1; da += 1) {
      for (let db = -1; db <= 1; db += 1) {
        for (let dc = -1; dc <= 1; dc += 1) yield* cells.get(keyOf(a + da, b + db, c + dc)) ?? [];
      }
    }
  };
}
