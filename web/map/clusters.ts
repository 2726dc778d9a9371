/** What a map shows of its places at one zoom: those that would lie upon each other as one. */
import { MAP_HEIGHT, MAP_WIDTH, type Point, project } from './projection.ts';

export interface Place {
  readonly id: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Those with more weight are shown by themselves first. */
  readonly weight: number;
}

/** The part of the map that is seen, in its units. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Mark extends Point {
  /** The weightiest first. */
  readonly ids: readonly string[];
}

/** No further in than this, as a share of the whole width. */
const FRAME_MIN = MAP_WIDTH / 120;

/**
 * Marks in px of a drawing of this width, at least `distance` px from each other either across or
 * down, but for places outside of it. Each place goes to the first mark near it in the order of
 * weight, so a place that matters keeps its own; the work is proportional to the number of places.
 */
export function clusterPlaces(
  places: readonly Place[],
  frame: Frame,
  width: number,
  distance: Point,
): readonly Mark[] {
  const scale = width / frame.width;
  const height = frame.height * scale;
  const cells = new Map<string, { x: number; y: number; ids: string[] }[]>();
  const marks: { x: number; y: number; ids: string[] }[] = [];
  for (const place of places.toSorted((a, b) => b.weight - a.weight)) {
    const at = project(place.latitude, place.longitude);
    const [x, y] = [(at.x - frame.x) * scale, (at.y - frame.y) * scale];
    if (isOutside(x, width, distance.x) || isOutside(y, height, distance.y)) continue;
    const [column, row] = [Math.floor(x / distance.x), Math.floor(y / distance.y)];
    const near = around(cells, column, row).find((mark) => isNear(mark, { x, y }, distance));
    if (near !== undefined) {
      near.ids.push(place.id);
      continue;
    }
    const mark = { x, y, ids: [place.id] };
    marks.push(mark);
    const key = `${column} ${row}`;
    cells.set(key, [...(cells.get(key) ?? []), mark]);
  }
  return marks;
}

/** Those that have room for a label of this size; marks that come first go first. */
export function labelledMarks(marks: readonly Mark[], size: Point): ReadonlySet<Mark> {
  const labelled: Mark[] = [];
  for (const mark of marks) {
    if (!labelled.some((other) => isNear(mark, other, size))) labelled.push(mark);
  }
  return new Set(labelled);
}

function isNear(a: Point, b: Point, size: Point): boolean {
  return Math.abs(a.x - b.x) < size.x && Math.abs(a.y - b.y) < size.y;
}

function isOutside(at: number, length: number, room: number): boolean {
  return at < -room || at > length + room;
}

function around<T>(cells: ReadonlyMap<string, readonly T[]>, column: number, row: number): T[] {
  return [-1, 0, 1].flatMap((dx) =>
    [-1, 0, 1].flatMap((dy) => cells.get(`${column + dx} ${row + dy}`) ?? []),
  );
}

/** The smallest frame of this shape that holds all places with room around them. */
export function frameAround(
  places: readonly Pick<Place, 'latitude' | 'longitude'>[],
  shape: number,
): Frame {
  const whole = { x: 0, y: 0, width: MAP_WIDTH, height: MAP_HEIGHT };
  if (places.length === 0) return fit(whole, shape);
  const points = places.map(({ latitude, longitude }) => project(latitude, longitude));
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const room = Math.max(30, 0.12 * Math.max(right - left, bottom - top));
  return fit(
    {
      x: left - room,
      y: top - room,
      width: right - left + 2 * room,
      height: bottom - top + 2 * room,
    },
    shape,
  );
}

/**
 * Widened or heightened to this shape (width ÷ height), and moved onto the map where it can be. A
 * shape that is flatter than the map has sea at its sides, and a higher one above and below.
 */
function fit({ x, y, width, height }: Frame, shape: number): Frame {
  const w = Math.max(width, height * shape);
  const h = w / shape;
  return keep({ x: x + (width - w) / 2, y: y + (height - h) / 2, width: w, height: h });
}

function keep(frame: Frame): Frame {
  const held = (start: number, length: number, whole: number) =>
    length >= whole ? (whole - length) / 2 : Math.min(whole - length, Math.max(0, start));
  return {
    ...frame,
    x: held(frame.x, frame.width, MAP_WIDTH),
    y: held(frame.y, frame.height, MAP_HEIGHT),
  };
}

/** Nearer by a factor above 1, around a point given as shares of the frame. */
export function zoomFrame(frame: Frame, factor: number, at: Point = { x: 0.5, y: 0.5 }): Frame {
  const whole = Math.max(MAP_WIDTH, (MAP_HEIGHT * frame.width) / frame.height);
  const width = Math.min(whole, Math.max(FRAME_MIN, frame.width / factor));
  const height = (frame.height / frame.width) * width;
  return keep({
    x: frame.x + (frame.width - width) * at.x,
    y: frame.y + (frame.height - height) * at.y,
    width,
    height,
  });
}

/** Moved by shares of its own width and height. */
export function moveFrame(frame: Frame, dx: number, dy: number): Frame {
  return keep({ ...frame, x: frame.x + dx * frame.width, y: frame.y + dy * frame.height });
}
