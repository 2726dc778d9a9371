/** A wind rose: how often the wind came from where, the petals stacked by speed. */
import { tickStep } from 'd3-array';
import type { WindSector } from '../../src/api/schemas.ts';

export interface Petal {
  readonly path: string;
  readonly speedClass: number;
  readonly directionDeg: number;
  readonly sharePct: number;
}

export interface RoseLayout {
  readonly petals: readonly Petal[];
  /** Circles with the share that they stand for. */
  readonly rings: readonly { readonly radius: number; readonly sharePct: number }[];
  readonly calmPct: number;
  /** Lower ends of the classes of speed, m/s; the last has no upper end. */
  readonly classes: readonly number[];
}

type Sector = Pick<WindSector, 'direction_deg' | 'speed_from_ms' | 'share_pct'>;

const SECTOR_DEG = 22.5;
/** Of a sector's width, so that petals do not touch. */
const PETAL = 0.82;
const HUB = 4;

export function layOutRose(sectors: readonly Sector[], radius: number): RoseLayout {
  const calm = sectors.filter(({ direction_deg }) => direction_deg === null);
  const blown = sectors.filter(({ direction_deg }) => direction_deg !== null);
  const classes = [...new Set(blown.map(({ speed_from_ms }) => speed_from_ms))].sort(
    (a, b) => a - b,
  );
  const totals = new Map<number, number>();
  for (const { direction_deg, share_pct } of blown) {
    const direction = direction_deg ?? 0;
    totals.set(direction, (totals.get(direction) ?? 0) + share_pct);
  }
  const longest = Math.max(0, ...totals.values());
  const step = longest > 1 ? Math.max(1, tickStep(0, longest, 3)) : 1;
  const most = step * Math.max(1, Math.ceil(longest / step));
  const radiusOf = (share: number) => HUB + (share / most) * (radius - HUB);
  const stacked = new Map<number, number>();
  const sorted = blown.toSorted((a, b) => a.speed_from_ms - b.speed_from_ms);
  return {
    petals: sorted.map(({ direction_deg, speed_from_ms, share_pct }) => {
      const direction = direction_deg ?? 0;
      const from = stacked.get(direction) ?? 0;
      stacked.set(direction, from + share_pct);
      return {
        path: wedge(direction, radiusOf(from), radiusOf(from + share_pct)),
        speedClass: classes.indexOf(speed_from_ms),
        directionDeg: direction,
        sharePct: share_pct,
      };
    }),
    rings: Array.from({ length: Math.round(most / step) }, (_, at) => ({
      radius: radiusOf((at + 1) * step),
      sharePct: (at + 1) * step,
    })),
    calmPct: calm.reduce((sum, { share_pct }) => sum + share_pct, 0),
    classes,
  };
}

/** A piece of a ring around the middle, centred on a direction: 0° is above, 90° on the right. */
function wedge(direction: number, inner: number, outer: number): string {
  const half = (SECTOR_DEG * PETAL) / 2;
  const point = (degrees: number, distance: number) => {
    const angle = (degrees * Math.PI) / 180;
    return `${(Math.sin(angle) * distance).toFixed(1)} ${(-Math.cos(angle) * distance).toFixed(1)}`;
  };
  const [from, to] = [direction - half, direction + half];
  const [far, near] = [outer.toFixed(1), inner.toFixed(1)];
  return (
    `M${point(from, inner)}L${point(from, outer)}A${far} ${far} 0 0 1 ${point(to, outer)}` +
    `L${point(to, inner)}A${near} ${near} 0 0 0 ${point(from, inner)}Z`
  );
}
