/** Everything that the panels show, and the questions behind it. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { EnginesAnswer } from '../../src/api/engine-schemas.ts';
import type { QualityFlagsAnswer } from '../../src/api/quality-schemas.ts';
import type {
  AnomaliesAnswer,
  CitiesAnswer,
  CityStatisticsAnswer,
  ForecastAnswer,
  HourlyMeansAnswer,
  HourlyTrendsAnswer,
  RawDataAnswer,
  SeriesAnswer,
  WindRoseAnswer,
} from '../../src/api/schemas.ts';
import type { StatusAnswer } from '../../src/api/status-schemas.ts';
import { seesAll } from '../account/account.ts';
import { type AnomalyChoice, choiceQuery, NO_CHOICE } from '../anomalies/facet-chips.ts';
import { type Chart, createCharts, pointsFor, SKY_VARIABLES } from '../chart/chart-list.ts';
import { FORECAST_NAMES, goesOn } from '../chart/forecast.ts';
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
import { createIncidents, type Incidents } from '../incidents/incident-list.ts';
import { type Address, createAddress } from './address.ts';
import { type Clock, createClock } from './clock.ts';
import { createClient, formatPath } from './fetching.ts';
import { type ResolvedRange, rangeQuery, resolveRange } from './range.ts';
import { createResource, type Resource } from './resource.ts';
import { createSensors, type Sensors } from './sensors.ts';

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
  /** Of the charts' variables in the first compared city; null where none is drawn. */
  readonly forecast: Resource<ForecastAnswer>;
  readonly trends: Resource<HourlyTrendsAnswer>;
  readonly means: Resource<HourlyMeansAnswer>;
  readonly rose: Resource<WindRoseAnswer>;
  readonly statistics: Resource<CityStatisticsAnswer>;
  readonly anomalies: Resource<AnomaliesAnswer>;
  /** What people look for among them, and what is found. */
  readonly anomalyChoice: Signal<AnomalyChoice>;
  readonly foundAnomalies: Resource<AnomaliesAnswer>;
  /** The anomalies of the last 24 h; asked for while the sheet of the pipeline is open. */
  readonly unusual: Resource<AnomaliesAnswer>;
  /** What quality control says of the compared cities. */
  readonly flags: Resource<QualityFlagsAnswer>;
  readonly rows: Resource<RawDataAnswer>;
  readonly status: Resource<StatusAnswer>;
  /** Asked for while the sheet of the pipeline is open. */
  readonly engines: Resource<EnginesAnswer>;
  readonly incidents: Incidents;
  readonly sensors: Sensors;
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
const FLAGS = 1_000;
const SPARK_POINTS = 96;
const SKY_POINTS = 400;
/** The end of an open range moves on in such steps, so that a tick of the clock draws nothing. */
const RANGE_STEP_MS = 60_000;

export function createStore(): Store {
  const inputs = createInputs();
  const client = createClient(fetch.bind(globalThis), (value) => {
    inputs.reached.value = value;
  });
  const asking: Asking = {
    ask: (path) => createResource(client, computed(path)),
    askFirst: (path) => createResource(client, computed(path), true),
  };
  const cities = asking.askFirst<CitiesAnswer>(() => formatPath('api/cities', { limit: 10_000 }));
  const selection = createSelection(inputs, cities);
  const charts = chartsOf(inputs, selection, asking);
  const panels = createPanels(inputs, selection, cities, asking);
  const connection = computed(() =>
    connectionState({
      paused: inputs.paused.value,
      stream: inputs.stream.value,
      reached: inputs.reached.value,
      stale: cities.answer.value?.meta.stale ?? false,
      history: isHistory(cities.answer.value?.meta.source ?? []),
    }),
  );
  const incidents = createIncidents(inputs, asking.ask);
  const sensors = createSensors({
    isOpen: () => inputs.address.view.value.sheet === 'sensors',
    range: () => parseRange(selection.texts.range.value),
    ask: asking.ask,
  });
  const ofCharts = charts.flatMap(({ series, usual, sky }) => [series, usual, sky]);
  return {
    ...inputs,
    ...selection,
    ...panels,
    connection,
    cities,
    charts,
    incidents,
    sensors,
    resources: [
      cities,
      ...ofCharts,
      ...Object.values(panels),
      ...incidents.resources,
      ...Object.values(sensors),
    ],
  };
}

interface Asking {
  ask<T>(path: () => string | null): Resource<T>;
  /** What everything else hangs on, or what one looks at while one chooses. */
  askFirst<T>(path: () => string | null): Resource<T>;
}

/** What people and the stream set. */
function createInputs() {
  return {
    address: createAddress(),
    clock: createClock(),
    paused: signal(false),
    stream: signal<StreamState>('connecting'),
    reached: signal<boolean | null>(null),
    live: signal<ReadonlyMap<string, Latest>>(new Map()),
    cursor: signal<number | null>(null),
    lit: signal<string | null>(null),
    anomalyChoice: signal<AnomalyChoice>(NO_CHOICE),
    chartWidth: signal(0),
    cardCount: signal(CARDS_FIRST),
    rowsCursors: signal<readonly string[]>([]),
    focusId: signal<string | null>(null),
    favourites: createFavourites(browserKeeper()),
  };
}

type Inputs = ReturnType<typeof createInputs>;

/** The cities and the range that the inputs choose. */
function createSelection(inputs: Inputs, cities: Resource<CitiesAnswer>) {
  const { address, clock, live, favourites, focusId, cardCount } = inputs;
  const shown = computed(() =>
    favouritesFirst(mergeCities(cities.answer.value?.data ?? [], live.value), favourites.ids.value),
  );
  const compared = computed(() => comparedCities(address.view.value.cities, shown.value));
  const focus = computed(
    () =>
      compared.value.find(({ city_id }) => city_id === focusId.value) ?? compared.value[0] ?? null,
  );
  const cards = computed(() => cardCities(shown.value, cardCount.value, compared.value));
  const newest = computed(() => timeOf(cities.answer.value?.meta.observed_to));
  const oldest = computed(() => timeOf(cities.answer.value?.meta.oldest_observed_at));
  const now = computed(() => Math.ceil(clock.now.value / RANGE_STEP_MS) * RANGE_STEP_MS);
  const chosen = computed(() => address.view.value.range);
  const range: ReadonlySignal<ResolvedRange | null> = computed(() =>
    resolveRange(chosen.value, now.value, oldest.value, newest.value),
  );
  // Equal texts end the chain here, so that a tick of the clock asks nothing.
  const texts = {
    comparedIds: computed(() => compared.value.map(({ city_id }) => city_id).join(' ')),
    cardIds: computed(() => cards.value.map(({ city_id }) => city_id).join(' ')),
    range: computed(() => formatRange(range.value)),
    recent: computed(() => formatRange(resolveRange('24h', now.value, null, newest.value))),
  };
  const everything = computed(() => address.view.value.range === 'all');
  return { shown, compared, focus, cards, range, texts, everything };
}

type Selection = ReturnType<typeof createSelection>;

/** A question about the compared cities in the chosen range. */
function ranged(
  { texts, everything }: Selection,
  route: string,
  more: Query = {},
  whole = everything.value,
): string | null {
  const city = split(texts.comparedIds.value);
  const span = whole ? {} : parseRange(texts.range.value);
  return city.length === 0 || span === null ? null : formatPath(route, { city, ...span, ...more });
}

function chartsOf(
  { address, chartWidth }: Inputs,
  selection: Selection,
  asking: Asking,
): readonly Chart[] {
  const { range, compared, texts } = selection;
  const points = computed(() => {
    if (chartWidth.value === 0 || range.value === null) return null;
    return pointsFor(chartWidth.value, range.value.to - range.value.from);
  });
  return createCharts({
    view: address.view,
    ...asking,
    seriesPath: (variable) =>
      points.value === null
        ? null
        : ranged(selection, 'api/series', { variable, points: points.value }, false),
    skyPath() {
      const first = compared.value[0]?.city_id;
      const span = parseRange(texts.range.value);
      if (first === undefined || span === null) return null;
      const sampled = { variable: SKY_VARIABLES, points: SKY_POINTS };
      return formatPath('api/series', { city: [first], ...span, ...sampled });
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
}

function createPanels(
  { rowsCursors, anomalyChoice, address }: Inputs,
  selection: Selection,
  cities: Resource<CitiesAnswer>,
  { ask }: Asking,
) {
  const { shown, compared, focus, range, texts, everything } = selection;
  const period = computed(() =>
    range.value === null ? 'day' : periodOf(range.value.from, range.value.to),
  );
  const hasForecast = computed(() => goesOn(range.value));
  const isOnPipeline = computed(() => address.view.value.sheet === 'pipeline');
  const ofFocus = (route: string, more: Query = {}): string | null => {
    const span = parseRange(texts.range.value);
    const city = focus.value?.city_id;
    if (city === undefined || span === null) return null;
    return formatPath(route, { city: [city], ...span, ...more });
  };
  return {
    recent: ask<SeriesAnswer>(() => {
      const city = split(texts.cardIds.value);
      const span = parseRange(texts.recent.value);
      if (city.length === 0 || span === null) return null;
      const sampled = { variable: 'temperature_c', points: SPARK_POINTS };
      return formatPath('api/series', { city, ...span, ...sampled });
    }),
    forecast: ask<ForecastAnswer>(() => {
      const city = compared.value[0]?.city_id;
      const variable = FORECAST_NAMES.filter((name) => address.view.value.charts.includes(name));
      if (city === undefined || variable.length === 0 || !hasForecast.value) return null;
      return formatPath('api/forecast', { city: [city], variable });
    }),
    trends: ask<HourlyTrendsAnswer>(() => ranged(selection, 'api/hourly-trends')),
    means: ask<HourlyMeansAnswer>(() =>
      ofFocus('api/hourly-means', { variable: 'temperature_c', period: period.value }),
    ),
    rose: ask<WindRoseAnswer>(() => ofFocus('api/wind-rose')),
    statistics: ask<CityStatisticsAnswer>(() => {
      const city = shown.value.length > STATISTICS_MAX ? split(texts.cardIds.value) : [];
      // Without a range the published version answers.
      const span = everything.value ? {} : parseRange(texts.range.value);
      if (shown.value.length === 0 || span === null) return null;
      return formatPath('api/city-statistics', { city, ...span });
    }),
    rows: ask<RawDataAnswer>(() =>
      ranged(selection, 'api/raw-data', { limit: ROWS, cursor: rowsCursors.value.at(-1) }),
    ),
    flags: ask<QualityFlagsAnswer>(() =>
      ranged(selection, 'api/quality-flags', { limit: FLAGS }, false),
    ),
    anomalies: ask<AnomaliesAnswer>(() => {
      const span = everything.value ? {} : parseRange(texts.range.value);
      if (cities.answer.value === null || span === null) return null;
      return formatPath('api/anomalies', { ...span, limit: ANOMALIES });
    }),
    foundAnomalies: ask<AnomaliesAnswer>(() => {
      const span = everything.value ? {} : parseRange(texts.range.value);
      if (cities.answer.value === null || span === null) return null;
      const query = choiceQuery(anomalyChoice.value, span);
      return formatPath('api/anomalies', { ...query, limit: ANOMALIES });
    }),
    unusual: ask<AnomaliesAnswer>(() => {
      const span = parseRange(texts.recent.value);
      if (!isOnPipeline.value || cities.answer.value === null || span === null) return null;
      return formatPath('api/anomalies', { ...span, limit: 1_000 });
    }),
    status: ask<StatusAnswer>(() => (seesAll.value ? 'api/status' : null)),
    engines: ask<EnginesAnswer>(() => (isOnPipeline.value ? 'api/engines' : null)),
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

/** Another range or choice begins at its first page; a month that was chosen goes with its range. */
export function chooseView(store: Store, change: Parameters<Address['choose']>[0]): void {
  const { address, anomalyChoice, rowsCursors } = store;
  const { range = address.view.peek().range } = change;
  batch(() => {
    rowsCursors.value = [];
    if (range !== address.view.peek().range) {
      anomalyChoice.value = { ...anomalyChoice.peek(), month: null };
    }
    address.choose(change);
  });
}
