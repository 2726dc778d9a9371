/**
 * Smooth noise with random access: the same seed gives the same value whatever was asked before.
 * Value noise: pseudo-random numbers at whole points of a lattice, joined by smooth steps.
 */

/** −1 to 1 over one axis; a unit is about one swing. */
export function noise1(seed: number, x: number): number {
  const x0 = Math.floor(x);
  return lerp(hash(seed, x0, 0, 0), hash(seed, x0 + 1, 0, 0), smooth(x - x0));
}

/** −1 to 1 over three axes. */
export function noise3(seed: number, x: number, y: number, z: number): number {
  const [x0, y0, z0] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  const [u, v, w] = [smooth(x - x0), smooth(y - y0), smooth(z - z0)];
  const plane = (k: number) =>
    lerp(
      lerp(hash(seed, x0, y0, k), hash(seed, x0 + 1, y0, k), u),
      lerp(hash(seed, x0, y0 + 1, k), hash(seed, x0 + 1, y0 + 1, k), u),
      v,
    );
  return lerp(plane(z0), plane(z0 + 1), w);
}

/** A number of −1 to 1 that only its arguments decide (a mix of multiplications and shifts). */
export function hash(seed: number, x: number, y: number, z: number): number {
  let h = Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(x | 0, 0x85ebca6b);
  h ^= Math.imul(y | 0, 0xc2b2ae35) ^ Math.imul(z | 0, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  h ^= h >>> 15;
  return (h >>> 0) / 0x7fff_ffff - 1;
}

function smooth(t: number): number {
  return t * t * t * (t * (t * 6 - 15) + 10);
}

function lerp(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}
