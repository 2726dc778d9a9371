import { useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { seesAll } from './account/account.ts';
import { Anomalies } from './anomalies/anomalies.tsx';
import { Charts } from './chart/time-series.tsx';
import { CityCards } from './cities/city-cards.tsx';
import { isLoginNeeded } from './client/fetching.ts';
import type { Store } from './client/store.ts';
import { Header } from './header/header.tsx';
import { narrow } from './header/narrow.ts';
import { RangeBar } from './header/range-bar.tsx';
import { HeatMap } from './hours/heat-map.tsx';
import { HourlyTrends } from './hours/hourly-trends.tsx';
import { CityMap } from './map/city-map.tsx';
import { Guard } from './panel/guard.tsx';
import { LaterSheet } from './panel/later-sheet.tsx';
import { SourceWindow } from './provenance/source-window.tsx';
import { RawRows } from './rows/raw-rows.tsx';
import { Statistics } from './statistics/statistics.tsx';
import { WindRose } from './wind/wind-rose.tsx';
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
        <Sheet store={store} />
      </main>
      <Foot store={store} />
    </>
  );
}

function Sheet({ store }: { readonly store: Store }) {
  if (isLoginNeeded.value) return <LaterSheet store={store} load={loadLogin} />;
  switch (store.address.view.value.sheet) {
    case 'weather':
      return <Weather store={store} />;
    case 'climate':
      return (
        <Guard>
          <LaterSheet key="climate" store={store} load={loadClimate} />
        </Guard>
      );
    case 'sensors':
      return (
        <Guard>
          <LaterSheet key="sensors" store={store} load={loadSensors} />
        </Guard>
      );
    case 'pipeline':
      if (seesAll.value === false) return <Weather store={store} />;
      return (
        <Guard>
          <LaterSheet key="pipeline" store={store} load={loadPipeline} />
        </Guard>
      );
    case 'incidents':
      return (
        <Guard>
          <LaterSheet key="incidents" store={store} load={loadIncidents} />
        </Guard>
      );
    case 'account':
      return (
        <Guard>
          <LaterSheet key="account" store={store} load={loadAccount} />
        </Guard>
      );
  }
}

const loadLogin = () => import('./account/login.tsx').then(({ Login }) => Login);

const loadClimate = () =>
  import('./climate/climate-sheet.tsx').then(({ ClimateSheet }) => ClimateSheet);

const loadSensors = () =>
  import('./quality/sensors-sheet.tsx').then(({ SensorsSheet }) => SensorsSheet);

const loadPipeline = () =>
  import('./pipeline/pipeline-sheet.tsx').then(({ PipelineSheet }) => PipelineSheet);

const loadIncidents = () =>
  import('./incidents/incidents-sheet.tsx').then(({ IncidentsSheet }) => IncidentsSheet);

const loadAccount = () =>
  import('./account/account-sheet.tsx').then(({ AccountSheet }) => AccountSheet);

/** With more cities than this the map has more room than the cards. */
const MANY = 24;

function Weather({ store }: { readonly store: Store }) {
  const guarded = (Part: (props: { readonly store: Store }) => ComponentChildren) => (
    <Guard of={store.address.view.value}>
      <Part store={store} />
    </Guard>
  );
  return (
    <>
      {guarded(RangeBar)}
      {narrow.value ? (
        // What the weather does comes before where it is.
        [CityCards, Charts, CityMap].map(guarded)
      ) : (
        <>
          <div class={`columns columns-now${store.shown.value.length > MANY ? ' many' : ''}`}>
            {guarded(CityCards)}
            {guarded(CityMap)}
          </div>
          {guarded(Charts)}
        </>
      )}
      <div class="columns columns-three">
        {guarded(HourlyTrends)}
        {guarded(HeatMap)}
        {guarded(WindRose)}
      </div>
      {[Statistics, Anomalies, RawRows].map(guarded)}
      <SourceWindow store={store} />
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
