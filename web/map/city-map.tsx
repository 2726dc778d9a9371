import land from 'virtual:land';
import { useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import { type ShownCity, toggleCity } from '../cities/city-list.ts';
import { chooseView, type Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { temperatureColour, textOn } from '../format/palette.ts';
import { formatDegrees, formatWholeDegrees, type Units } from '../format/units.ts';
import { useSize } from '../panel/measured.ts';
import { Panel } from '../panel/panel.tsx';
import { words } from '../words/words.ts';
import {
  clusterPlaces,
  type Frame,
  frameAround,
  labelledMarks,
  type Mark,
  moveFrame,
  zoomFrame,
} from './clusters.ts';
import { MAP_HEIGHT, MAP_WIDTH } from './projection.ts';

/** What it keeps free before it is there, px. */
const HEIGHT = 340;
/** Places nearer to each other than this are one mark, px. */
const DISTANCE = { x: 11, y: 11 };
/** With more places than this the marks are fewer, so that a drag stays smooth. */
const PLACES_FEW = 400;
const DISTANCE_OF_MANY = { x: 34, y: 34 };
/** Room of a mark that shows its temperature, px; the others are dots. */
const LABEL = { x: 56, y: 26 };
/** That of marks which are several places each. */
const LABEL_OF_MANY = { x: 74, y: 26 };
const ZOOM = 2;
const MOVE = 0.25;
/** Less than this, in px, is a click and no drag. */
const DRAG_MIN = 4;
const LEGEND = [-20, -10, 0, 10, 20, 30, 40];

/** Where the cities lie, each with its temperature. */
export function CityMap({ store }: { readonly store: Store }) {
  const { units } = store.address.view.value;
  const say = words.value.map;
  const frame = useSignal<Frame | null>(null);
  const unplaced = store.shown.value.filter(({ latitude }) => latitude === null).length;
  return (
    <Panel
      id="map"
      title={say.title}
      subtitle={say.subtitle(units === 'f' ? '°F' : '°C')}
      store={store}
      resource={store.cities}
      fills
      height={HEIGHT}
      ageless
      emptyText={say.empty}
    >
      {() => (
        <>
          <Drawing store={store} frame={frame} />
          <ol class="legend" aria-hidden="true">
            {LEGEND.map((celsius) => {
              const colour = temperatureColour(celsius);
              return (
                <li key={celsius} style={{ background: colour, color: textOn(colour) }}>
                  {formatWholeDegrees(celsius, units)}
                </li>
              );
            })}
          </ol>
          {unplaced > 0 && <p class="quiet foot">{say.unplaced(formatCount(unplaced))}</p>}
        </>
      )}
    </Panel>
  );
}

interface DrawingProps {
  readonly store: Store;
  /** What people have moved to; null while it follows the cities. */
  readonly frame: { value: Frame | null };
}

function Drawing({ store, frame }: DrawingProps) {
  const [place, { width, height }] = useSize<HTMLDivElement>();
  const at = useSignal<string | null>(null);
  const dragged = useRef<Drag | null>(null);
  const { units } = store.address.view.value;
  const cities = store.shown.value;
  const compared = store.compared.value.map(({ city_id }) => city_id);
  const placed = placesOf(cities, compared, at.value);
  const shape = Math.max(1, width) / Math.max(1, height);
  const home = useMemo(() => frameAround(placed, shape), [placed.length, shape]);
  const shown = frame.value ?? home;
  const isMany = placed.length > PLACES_FEW;
  const distance = isMany ? DISTANCE_OF_MANY : DISTANCE;
  const marks = width === 0 ? [] : clusterPlaces(placed, shown, width, distance);
  const labelled = labelledMarks(marks, isMany ? LABEL_OF_MANY : LABEL);
  const byId = new Map(cities.map((city) => [city.city_id, city]));
  const say = words.value.map;
  const choose = (id: string) => chooseView(store, { cities: toggleCity(compared, id) });
  const zoom = (factor: number, x = 0.5, y = 0.5) => {
    frame.value = zoomFrame(shown, factor, { x, y });
  };
  const open = (mark: Mark) => {
    const [id, ...others] = mark.ids;
    if (id === undefined) return;
    if (others.length === 0) choose(id);
    else zoom(ZOOM * 1.5, mark.x / width, mark.y / height);
  };
  const step = (dx: number, dy: number) => {
    const next = nextMark(marks, at.value, dx, dy);
    if (next === null) frame.value = moveFrame(shown, dx * MOVE, dy * MOVE);
    else at.value = next;
  };
  const openHere = () => {
    const mark = marks.find(({ ids }) => at.value !== null && ids.includes(at.value));
    if (mark !== undefined) open(mark);
  };
  const keys = keysOf({ at, frame, step, zoom, open: openHere });
  return (
    <div ref={place} class="drawing map">
      <div
        class="map-view"
        role="application"
        aria-roledescription={say.role}
        aria-label={say.label(formatCount(placed.length))}
        aria-describedby="map-keys"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard moves in it.
        tabIndex={0}
        onKeyDown={(event) => press(keys, event)}
        {...dragging({ dragged, frame, shown, width, height })}
      >
        <MapPicture
          {...{ marks, labelled, byId, units, compared, shown, width, height }}
          at={at.value}
          onOpen={(mark) => {
            if (dragged.current?.moved !== true) open(mark);
          }}
        />
      </div>
      <p id="map-keys" class="unseen">
        {say.keys}
      </p>
      <p class="unseen" aria-live="polite">
        {spoken(marks, byId, at.value, units)}
      </p>
      <MapButtons frame={frame} zoom={zoom} />
    </div>
  );
}

interface MapPictureProps {
  readonly marks: readonly Mark[];
  readonly labelled: ReadonlySet<Mark>;
  readonly byId: ReadonlyMap<string, ShownCity>;
  readonly units: Units;
  readonly compared: readonly string[];
  readonly shown: Frame;
  readonly width: number;
  readonly height: number;
  readonly at: string | null;
  onOpen(mark: Mark): void;
}

function MapPicture(props: MapPictureProps) {
  const { marks, labelled, byId, units, compared, shown, width, height, at, onOpen } = props;
  const scale = width / shown.width;
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <rect class="sea" width={width} height={height} />
      <g transform={`scale(${scale}) translate(${-shown.x} ${-shown.y})`}>
        <use class="land" href={`${land}#land`} width={MAP_WIDTH} height={MAP_HEIGHT} />
      </g>
      {marks.toSorted(byLabel(labelled)).map((mark) => {
        const [id = ''] = mark.ids;
        const city = byId.get(id);
        return city === undefined ? null : (
          <MapMark
            key={id}
            {...{ mark, city, units }}
            place={compared.indexOf(id)}
            isLabelled={labelled.has(mark)}
            isAt={at !== null && mark.ids.includes(at)}
            onOpen={() => onOpen(mark)}
          />
        );
      })}
    </svg>
  );
}

interface Keyboard {
  /** The city that the keyboard is at. */
  readonly at: { value: string | null };
  readonly frame: { value: Frame | null };
  step(dx: number, dy: number): void;
  zoom(factor: number): void;
  open(): void;
}

function keysOf({ at, frame, step, zoom, open }: Keyboard): Readonly<Record<string, () => void>> {
  return {
    ArrowLeft: () => step(-1, 0),
    ArrowRight: () => step(1, 0),
    ArrowUp: () => step(0, -1),
    ArrowDown: () => step(0, 1),
    '+': () => zoom(ZOOM),
    '-': () => zoom(1 / ZOOM),
    Home: () => {
      frame.value = null;
    },
    Enter: open,
    Escape: () => {
      at.value = null;
    },
  };
}

function press(keys: ReturnType<typeof keysOf>, event: KeyboardEvent): void {
  const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

interface Drag {
  readonly x: number;
  readonly y: number;
  readonly frame: Frame;
  moved: boolean;
}

interface DraggingProps {
  readonly width: number;
  readonly height: number;
  readonly dragged: { current: Drag | null };
  readonly frame: { value: Frame | null };
  readonly shown: Frame;
}

/** A mouse moves the map; a finger scrolls the page. */
function dragging({ dragged, frame, shown, width, height }: DraggingProps) {
  return {
    onPointerDown(event: PointerEvent) {
      if (event.pointerType !== 'mouse' || event.button !== 0) return;
      dragged.current = { x: event.clientX, y: event.clientY, frame: shown, moved: false };
    },
    onPointerMove(event: PointerEvent) {
      const from = dragged.current;
      if (from === null) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!from.moved && Math.hypot(dx, dy) < DRAG_MIN) return;
      from.moved = true;
      frame.value = moveFrame(from.frame, -dx / width, -dy / height);
    },
    onPointerUp() {
      // A click that ends a drag chooses nothing.
      setTimeout(() => {
        dragged.current = null;
      });
    },
    onPointerLeave() {
      dragged.current = null;
    },
  };
}

function MapButtons({ frame, zoom }: Pick<Keyboard, 'frame' | 'zoom'>) {
  const say = words.value.map;
  return (
    <div class="map-buttons">
      <button type="button" class="plain" aria-label={say.nearer} onClick={() => zoom(ZOOM)}>
        +
      </button>
      <button type="button" class="plain" aria-label={say.farther} onClick={() => zoom(1 / ZOOM)}>
        −
      </button>
      {frame.value !== null && (
        <button
          type="button"
          class="plain"
          onClick={() => {
            frame.value = null;
          }}
        >
          {say.home}
        </button>
      )}
    </div>
  );
}

/** Those whose place is known; compared ones, and the one that the keyboard is at, go first. */
function placesOf(cities: readonly ShownCity[], compared: readonly string[], at: string | null) {
  return cities.flatMap(({ city_id, latitude, longitude }) => {
    if (latitude === null || longitude === null) return [];
    const weight = city_id === at ? 2 : compared.includes(city_id) ? 1 : 0;
    return [{ id: city_id, latitude, longitude, weight }];
  });
}

interface MapMarkProps {
  readonly mark: Mark;
  readonly city: ShownCity;
  readonly units: Units;
  /** Among the compared cities; −1 when it is none. */
  readonly place: number;
  readonly isLabelled: boolean;
  readonly isAt: boolean;
  onOpen(): void;
}

function MapMark({ mark, city, units, place, isLabelled, isAt, onOpen }: MapMarkProps) {
  const celsius = city.latest?.temperature_c ?? null;
  const colour = celsius === null ? null : temperatureColour(celsius);
  const others = mark.ids.length - 1;
  const text = `${formatWholeDegrees(celsius, units)}${others > 0 ? ` +${others}` : ''}`;
  const half = 10 + text.length * 3.6;
  const title =
    others > 0
      ? words.value.map.together(city.name, formatCount(others))
      : `${city.name} ${formatDegrees(celsius, units)}`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the whole drawing has the keyboard.
    <g
      class={`pin${place >= 0 ? ` compared place-${place}` : ''}${isAt ? ' at' : ''}`}
      transform={`translate(${mark.x.toFixed(1)} ${mark.y.toFixed(1)})`}
      onClick={onOpen}
      data-city={city.city_id}
    >
      <title>{title}</title>
      {isLabelled ? (
        <>
          <rect
            x={-half}
            y={-11}
            width={2 * half}
            height={22}
            rx={11}
            fill={colour ?? 'var(--sunken)'}
          />
          <text y={4} text-anchor="middle" fill={colour === null ? 'var(--ink)' : textOn(colour)}>
            {text}
          </text>
        </>
      ) : (
        <circle r={others > 0 ? 6 : 4.5} fill={colour ?? 'var(--sunken)'} />
      )}
    </g>
  );
}

/** Labels lie above dots. */
function byLabel(labelled: ReadonlySet<Mark>) {
  return (a: Mark, b: Mark) => Number(labelled.has(a)) - Number(labelled.has(b));
}

/** The nearest mark in this direction; null at the edge. */
function nextMark(
  marks: readonly Mark[],
  at: string | null,
  dx: number,
  dy: number,
): string | null {
  const here = marks.find(({ ids }) => at !== null && ids.includes(at));
  if (here === undefined) return marks[0]?.ids[0] ?? null;
  let best: { id: string; far: number } | null = null;
  for (const mark of marks) {
    const [x, y] = [mark.x - here.x, mark.y - here.y];
    const along = x * dx + y * dy;
    if (along <= 0) continue;
    const far = along + 2 * Math.abs(x * dy - y * dx);
    const [id] = mark.ids;
    if (id !== undefined && (best === null || far < best.far)) best = { id, far };
  }
  return best?.id ?? null;
}

function spoken(
  marks: readonly Mark[],
  byId: ReadonlyMap<string, ShownCity>,
  at: string | null,
  units: Units,
): string {
  const mark = marks.find(({ ids }) => at !== null && ids.includes(at));
  const city = byId.get(mark?.ids[0] ?? '');
  if (mark === undefined || city === undefined) return '';
  const own = `${city.name} ${formatDegrees(city.latest?.temperature_c, units)}`;
  return mark.ids.length === 1
    ? own
    : words.value.map.together(own, formatCount(mark.ids.length - 1));
}
