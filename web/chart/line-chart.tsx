/** A line chart as SVG, with a cursor for pointer and keyboard. It knows px and times, no weather. */
import { useSignal } from '@preact/signals';
import { Component } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { keyOfAnomaly } from '../anomalies/anomaly.ts';
import type { Between } from '../client/view.ts';
import { keyOfFlag } from '../quality/flag.ts';
import { ARROW_PATH } from '../wind/wind.ts';
import { words } from '../words/words.ts';
import type { LineLayout } from './line-layout.ts';
import { dashOf } from './line-style.ts';
import { nearestIndex } from './lines.ts';
import type { SkyLayout } from './sky-layout.ts';

export interface LineChartProps {
  readonly id: string;
  readonly layout: LineLayout;
  readonly width: number;
  readonly height: number;
  /** The times that the cursor can stand on, ascending. */
  readonly times: readonly number[];
  /** Null while the cursor is nowhere. */
  readonly cursor: number | null;
  /** Where each line is at the cursor, px. */
  readonly marks: readonly { readonly place: number; readonly y: number }[];
  /** Which of the cities the keyboard reads. */
  readonly city: number;
  readonly cityCount: number;
  /** What a screen reader says of the whole picture. */
  readonly label: string;
  /** The id of the table with the same data. */
  readonly details: string;
  /** What is read out for the cursor: null while it is nowhere. */
  readonly spoken: string | null;
  /** The ring that is highlighted: see `keyOfAnomaly`. */
  readonly lit: string | null;
  onCursor(at: number | null): void;
  onCity(city: number): void;
  /** A span of time was chosen. */
  onSpan(span: Between): void;
}

/** Less than this, in px, is a click and no span. */
const SPAN_MIN = 6;
const PAGE = 24;
/** Speech waits until the cursor rests. */
const SPEECH_DELAY_MS = 250;

export function LineChart(props: LineChartProps) {
  const { id, layout, width, height, label, details, lit } = props;
  const dragged = useSignal<{ readonly from: number; readonly to: number } | null>(null);
  const handlers = useHandlers(props, dragged);
  return (
    <>
      <div
        class="plot"
        role="application"
        aria-roledescription={words.value.chart.role}
        aria-label={label}
        aria-describedby={`${id}-keys`}
        aria-details={details}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the cursor moves by the keyboard.
        tabIndex={0}
        data-drawn="true"
        {...handlers}
      >
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          <Picture id={id} layout={layout} lit={lit} />
          <Cursor {...props} />
          {dragged.value !== null && (
            <rect
              class="span"
              x={Math.min(dragged.value.from, dragged.value.to)}
              y={layout.top}
              width={Math.abs(dragged.value.to - dragged.value.from)}
              height={layout.floor - layout.top}
            />
          )}
        </svg>
      </div>
      <p id={`${id}-keys`} class="unseen">
        {words.value.chart.keys}
      </p>
      <Speech text={props.spoken} />
    </>
  );
}

/** What each key does. */
function keysOf(props: LineChartProps): Readonly<Record<string, () => void>> {
  const { layout, times, cursor, city, cityCount } = props;
  const step = (by: number) => {
    if (times.length === 0) return;
    const here = cursor === null ? (by > 0 ? -1 : times.length) : nearestIndex(times, cursor);
    const next = Math.min(times.length - 1, Math.max(0, here + by));
    props.onCursor(times[next] ?? null);
  };
  const zoom = (factor: number) => {
    const [from, to] = [layout.timeAt(layout.left), layout.timeAt(layout.right)];
    const middle = cursor ?? (from + to) / 2;
    props.onSpan({
      from: Math.round(middle - (middle - from) * factor),
      to: Math.round(middle + (to - middle) * factor),
    });
  };
  return {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    PageUp: () => step(-PAGE),
    PageDown: () => step(PAGE),
    Home: () => step(-times.length),
    End: () => step(times.length),
    ArrowUp: () => props.onCity((city + cityCount - 1) % Math.max(1, cityCount)),
    ArrowDown: () => props.onCity((city + 1) % Math.max(1, cityCount)),
    '+': () => zoom(0.5),
    '-': () => zoom(2),
    Escape: () => props.onCursor(null),
  };
}

function useHandlers(
  props: LineChartProps,
  dragged: { value: { readonly from: number; readonly to: number } | null },
) {
  const { layout, times } = props;
  const down = useRef<number | null>(null);
  const inside = (x: number) => Math.min(layout.right, Math.max(layout.left, x));
  const xOf = (event: PointerEvent) =>
    event.clientX - (event.currentTarget as Element).getBoundingClientRect().left;
  const snap = (x: number) => times[nearestIndex(times, layout.timeAt(inside(x)))] ?? null;

  const keys = keysOf(props);
  return {
    onKeyDown(event: KeyboardEvent) {
      const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
      if (act === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    },
    onPointerMove(event: PointerEvent) {
      const x = xOf(event);
      props.onCursor(snap(x));
      if (down.current === null) return;
      dragged.value = { from: down.current, to: inside(x) };
    },
    onPointerDown(event: PointerEvent) {
      props.onCursor(snap(xOf(event)));
      // A finger moves the cursor and scrolls the page; a mouse drags over a span of time.
      if (event.pointerType !== 'mouse' || event.button !== 0) return;
      down.current = inside(xOf(event));
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
    },
    onPointerUp() {
      const span = dragged.value;
      down.current = null;
      dragged.value = null;
      if (span === null || Math.abs(span.to - span.from) < SPAN_MIN) return;
      const [from, to] = [span.from, span.to].sort((a, b) => a - b).map(layout.timeAt);
      if (from !== undefined && to !== undefined) props.onSpan({ from, to });
    },
    onPointerCancel() {
      down.current = null;
      dragged.value = null;
    },
    onPointerLeave(event: PointerEvent) {
      if (event.pointerType === 'mouse') props.onCursor(null);
    },
    onBlur: () => props.onCursor(null),
  };
}

type PictureProps = Pick<LineChartProps, 'id' | 'layout' | 'lit'>;

/**
 * What a move of the cursor leaves as it is. No element kept by `useMemo`: that holds the tree that
 * it was made in, and with a second chart's in it all trees before.
 */
class Picture extends Component<PictureProps> {
  override shouldComponentUpdate({ id, layout, lit }: PictureProps): boolean {
    return id !== this.props.id || layout !== this.props.layout || lit !== this.props.lit;
  }

  override render() {
    return <Drawn {...this.props} />;
  }
}

function Drawn({ id, layout, lit }: PictureProps) {
  const { left, right, top, bottom } = layout;
  const height = bottom - top;
  const clip = `${id}-clip`;
  return (
    <>
      <defs>
        <clipPath id={clip}>
          <rect x={left} y={top - 4} width={right - left} height={height + 8} />
        </clipPath>
        <pattern
          id={`${id}-hatch`}
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <path class="hatch" d="M0 0V6" />
        </pattern>
      </defs>
      <Axes id={id} layout={layout} />
      {layout.sky !== null && <Sky sky={layout.sky} left={left} right={right} />}
      {layout.marked !== null && (
        <rect class="marked" {...layout.marked} y={top} height={layout.floor - top} />
      )}
      <g clip-path={`url(#${clip})`}>
        {layout.usual !== null && <path class="usual place-0" d={layout.usual} />}
        {layout.forecast !== null && (
          <>
            <path class="ahead place-0" d={layout.forecast.band} />
            <path class="line forecast place-0" d={layout.forecast.path} />
          </>
        )}
        {layout.bands.map(({ place, path }) => (
          <path key={place} class={`band place-${place}`} d={path} />
        ))}
        {layout.lines.map(({ place, path, dots }) => (
          <g key={place} class={`place-${place}`}>
            <path class="line" d={path} stroke-dasharray={dashOf(place)} />
            {dots.map(({ x, y }) => (
              <circle key={x} class="dot" cx={x.toFixed(1)} cy={y.toFixed(1)} r="2.5" />
            ))}
          </g>
        ))}
      </g>
      {layout.forecast !== null && (
        <g class="now">
          <path class="now-line" d={`M${layout.forecast.now.toFixed(1)} ${top}V${layout.floor}`} />
          <text class="tick" x={layout.forecast.now + 5} y={top + 10}>
            {words.value.chart.forecast.begin}
          </text>
        </g>
      )}
      {layout.threshold !== null && (
        <path class="threshold" d={`M${left} ${layout.threshold.toFixed(1)}H${right}`} />
      )}
      {layout.hollows.map(({ x, y, place, flag }) => (
        <circle
          key={keyOfFlag(flag)}
          class={`hollow ${flag.verdict} place-${place}`}
          cx={x.toFixed(1)}
          cy={y.toFixed(1)}
          r={flag.verdict === 'fail' ? 4 : 3}
        />
      ))}
      {layout.rings.map(({ x, y, anomaly }) => (
        <circle
          key={keyOfAnomaly(anomaly)}
          class={keyOfAnomaly(anomaly) === lit ? 'ring lit' : 'ring'}
          cx={x.toFixed(1)}
          cy={y.toFixed(1)}
          r={keyOfAnomaly(anomaly) === lit ? 10 : 6}
        />
      ))}
      {layout.ends.map(({ y, place, text }) => (
        <text key={place} class={`end place-${place}`} x={right + 6} y={y + 4}>
          {text}
        </text>
      ))}
    </>
  );
}

/** What lies behind the lines: nights, marks of values and times, and gaps. */
function Axes({ id, layout }: Pick<PictureProps, 'id' | 'layout'>) {
  const { left, right, top, bottom } = layout;
  return (
    <>
      {layout.nights.map(({ x, width }) => (
        <rect key={x} class="night" x={x} y={top} width={width} height={layout.floor - top} />
      ))}
      {layout.valueMarks.map(({ y, label }) => (
        <g key={label}>
          <path class="grid" d={`M${left} ${y.toFixed(1)}H${right}`} />
          <text class="tick" x={left - 6} y={y + 4} text-anchor="end">
            {label}
          </text>
        </g>
      ))}
      {layout.timeMarks.map(({ x, tick, label, anchor }) => (
        <g key={`${x} ${tick}`}>
          {tick !== null && (
            <path class="grid" d={`M${tick.toFixed(1)} ${top}V${layout.floor + 4}`} />
          )}
          <text class="tick" x={x} y={layout.floor + 18} text-anchor={anchor}>
            {label}
          </text>
        </g>
      ))}
      {layout.gaps.map((gap) => (
        <g key={gap.x} class="gap">
          <rect
            x={gap.x}
            y={top}
            width={gap.width}
            height={bottom - top}
            fill={`url(#${id}-hatch)`}
          />
          {gap.words !== null && (
            <text class="tick" x={gap.x + gap.width / 2} y={bottom - 6} text-anchor="middle">
              {gap.words}
            </text>
          )}
        </g>
      ))}
    </>
  );
}

function Sky({
  sky,
  left,
  right,
}: {
  readonly sky: SkyLayout;
  readonly left: number;
  readonly right: number;
}) {
  const { floor, height, mostMm, bars, arrows } = sky;
  return (
    <g>
      {mostMm > 0 && (
        <>
          <path class="grid" d={`M${left} ${floor}H${right}`} />
          <text class="tick" x={left - 6} y={floor - height + 6} text-anchor="end">
            {mostMm} mm
          </text>
        </>
      )}
      {bars.map(({ x, width, rain, snow }) => (
        <g key={x}>
          <rect class="rain" x={x} y={floor - rain} width={width} height={rain} />
          <rect class="snow" x={x} y={floor - rain - snow} width={width} height={snow} />
        </g>
      ))}
      {arrows.map(({ x, y, turn, size, label }) => (
        <path
          key={x}
          class="wind-arrow"
          d={ARROW_PATH}
          transform={`translate(${x.toFixed(1)} ${y}) rotate(${turn}) scale(${size})`}
        >
          <title>{label}</title>
        </path>
      ))}
    </g>
  );
}

function Cursor({ layout, cursor, marks }: LineChartProps) {
  if (cursor === null) return null;
  const x = layout.x(cursor);
  if (x < layout.left - 1 || x > layout.right + 1) return null;
  return (
    <g class="cursor">
      <path class="crosshair" d={`M${x.toFixed(1)} ${layout.top}V${layout.floor}`} />
      {marks.map(({ place, y }) => (
        <circle key={place} class={`mark place-${place}`} cx={x.toFixed(1)} cy={y} r="4" />
      ))}
    </g>
  );
}

/** Says where the cursor rests, politely. */
function Speech({ text }: { readonly text: string | null }) {
  const said = useSignal('');
  useEffect(() => {
    const timer = setTimeout(() => {
      said.value = text ?? '';
    }, SPEECH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [said, text]);
  return (
    <p class="unseen" aria-live="polite">
      {said.value}
    </p>
  );
}
