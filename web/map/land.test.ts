import assert from 'node:assert/strict';
import { test } from 'node:test';
import { landSvg } from './land.ts';
import { project } from './projection.ts';

const rings = (/ d="([^"]+)"/.exec(landSvg())?.[1] ?? '').split('Z').map((path) =>
  path
    .replace(/^M/, '')
    .split('L')
    .map((point) => point.split(' ').map(Number)),
);

function isLand(latitude: number, longitude: number): boolean {
  const { x, y } = project(latitude, longitude);
  let inside = false;
  for (const ring of rings) {
    for (const [place, [ax = 0, ay = 0]] of ring.entries()) {
      const [bx = 0, by = 0] = ring.at(place - 1) ?? [];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    }
  }
  return inside;
}

test('every continent is on the map, and oceans are not land', () => {
  const land = {
    berlin: [52.5, 13.4],
    nairobi: [-1.3, 36.8],
    delhi: [28.6, 77.2],
    denver: [39.7, -105],
  };
  const more = {
    brasilia: [-15.8, -47.9],
    alice: [-23.7, 133.9],
    pole: [-80, 60],
    yakutsk: [62, 129.7],
  };
  for (const [name, [latitude = 0, longitude = 0]] of Object.entries({ ...land, ...more })) {
    assert.ok(isLand(latitude, longitude), name);
  }
  const sea = [
    [0, -30],
    [0, -150],
    [-30, 80],
    [40, 180],
    [55, 3],
  ];
  for (const [latitude = 0, longitude = 0] of sea) {
    assert.ok(!isLand(latitude, longitude), `${latitude} ${longitude}`);
  }
});
