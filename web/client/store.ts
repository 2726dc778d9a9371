/** Everything that the panels show, and the questions behind it. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  AnomaliesAnswer,
  CitiesAnswer,
  CityStatisticsAnswer,
  HourlyMeansAnswer,
  HourlyTrendsAnswer,
  RawDataAnswer,
  SeriesAnswer,
  WindRoseAnswer,
} from '../../src/api/schemas.ts';
import type { StatusAnswer } from '../../src/api/status-schemas.ts';
import { type Chart, createCharts, pointsFor, SKY_VARIABLES } from '../chart/chart-list.ts';
import { COMPARED_MAX } from '../chart/line-style.ts';
import {
  cardCities,
  comparedCities,
  favouritesFirst,
  type Latest,
  mergeCities,
  type ShownCity,
} from '../cities/city-list.ts';
import { browserKeeper, createFavourites, type Favourites } from '../cities/favourites.ts';
import { isHistory } from '../format/ages.ts';
import { isKnownZone } from '../format/times.ts';
import { type ConnectionState, connectionState, type StreamState } from '../header/connection.ts';
import { periodOf } from '../hours/heat-layout.ts';
import { type Address, createAddress } from './address.ts';
import { type Clock, createClock } from './clock.ts';
import { createClient, formatPath } from './fetching.ts';
import { type ResolvedRange, rangeQuery, resolveRange } from './range.ts';
import { createResource, type Resource } from './resource.ts';

export interface Store {
  readonly address: Address;
  readonly clock: Clock;
  readonly paused: Signal<boolean>;
  readonly stream: Signal<StreamState>;
  readonly reached: Signal<boolean | null>;
  readonly connection: ReadonlySignal<ConnectionState>;

  readonly cities: Resource<CitiesAnswer>;
  readonly recent: Resource<SeriesAnswer>;
  readonly charts: readonly Chart[];
  readonly trends: Resource<HourlyTrendsAnswer>;
  readonly means: Resource<HourlyMeansAnswer>;
  readonly rose: Resource<WindRoseAnswer>;
  readonly statistics: Resource<CityStatisticsAnswer>;
  readonly anomalies: Resource<AnomaliesAnswer>;
  /** The anomalies of the last 24 h. */
  readonly unusual: Resource<AnomaliesAnswer>;
  readonly rows: Resource<RawDataAnswer>;
  readonly status: Resource<StatusAnswer>;
  /** All of them. */
  readonly resources: readonly Resource<unknown>[];

  /** What has come over the stream, by city. */
  readonly live: Signal<ReadonlyMap<string, Latest>>;
  readonly shown: ReadonlySignal<readonly ShownCity[]>;
  readonly compared: ReadonlySignal<readonly ShownCity[]>;
  /** The compared city that the panels of one city show; null without any. */
  readonly focus: ReadonlySignal<ShownCity | null>;
  /** Which one people chose for that. */
  readonly focusId: Signal<string | null>;
  /** Null until it is known where all observations begin. */
  readonly range: ReadonlySignal<ResolvedRange | null>;
  /** The time that all charts point at; null without a pointer. */
  readonly cursor: Signal<number | null>;
  /** The unusual value that people point at in the table; null while at none. */
  readonly lit: Signal<string | null>;
  /** The width of the charts, px; 0 before it is known. */
  readonly chartWidth: Signal<number>;
  readonly favourites: Favourites;
  readonly cardCount: Signal<number>;
  /** The cities that have a card. */
  readonly cards: ReadonlySignal<readonly ShownCity[]>;
  readonly rowsCursors: Signal<readonly string[]>;
}

/** Cards before "show more". */
export const CARDS_FIRST = 8;
/** The API draws no more than 50 cities at once, and the compared ones may come on top. */
export const CARDS_MAX = 50 - COMPARED_MAX;
const ROWS = 15;
/** With more cities than this the statistics are those of the cities that have a card. */
const STATISTICS_MAX = 100;
const ANOMALIES = 200;
const SPARK_POINTS = 96;
const SKY_POINTS = 400;

export function createStore(): Store {
  const address = createAddress();
  const clock = createClock();
  const paused = signal(false);
  const stream = signal<StreamState>('connecting');
  const reached = signal<boolean | null>(null);
  const live = signal<ReadonlyMap<string, Latest>>(new Map());
  const cursor = signal<number | null>(null);
  const lit = signal<string | null>(null);
  const chartWidth = signal(0);
  const cardCount = signal(CARDS_FIRST);
  const rowsCursors = signal<readonly string[]>([]);
  const client = createClient(fetch.bind(globalThis), (value) => {
    reached.value = value;
  });
  const ask = <T>(path: () => string | null) => createResource<T>(client, computed(path));
  /** What everything else hangs on, or what one looks at while one chooses. */
  const askFirst = <T>(path: () => string | null) =>
    createResource<T>(client, computed(path), true);

  const cities = askFirst<CitiesAnswer>(() => formatPath('api/cities', { limit: 10_000 }));
  const favourites = createFavourites(browserKeeper());
  const shown = computed(() =>
    favouritesFirst(mergeCities(cities.answer.value?.data ?? [], live.value), favourites.ids.value),
  );
  const compared = computed(() => comparedCities(address.view.value.cities, shown.value));
  // Equal texts end the chain here, so that a tick of the clock asks nothing.
  const comparedIds = computed(() => compared.value.map(({ city_id }) => city_id).join(' '));
  const focusId = signal<string | null>(null);
  const focus = computed(
    () =>
      compared.value.find(({ city_id }) => city_id === focusId.value) ?? compared.value[0] ?? null,
  );
  const newest = computed(() => timeOf(cities.answer.value?.meta.observed_to));
  const everything = computed(() => address.view.value.range === 'all');
  const cards = computed(() => cardCities(shown.value, cardCount.value, compared.value));
  const cardIds = computed(() => cards.value.map(({ city_id }) => city_id).join(' '));
  const oldest = computed(() => timeOf(cities.answer.value?.meta.oldest_observed_at));
  const range: ReadonlySignal<ResolvedRange | null> = computed(() =>
    resolveRange(address.view.value.range, clock.now.value, oldest.value, newest.value),
  );
  const rangeText = computed(() => formatRange(range.value));
  const recentText = computed(() =>
    formatRange(resolveRange('24h', clock.now.value, null, newest.value)),
  );

  /** A question about the compared cities in the chosen range. */
  const ranged = (route: string, more: Query = {}, whole = everything.value): string | null => {
    const city = split(comparedIds.value);
    const span = whole ? {} : parseRange(rangeText.value);
    return city.length === 0 || span === null
      ? null
      : formatPath(route, { city, ...span, ...more });
  };
  const points = computed(() => {
    if (chartWidth.value === 0 || range.value === null) return null;
    return pointsFor(chartWidth.value, range.value.to - range.value.from);
  });
  const charts = createCharts({
    view: address.view,
    ask,
    askFirst,
    seriesPath: (variable) =>
      points.value === null
        ? null
        : ranged('api/series', { variable, points: points.value }, false),
    skyPath() {
      const first = compared.value[0]?.city_id;
      const span = parseRange(rangeText.value);
      return first === undefined || span === null
        ? null
        : formatPath('api/series', {
            variable: SKY_VARIABLES,
            city: [first],
            ...span,
            points: SKY_POINTS,
          });
    },
    usualPath(variable) {
      const [first] = compared.value;
      // What is usual follows the city's clock, and cannot be placed in time without it.
      if (first === undefined || (first.time_zone !== null && !isKnownZone(first.time_zone))) {
        return null;
      }
      return formatPath('api/climatology', { variable, city: [first.city_id] });
    },
  });
  const recent = ask<SeriesAnswer>(() => {
    const city = split(cardIds.value);
    const span = parseRange(recentText.value);
    if (city.length === 0 || span === null) return null;
    const sampled = { variable: 'temperature_c', points: SPARK_POINTS };
    return formatPath('api/series', { city, ...span, ...sampled });
  });
  const trends = ask<HourlyTrendsAnswer>(() => ranged('api/hourly-trends'));
  const period = computed(() =>
    range.value === null ? 'day' : periodOf(range.value.from, range.value.to),
  );
  const ofFocus = (route: string, more: Query = {}): string | null => {
    const span = parseRange(rangeText.value);
    const city = focus.value?.city_id;
    return city === undefined || span === null
      ? null
      : formatPath(route, { city: [city], ...span, ...more });
  };
  const means = ask<HourlyMeansAnswer>(() =>
    ofFocus('api/hourly-means', { variable: 'temperature_c', period: period.value }),
  );
  const rose = ask<WindRoseAnswer>(() => ofFocus('api/wind-rose'));
  const statistics = ask<CityStatisticsAnswer>(() => {
    const city = shown.value.length > STATISTICS_MAX ? split(cardIds.value) : [];
    // Without a range the published version answers.
    const span = everything.value ? {} : parseRange(rangeText.value);
    if (shown.value.length === 0 || span === null) return null;
    return formatPath('api/city-statistics', { city, ...span });
  });
  const rows = ask<RawDataAnswer>(() =>
    ranged('api/raw-data', { limit: ROWS, cursor: rowsCursors.value.at(-1) }),
  );
  const anomalies = ask<AnomaliesAnswer>(() => {
    const span = everything.value ? {} : parseRange(rangeText.value);
    if (cities.answer.value === null || span === null) return null;
    return formatPath('api/anomalies', { ...span, limit: ANOMALIES });
  });
  const unusual = ask<AnomaliesAnswer>(() => {
    const span = parseRange(recentText.value);
    if (cities.answer.value === null || span === null) return null;
    return formatPath('api/anomalies', { ...span, limit: 1_000 });
  });
  const status = ask<StatusAnswer>(() => 'api/status');
  const connection = computed(() =>
    connectionState({
      paused: paused.value,
      stream: stream.value,
      reached: reached.value,
      stale: cities.answer.value?.meta.stale ?? false,
      history: isHistory(cities.answer.value?.meta.source ?? []),
    }),
  );
  return {
    address,
    clock,
    paused,
    stream,
    reached,
    connection,
    cities,
    recent,
    charts,
    cursor,
    lit,
    chartWidth,
    trends,
    means,
    rose,
    statistics,
    anomalies,
    unusual,
    rows,
    status,
    resources: [
      cities,
      recent,
      ...charts.flatMap(({ series, usual, sky }) => [series, usual, sky]),
      trends,
      means,
      rose,
      statistics,
      anomalies,
      unusual,
      rows,
      status,
    ],
    live,
    shown,
    compared,
    focus,
    focusId,
    range,
    favourites,
    cardCount,
    cards,
    rowsCursors,
  };
}

type Query = Parameters<typeof formatPath>[1];

function split(ids: string): readonly string[] {
  return ids.split(' ').filter((id) => id !== '');
}

/** As text, so that signals see when it is still the same. */
function formatRange(range: ResolvedRange | null): string {
  return range === null ? '' : JSON.stringify(rangeQuery(range));
}

function parseRange(text: string): Readonly<Record<string, string>> | null {
  return text === '' ? null : (JSON.parse(text) as Record<string, string>);
}

function timeOf(text: string | null | undefined): number | null {
  const time = text ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}

/** Asks everything anew; what has not changed does not travel. */
export async function refreshAll(store: Store): Promise<void> {
  await Promise.all(store.resources.map((resource) => resource.refresh()));
}

/** Another range or choice begins at its first page. */
export function chooseView(store: Store, change: Parameters<Address['choose']>[0]): void {
  batch(() => {
    store.rowsCursors.value = [];
    store.address.choose(change);
  });
}
