/** What the sheet of the climate asks: of one city, while it is open. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  DailySummariesAnswer,
  MonthlySummariesAnswer,
  RecordsAnswer,
} from '../../src/api/summary-schemas.ts';
import { hemisphereOf } from '../../src/model/climate.ts';
import type { MonthlySummary } from '../../src/model/climate-datasets.ts';
import { createClient, formatPath } from '../client/fetching.ts';
import { createResource, type Resource } from '../client/resource.ts';
import type { Store } from '../client/store.ts';

export interface ClimateList {
  readonly months: Resource<MonthlySummariesAnswer>;
  readonly records: Resource<RecordsAnswer>;
  /** Of the shown year. */
  readonly days: Resource<DailySummariesAnswer>;
  /** Of the city; newest first. */
  readonly years: ReadonlySignal<readonly number[]>;
  /** The chosen one, or the newest; null before one is known. */
  readonly year: ReadonlySignal<number | null>;
  readonly chosenYear: Signal<number | null>;
}

const lists = new WeakMap<Store, ClimateList>();

/** The same each time the sheet is opened. */
export function climateOf(store: Store): ClimateList {
  let list = lists.get(store);
  if (list === undefined) {
    list = createList(store);
    lists.set(store, list);
  }
  return list;
}

function createList({ address, focus }: Store): ClimateList {
  const client = createClient(fetch.bind(globalThis), () => {});
  // Equal texts end the chain here: observations of the city ask nothing anew.
  const city = computed(() =>
    address.view.value.sheet === 'climate' ? (focus.value?.city_id ?? null) : null,
  );
  const isSouth = computed(() => hemisphereOf(focus.value?.latitude) === 'south');
  const ask = <T>(route: string) =>
    createResource<T>(
      client,
      computed(() => (city.value === null ? null : formatPath(route, { city: [city.value] }))),
    );
  const months = ask<MonthlySummariesAnswer>('api/monthly-summaries');
  const chosenYear = signal<number | null>(null);
  const years = computed(() => yearsOf(rowsOf(months.answer.value?.data, city.value)));
  const year = computed(() => {
    const [newest = null] = years.value;
    return years.value.find((one) => one === chosenYear.value) ?? newest;
  });
  const days = createResource<DailySummariesAnswer>(
    client,
    computed(() => {
      if (city.value === null || year.value === null) return null;
      // In the south a growing season ends in the middle of the next year.
      const to = isSouth.value ? `${year.value + 1}-07-01` : `${year.value + 1}-01-01`;
      return formatPath('api/daily-summaries', {
        city: [city.value],
        ...{ from: `${year.value}-01-01`, to },
      });
    }),
  );
  return {
    ...{ months, days, years, year, chosenYear },
    records: ask<RecordsAnswer>('api/records'),
  };
}

/** Those of the city: an answer may still be that of the one before. */
export function rowsOf<R extends { readonly city_id: string }>(
  rows: readonly R[] | undefined,
  city: string | null | undefined,
): readonly R[] {
  return (rows ?? []).filter(({ city_id }) => city_id === city);
}

export function yearsOf(months: readonly MonthlySummary[]): readonly number[] {
  const years = new Set(months.map(({ month }) => Number(month.slice(0, 4))));
  return [...years].sort((a, b) => b - a);
}

/** Asks all of it anew; what has not changed does not travel. */
export async function refreshClimate(list: ClimateList): Promise<void> {
  const { months, records, days } = list;
  await Promise.all([months, records, days].map((resource) => resource.refresh()));
}
