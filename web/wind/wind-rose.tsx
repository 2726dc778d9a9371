import type { WindSector } from '../../src/api/schemas.ts';
import type { Store } from '../client/store.ts';
import { formatNumber } from '../format/numbers.ts';
import { CityPanel } from '../panel/city-panel.tsx';
import { useSize } from '../panel/measured.ts';
import { type Column, Row, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';
import { layOutRose } from './rose-layout.ts';
import { formatCompass } from './wind.ts';

const MARGIN = 22;

/** Where the wind came from over the range, and how strong it was. */
export function WindRose({ store }: { readonly store: Store }) {
  const say = words.value.rose;
  return (
    <CityPanel
      id="wind"
      title={say.title}
      subtitle={say.subtitle}
      store={store}
      resource={store.rose}
      drawing={(sectors, name) => <Rose sectors={sectors} name={name} />}
      asTable={(sectors, name) => <SectorsTable sectors={sectors} name={name} />}
    />
  );
}

interface RoseProps {
  readonly sectors: readonly WindSector[];
  readonly name: string;
}

function Rose({ sectors, name }: RoseProps) {
  const [place, { width, height }] = useSize<HTMLDivElement>();
  const side = Math.min(width, height);
  const outer = Math.max(10, side / 2 - MARGIN);
  const { petals, rings, calmPct, classes } = layOutRose(sectors, outer);
  return (
    <div class="drawing rose">
      <div ref={place} class="fitted">
        <svg
          width={width}
          height={height}
          viewBox={`${-width / 2} ${-height / 2} ${width} ${height}`}
          role="img"
          aria-label={describe(sectors, name)}
        >
          {rings.map(({ radius, sharePct }) => (
            <g key={sharePct}>
              <circle class="ring-line" r={radius.toFixed(1)} />
              <text class="tick" x={radius * Math.SQRT1_2 + 2} y={-radius * Math.SQRT1_2}>
                {sharePct} %
              </text>
            </g>
          ))}
          {petals.map(({ path, speedClass, directionDeg, sharePct }) => (
            <path
              key={`${directionDeg} ${speedClass}`}
              class={`petal speed-${speedClass}`}
              d={path}
            >
              <title>
                {`${formatCompass(directionDeg)}, ${classWords(classes, speedClass)}: ` +
                  `${formatNumber(sharePct, 1)} %`}
              </title>
            </path>
          ))}
          {[0, 90, 180, 270].map((direction) => {
            const angle = (direction * Math.PI) / 180;
            const far = outer + 12;
            return (
              <text
                key={direction}
                class="point"
                x={(Math.sin(angle) * far).toFixed(1)}
                y={(-Math.cos(angle) * far + 4).toFixed(1)}
                text-anchor="middle"
              >
                {formatCompass(direction)}
              </text>
            );
          })}
        </svg>
      </div>
      <ul class="speeds">
        {classes.map((from, index) => (
          <li key={from}>
            <span class={`speed speed-${index}`} aria-hidden="true" /> {classWords(classes, index)}
          </li>
        ))}
        <li>{words.value.rose.calm(formatNumber(calmPct, 1))}</li>
      </ul>
    </div>
  );
}

/** "< 2 m/s", "2–4 m/s", "≥ 8 m/s": a class reaches up to the next one. */
function classWords(classes: readonly number[], index: number): string {
  const from = classes[index] ?? 0;
  const to = classes[index + 1];
  if (to === undefined) return `≥ ${formatNumber(from, from % 1 === 0 ? 0 : 1)} m/s`;
  return index === 0 ? `< ${to} m/s` : `${from}–${to} m/s`;
}

/** Shares of the directions, most frequent first. */
function sharesOf(sectors: readonly WindSector[]): readonly (readonly [number, number])[] {
  const shares = new Map<number, number>();
  for (const { direction_deg, share_pct } of sectors) {
    if (direction_deg === null) continue;
    shares.set(direction_deg, (shares.get(direction_deg) ?? 0) + share_pct);
  }
  return [...shares].sort(([, a], [, b]) => b - a);
}

function describe(sectors: readonly WindSector[], name: string): string {
  const most = sharesOf(sectors)
    .slice(0, 3)
    .map(([direction, share]) => `${formatCompass(direction)} ${formatNumber(share, 0)} %`);
  return words.value.rose.label(name, most.join(', '));
}

function SectorsTable({ sectors, name }: RoseProps) {
  const say = words.value.rose;
  const label = words.value.panel.asTable(say.title);
  const columns: readonly Column[] = [[say.from], [say.share, 'number']];
  return (
    <Table label={label} caption={say.caption(name)} captioned tall columns={columns}>
      {sharesOf(sectors).map(([direction, share]) => {
        const cells = [formatCompass(direction), `${formatNumber(share, 1)} %`];
        return <Row key={direction} columns={columns} cells={cells} />;
      })}
    </Table>
  );
}
