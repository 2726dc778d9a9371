import { useComputed } from '@preact/signals';
import { isCalm } from '../../src/model/wind.ts';
import { COMPARED_MAX, dashOf } from '../chart/line-style.ts';
import { changeOver, lastOf, linePath, type Points, valueRange } from '../chart/points.ts';
import { CARDS_MAX, chooseView, type Store } from '../client/store.ts';
import { formatAge, timeliness } from '../format/ages.ts';
import { formatCount } from '../format/numbers.ts';
import { temperatureColour, textOn } from '../format/palette.ts';
import { formatDay, formatTime, zoneOf } from '../format/times.ts';
import {
  formatDegrees,
  formatTemperatureDifference,
  formatValue,
  temperatureUnit,
  type Units,
} from '../format/units.ts';
import { Guard } from '../panel/guard.tsx';
import { useWidth } from '../panel/measured.ts';
import { Panel } from '../panel/panel.tsx';
import { ARROW_PATH, formatWind } from '../wind/wind.ts';
import { words } from '../words/words.ts';
import type { ShownCity } from './city-list.ts';
import { cardCities, toggleCity } from './city-list.ts';
import { conditionText } from './condition.ts';
import { ConditionIcon } from './condition-icon.tsx';

const HOUR = 3_600_000;
const CARD_WIDTH_MIN = 200;
/** Feels-like is shown where it differs by at least this, °C. */
const FEELS_LIKE_MIN = 2;
/** The sparklines' scale spans at least this, °C: a calm day shall not look like a storm. */
const SPARK_SPAN_MIN = 12;

export function CityCards({ store }: { readonly store: Store }) {
  const { units } = store.address.view.value;
  const say = words.value;
  return (
    <Panel
      id="cities"
      title={say.cards.title}
      subtitle={say.cards.subtitle(temperatureUnit(units), formatCount(COMPARED_MAX))}
      store={store}
      resource={store.cities}
      height={148}
      ageless
      emptyText={say.map.empty}
    >
      {() => <Cards store={store} />}
    </Panel>
  );
}

function Cards({ store }: { readonly store: Store }) {
  const [measured, width] = useWidth<HTMLUListElement>();
  const cards = store.cards.value;
  const all = cardCities(store.shown.value, CARDS_MAX, store.compared.value);
  const more = all.length - cards.length;
  const lines = recentLines(store);
  const scale = valueRange([...lines.values()], SPARK_SPAN_MIN);
  return (
    <>
      <ul ref={measured} class="cards" style={{ '--per-row': perRow(width, cards.length) }}>
        {cards.map((city) => (
          <GuardedCard
            key={city.city_id}
            store={store}
            city={city}
            points={lines.get(city.city_id) ?? null}
            scale={scale}
          />
        ))}
      </ul>
      {more > 0 && (
        <p class="more">
          <button
            type="button"
            class="plain"
            onClick={() => {
              store.cardCount.value = CARDS_MAX;
            }}
          >
            {words.value.cards.more(formatCount(more))}
          </button>
        </p>
      )}
    </>
  );
}

/** Cards of a row, so that all rows have nearly as many. */
function perRow(width: number, count: number): string {
  const most = Math.max(1, Math.floor(width / CARD_WIDTH_MIN));
  return String(Math.ceil(count / Math.ceil(count / most)));
}

/** The last 24 h of each city, with what has just come at its end. */
function recentLines(store: Store): ReadonlyMap<string, Points> {
  const lines = new Map<string, Points>();
  for (const { city_id, observed_at, values } of store.recent.answer.value?.data ?? []) {
    lines.set(city_id, { times: observed_at.map((time) => Date.parse(time)), values });
  }
  return lines;
}

interface CityCardProps {
  readonly store: Store;
  readonly city: ShownCity;
  readonly points: Points | null;
  readonly scale: readonly [number, number] | null;
}

/** One that cannot be shown is a card all the same, under its name. */
function GuardedCard(props: CityCardProps) {
  const { city, store } = props;
  const place = store.compared.value.findIndex(({ city_id }) => city_id === city.city_id);
  return (
    <li
      class={`card${place >= 0 ? ` compared place-${place}` : ''}`}
      data-city={city.city_id}
      data-observed-at={city.latest?.observed_at}
    >
      <Guard of={city.latest} title={city.name}>
        <CityCard {...props} place={place} />
      </Guard>
    </li>
  );
}

function CityCard({
  store,
  city,
  points,
  scale,
  place,
}: CityCardProps & { readonly place: number }) {
  const { units } = store.address.view.value;
  const { latest } = city;
  const id = `card-${city.city_id}`;
  const choose = () => {
    const compared = store.compared.peek().map(({ city_id }) => city_id);
    chooseView(store, { cities: toggleCity(compared, city.city_id) });
  };
  return (
    <>
      <div class="card-head">
        <h3>
          <button type="button" aria-pressed={place >= 0} aria-describedby={id} onClick={choose}>
            {city.name}
          </button>
        </h3>
        <Star store={store} city={city} />
        {latest !== null && <Age store={store} city={city} />}
      </div>
      {latest === null ? (
        <p class="quiet" id={id}>
          {words.value.cards.none}
        </p>
      ) : (
        <div id={id} class="card-body">
          <ConditionIcon city={city} />
          <Temperature city={city} units={units} />
          <Trend points={points} units={units} />
          <Words city={city} units={units} />
          <Sparkline points={points} scale={scale} dash={place} />
          <p class="card-side">
            <span>{formatValue(latest.humidity_pct, 'humidity_pct', units)}</span>
            <span class="unseen"> {words.value.cards.humidityWind} </span>
            <span class="wind">
              <WindArrow degrees={latest.wind_direction_deg} speed={latest.wind_speed_ms} />
              {formatWind(latest.wind_speed_ms, latest.wind_direction_deg)}
            </span>
          </p>
        </div>
      )}
    </>
  );
}

/** Puts a city first, in this browser. */
function Star({ store, city }: { readonly store: Store; readonly city: ShownCity }) {
  const isFirst = store.favourites.ids.value.has(city.city_id);
  return (
    <button
      type="button"
      class="star"
      aria-pressed={isFirst}
      aria-label={words.value.search.favourite(city.name)}
      title={words.value.search.favourite(city.name)}
      onClick={() => store.favourites.toggle(city.city_id)}
    >
      <span aria-hidden="true">{isFirst ? '★' : '☆'}</span>
    </button>
  );
}

function Temperature({ city, units }: { readonly city: ShownCity; readonly units: Units }) {
  const temperature = city.latest?.temperature_c ?? null;
  const colour = temperature === null ? null : temperatureColour(temperature);
  const style = colour === null ? {} : { backgroundColor: colour, color: textOn(colour) };
  return (
    <p class="pill" style={style}>
      {formatDegrees(temperature, units)}
    </p>
  );
}

/** The sky, and how it feels where that is something else. */
function Words({ city, units }: { readonly city: ShownCity; readonly units: Units }) {
  const { latest } = city;
  const { temperature_c: temperature, feels_like_c: feels } = latest ?? {};
  const differs =
    temperature != null && feels != null && Math.abs(feels - temperature) >= FEELS_LIKE_MIN;
  const parts = [
    latest === null ? null : conditionText(latest),
    differs ? words.value.cards.feelsLike(formatDegrees(feels, units)) : null,
  ];
  return <p class="card-words">{parts.filter((part) => part !== null).join(' · ')}</p>;
}

function Trend({ points, units }: { readonly points: Points | null; readonly units: Units }) {
  const change = points === null ? null : changeOver(points, 3 * HOUR);
  if (change === null) return <p class="trend" />;
  const arrow = change > 0.25 ? '↗' : change < -0.25 ? '↘' : '→';
  return (
    <p class="trend">
      <span aria-hidden="true">{arrow}</span>{' '}
      {words.value.cards.change(formatTemperatureDifference(change, units))}
    </p>
  );
}

/** How old the newest observation is; late is said with a shape and in red, and landing with a ring. */
function Age({ store, city }: { readonly store: Store; readonly city: ShownCity }) {
  const { latest } = city;
  const observedAt = latest === null ? 0 : Date.parse(latest.observed_at);
  const age = useComputed(() => formatAge((store.clock.now.value - observedAt) / 1_000)).value;
  if (latest === null) return null;
  const zone = zoneOf(store.address.view.value.clock, city.time_zone);
  const now = store.clock.now.peek();
  const say = words.value.cards;
  const title = say.observed(formatTime(observedAt, zone, now));
  const state = timeliness(latest, (now - observedAt) / 1_000);
  if (state === 'history') {
    return (
      <p class="age" title={title}>
        {formatDay(observedAt, zone, now)}
      </p>
    );
  }
  return (
    <p class={state === 'late' ? 'age alert' : 'age'} title={title}>
      {!latest.landed && (
        <span class="landing" title={say.landing}>
          <span class="unseen">{say.notLanded}, </span>
        </span>
      )}
      {state === 'late' ? `▲ ${say.old(age)}` : age}
    </p>
  );
}

interface SparklineProps {
  readonly points: Points | null;
  readonly scale: readonly [number, number] | null;
  /** Place among the compared cities; below 0 when it is not compared. */
  readonly dash: number;
}

const SPARK_WIDTH = 120;
const SPARK_HEIGHT = 34;

/** 24 hours without axes; the dot at the end has the colour of its temperature. */
function Sparkline({ points, scale, dash }: SparklineProps) {
  const last = points === null ? null : lastOf(points);
  const first = points?.times[0];
  if (points === null || scale === null || last === null || first === undefined) {
    return <div class="spark" />;
  }
  const from = Math.min(first, last.at - 23 * HOUR);
  const x = (at: number) => ((at - from) / Math.max(1, last.at - from)) * SPARK_WIDTH;
  const y = (value: number) =>
    SPARK_HEIGHT - 3 - ((value - scale[0]) / (scale[1] - scale[0])) * (SPARK_HEIGHT - 6);
  const end = `M${x(last.at).toFixed(1)} ${y(last.value).toFixed(1)}h0`;
  return (
    <svg
      class={`spark place-${dash}`}
      viewBox={`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path class="spark-line" d={linePath(points, x, y)} stroke-dasharray={dashOf(dash)} />
      <path class="spark-ring" d={end} />
      <path class="spark-end" d={end} stroke={temperatureColour(last.value)} />
    </svg>
  );
}

/** Points to where the wind blows; the text beside it says where it comes from. */
function WindArrow({
  degrees,
  speed,
}: {
  readonly degrees: number | null | undefined;
  readonly speed: number | null | undefined;
}) {
  if (degrees == null || speed == null || isCalm(speed)) return null;
  return (
    <svg class="arrow" viewBox="-8 -8 16 16" width="12" height="12" aria-hidden="true">
      <path d={ARROW_PATH} transform={`rotate(${(degrees + 180) % 360})`} />
    </svg>
  );
}
