import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  clusterPlaces,
  frameAround,
  labelledMarks,
  type Mark,
  moveFrame,
  type Place,
  zoomFrame,
} from './clusters.ts';
import { MAP_HEIGHT, MAP_WIDTH, project } from './projection.ts';

const APART = { x: 40, y: 25 };
const WHOLE = { x: 0, y: 0, width: MAP_WIDTH, height: MAP_HEIGHT };
const place = fc.record({
  id: fc.uuid(),
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  weight: fc.integer({ min: 0, max: 5 }),
});

test('the projection has its known shape', () => {
  assert.deepEqual(project(0, 0), { x: MAP_WIDTH / 2, y: MAP_HEIGHT / 2 });
  assert.ok(Math.abs(project(0, 180).x - MAP_WIDTH) < 1e-9);
  assert.ok(Math.abs(project(90, 10).y) < 1e-9);
  // Of Equal Earth the poles are 0.59 and the height 0.487 of the width.
  assert.ok(Math.abs((project(90, 180).x - project(90, -180).x) / MAP_WIDTH - 0.5922) < 1e-3);
  assert.ok(Math.abs(MAP_HEIGHT / MAP_WIDTH - 0.4867) < 1e-3);
  // Equal areas: a cell of 10° near the pole and one at the equator, by their true areas.
  const area = (south: number) => {
    const [a, b] = [project(south, 0), project(south + 1, 1)];
    return Math.abs((project(south, 1).x + b.x - a.x - project(south + 1, 0).x) / 2) * (a.y - b.y);
  };
  const truth = (south: number) =>
    Math.sin(((south + 1) * Math.PI) / 180) - Math.sin((south * Math.PI) / 180);
  assert.ok(Math.abs(area(60) / area(0) / (truth(60) / truth(0)) - 1) < 1e-3);
});

test('every place is in one mark, and marks keep their distance', () => {
  fc.assert(
    fc.property(
      fc.array(place, { maxLength: 60 }),
      fc.integer({ min: 300, max: 1_500 }),
      (places, width) => {
        const marks = clusterPlaces(places, WHOLE, width, APART);
        assert.deepEqual(marks.flatMap(({ ids }) => ids).sort(), places.map(({ id }) => id).sort());
        for (const [at, a] of marks.entries()) {
          for (const b of marks.slice(at + 1)) {
            assert.ok(Math.abs(a.x - b.x) >= APART.x || Math.abs(a.y - b.y) >= APART.y);
          }
        }
      },
    ),
  );
});

test('labels keep their distance, go to what matters first, and leave out none that has room', () => {
  fc.assert(
    fc.property(fc.array(place, { maxLength: 60 }), (places) => {
      const marks = clusterPlaces(places, WHOLE, 800, { x: 10, y: 10 });
      const labelled = labelledMarks(marks, APART);
      const isNear = (a: Mark, b: Mark) =>
        Math.abs(a.x - b.x) < APART.x && Math.abs(a.y - b.y) < APART.y;
      for (const [at, mark] of marks.entries()) {
        const before = marks.slice(0, at).filter((other) => labelled.has(other));
        assert.equal(labelled.has(mark), !before.some((other) => isNear(mark, other)));
      }
    }),
  );
});

test('what matters more is shown by itself, and the rest joins it', () => {
  const near = (id: string, weight: number): Place => ({ id, latitude: 50, longitude: 10, weight });
  const [mark] = clusterPlaces([near('a', 0), near('b', 2), near('c', 1)], WHOLE, 800, APART);
  assert.deepEqual(mark?.ids, ['b', 'c', 'a']);
});

test('ten thousand places are grouped within a frame or two', (t) => {
  const places = Array.from({ length: 10_000 }, (_, at) => ({
    id: String(at),
    latitude: ((at * 7_919) % 1_600) / 10 - 80,
    longitude: ((at * 104_729) % 3_600) / 10 - 180,
    weight: at % 3,
  }));
  const from = performance.now();
  const marks = clusterPlaces(places, WHOLE, 1_000, APART);
  t.diagnostic(`${(performance.now() - from).toFixed(1)} ms, ${marks.length} marks`);
  assert.ok(marks.length < 1_200);
});

test('a frame holds its places, keeps its shape and stays on the map', () => {
  const shape = fc.double({ min: 1.2, max: 3, noNaN: true });
  const factor = fc.double({ min: 0.1, max: 20, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(place, { minLength: 1, maxLength: 20 }),
      shape,
      factor,
      (places, ratio, by) => {
        const frame = frameAround(places, ratio);
        assert.ok(Math.abs(frame.width / frame.height - ratio) < 1e-6);
        for (const { latitude, longitude } of places) {
          const { x, y } = project(latitude, longitude);
          assert.ok(x >= frame.x - 1e-6 && x <= frame.x + frame.width + 1e-6);
          assert.ok(y >= frame.y - 1e-6 && y <= frame.y + frame.height + 1e-6);
        }
        const moved = moveFrame(zoomFrame(frame, by, { x: 0.3, y: 0.9 }), 5, -5);
        assert.ok(Math.abs(moved.width / moved.height - ratio) < 1e-6);
        const [left, right] = [moved.x, MAP_WIDTH - moved.x - moved.width];
        // On the map, or the whole map in its middle.
        assert.ok(Math.min(left, right) >= -1e-6 || Math.abs(left - right) < 1e-6);
      },
    ),
  );
});
