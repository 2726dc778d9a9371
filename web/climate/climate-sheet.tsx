/** The sheet of the climate: a month and what is usual, the days of a year, kinds of days, records. */
import { useSignalEffect } from '@preact/signals';
import type { Store } from '../client/store.ts';
import { Select } from '../panel/choice.tsx';
import { CalendarPanel } from './calendar-panel.tsx';
import { climateOf, refreshClimate } from './climate-list.ts';
import { climateWords } from './climate-words.ts';
import { KindsPanel } from './kinds-panel.tsx';
import { MonthPanel } from './month-panel.tsx';
import { RecordsPanel } from './records-panel.tsx';
import './climate.css';

export function ClimateSheet({ store }: { readonly store: Store }) {
  const list = climateOf(store);
  useSignalEffect(() => {
    // The cities are asked anew with every version.
    if (store.cities.answer.value !== null) void refreshClimate(list);
  });
  const say = climateWords.value;
  // Without a year there is nothing to ask; the months say why.
  const hasDays = list.year.value !== null || list.months.answer.value === null;
  return (
    <>
      <div class="climate-choices">
        <Select
          label={say.city}
          options={store.compared.value.map(({ city_id, name }) => [city_id, name])}
          value={store.focus.value?.city_id ?? null}
          onChoose={(id) => {
            store.focusId.value = id;
          }}
        />
        <Select
          label={say.year}
          options={list.years.value.map((year) => [String(year), String(year)])}
          value={list.year.value === null ? null : String(list.year.value)}
          onChoose={(year) => {
            list.chosenYear.value = Number(year);
          }}
        />
      </div>
      {hasDays && <CalendarPanel store={store} list={list} />}
      <div class="columns">
        <MonthPanel store={store} list={list} />
        <KindsPanel store={store} list={list} />
      </div>
      <RecordsPanel store={store} list={list} />
    </>
  );
}
