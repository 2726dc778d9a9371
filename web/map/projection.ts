/**
 * Equal Earth: an area has the same size wherever it lies, so no city's surroundings look larger
 * than they are. Šavrič, Patterson and Jenny, "The Equal Earth map projection", International
 * Journal of Geographical Information Science 33(3), 2019.
 */
export interface Point {
  readonly x: number;
  readonly y: number;
}

const [A1, A2, A3, A4] = [1.340264, -0.081106, 0.000893, 0.003796];
const M = Math.sqrt(3) / 2;
const RADIANS = Math.PI / 180;
/** The map is as wide; a little less than half as high. */
export const MAP_WIDTH = 1_000;
const HALF_WIDTH = Math.PI / (M * A1);
const SCALE = MAP_WIDTH / 2 / HALF_WIDTH;
export const MAP_HEIGHT = 2 * rise(Math.PI / 3) * SCALE;

/** Degrees north and east → units of the map, from its left and upper end. */
export function project(latitude: number, longitude: number): Point {
  const theta = Math.asin(M * Math.sin(latitude * RADIANS));
  const square = theta * theta;
  const slope = A1 + 3 * A2 * square + square ** 3 * (7 * A3 + 9 * A4 * square);
  const x = (longitude * RADIANS * Math.cos(theta)) / (M * slope);
  return { x: MAP_WIDTH / 2 + x * SCALE, y: MAP_HEIGHT / 2 - rise(theta) * SCALE };
}

function rise(theta: number): number {
  const square = theta * theta;
  return theta * (A1 + A2 * square + square ** 3 * (A3 + A4 * square));
}
