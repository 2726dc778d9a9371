import { useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Store } from './client/store.ts';
import { Anomalies } from './panels/anomalies.tsx';
import { CityCards } from './panels/city-cards.tsx';
import { Guard } from './panels/guard.tsx';
import { Header } from './panels/header.tsx';
import { HeatMap } from './panels/heat-map.tsx';
import { HourlyTrends } from './panels/hourly-trends.tsx';
import { CityMap } from './panels/map.tsx';
import { Pipeline } from './panels/pipeline.tsx';
import { PipelineSheet } from './panels/pipeline-sheet.tsx';
import { RawRows } from './panels/raw-rows.tsx';
import { Statistics } from './panels/statistics.tsx';
import { Summary } from './panels/summary.tsx';
import { Charts } from './panels/time-series.tsx';
import { WindRose } from './panels/wind-rose.tsx';
import { language, languageOf, setLanguage, words } from './words/words.ts';

/** The whole page, from what is fresh down to what lies beneath it. */
export function Page({ store }: { readonly store: Store }) {
  useSignalEffect(() => {
    document.documentElement.dataset.theme = store.address.view.value.theme;
  });
  useSignalEffect(() => {
    document.documentElement.toggleAttribute('data-kiosk', store.address.view.value.kiosk);
  });
  useSignalEffect(() => {
    const simulated = store.status.answer.value?.data.simulated === true;
    document.title = simulated ? words.value.page.title : 'isobar';
  });
  useSignalEffect(() => {
    const chosen = store.address.view.value.language ?? languageOf(navigator.languages);
    // Words that do not load leave the page in the language that it has, and the document says so.
    setLanguage(chosen).catch(() => {});
  });
  useSignalEffect(() => {
    document.documentElement.lang = language.value;
  });
  return (
    <>
      <a class="skip" href="#main">
        {words.value.page.skip}
      </a>
      <Guard>
        <Header store={store} />
      </Guard>
      <main id="main">
        {store.address.view.value.sheet === 'pipeline' ? (
          <Guard>
            <PipelineSheet store={store} />
          </Guard>
        ) : (
          <Weather store={store} />
        )}
      </main>
      <Foot store={store} />
    </>
  );
}

function Weather({ store }: { readonly store: Store }) {
  const guarded = (Part: (props: { readonly store: Store }) => ComponentChildren) => (
    <Guard of={store.address.view.value}>
      <Part store={store} />
    </Guard>
  );
  return (
    <>
      {guarded(Summary)}
      <div class="columns columns-now">
        {guarded(CityMap)}
        {guarded(CityCards)}
      </div>
      {guarded(Charts)}
      <div class="columns columns-three">
        {guarded(HourlyTrends)}
        {guarded(HeatMap)}
        {guarded(WindRose)}
      </div>
      {guarded(Statistics)}
      <div class="columns columns-left">
        {guarded(Anomalies)}
        {guarded(Pipeline)}
      </div>
      {guarded(RawRows)}
    </>
  );
}

function Foot({ store }: { readonly store: Store }) {
  const status = store.status.answer.value?.data;
  const say = words.value.page;
  return (
    <footer class="bottom">
      <p>
        isobar {status?.version ?? ''}
        {status?.simulated === true && ` · ${say.simulated}`} · <a href="docs">{say.api}</a>
      </p>
    </footer>
  );
}
