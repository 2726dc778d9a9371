/**
 * The outline of the land for the map, projected when the page is built: `assets/land-….svg`, a
 * symbol that takes its colour from where it is used. From Natural Earth (public domain) by
 * world-atlas; no borders.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';
import type { Plugin } from 'vite';
import { MAP_HEIGHT, MAP_WIDTH, project } from './projection.ts';

type Topology = Parameters<typeof feature>[0];

/** The module of this name has the address of the outline. */
const NAME = 'virtual:land';
const RESOLVED = `\0${NAME}`;

export function land(): Plugin {
  let isBuild = false;
  return {
    name: 'land',
    configResolved({ command }) {
      isBuild = command === 'build';
    },
    resolveId: (id) => (id === NAME ? RESOLVED : null),
    load(id) {
      if (id !== RESOLVED) return null;
      if (!isBuild) return "export default '/land.svg';";
      const file = this.emitFile({ type: 'asset', name: 'land.svg', source: landSvg() });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
    configureServer({ middlewares }) {
      middlewares.use('/land.svg', (_request, response) => {
        response.setHeader('content-type', 'image/svg+xml');
        response.end(landSvg());
      });
    },
  };
}

export function landSvg(): string {
  const path = createRequire(import.meta.url).resolve('world-atlas/land-110m.json');
  const topology = JSON.parse(readFileSync(path, 'utf8')) as Topology;
  const object = topology.objects.land;
  if (object === undefined) throw new Error(`${path} has no land`);
  const shapes = feature(topology, object);
  const all = shapes.type === 'FeatureCollection' ? shapes.features : [shapes];
  const rings = all.flatMap(({ geometry }) => {
    if (geometry.type === 'MultiPolygon') return geometry.coordinates.flat();
    return geometry.type === 'Polygon' ? geometry.coordinates : [];
  });
  const box = `0 0 ${MAP_WIDTH} ${MAP_HEIGHT.toFixed(1)}`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}">` +
    `<path id="land" d="${rings.map(pathOf).join('')}"/></svg>`
  );
}

function pathOf(ring: readonly (readonly number[])[]): string {
  const longitudes = unwrap(ring);
  // Where it began decides nothing: most of it shall lie on the map.
  const middle = (Math.min(...longitudes) + Math.max(...longitudes)) / 2;
  const shift = 360 * Math.round(middle / 360);
  const points: string[] = [];
  for (const [place, [, latitude = 0]] of ring.entries()) {
    const { x, y } = project(latitude, (longitudes[place] ?? 0) - shift);
    const point = `${x.toFixed(1)} ${y.toFixed(1)}`;
    if (points.at(-1) !== point) points.push(point);
  }
  // What is smaller than a point of the drawing is not seen.
  return points.length < 3 ? '' : `M${points.join('L')}Z`;
}

/** Land on both sides of 180° goes on beyond the edge; Antarctica's edge is the map's. */
function unwrap(ring: readonly (readonly number[])[]): readonly number[] {
  let before = ring[0]?.[0] ?? 0;
  return ring.map(([given = 0, latitude = 0]) => {
    const isCut = Math.abs(given - before) > 180 && latitude > -80;
    before = isCut ? given - 360 * Math.round((given - before) / 360) : given;
    return before;
  });
}
