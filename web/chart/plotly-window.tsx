import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ChartAnswer } from '../../src/api/schemas.ts';
import type { VariableName } from '../../src/model/variables.ts';
import { formatPath } from '../client/fetching.ts';
import { formatInstant } from '../client/range.ts';
import type { Store } from '../client/store.ts';
import { Window } from '../panel/window.tsx';
import { words } from '../words/words.ts';
import { drawPlotly } from './load-plotly.ts';

/** The variables of which the API gives a figure for Plotly. */
const ROUTES: Readonly<Partial<Record<VariableName, string>>> = {
  temperature_c: 'api/temperature-chart',
  humidity_pct: 'api/humidity-chart',
};

/** The API's own figure of this variable; null where it gives none. */
export function plotlyPath(store: Store, variable: VariableName): string | null {
  const route = ROUTES[variable];
  const range = store.range.value;
  if (route === undefined || range === null) return null;
  return formatPath(route, {
    city: store.compared.value.map(({ city_id }) => city_id),
    from: formatInstant(range.from),
    to: range.open ? undefined : formatInstant(range.to),
  });
}

interface PlotlyWindowProps {
  readonly path: string;
  readonly title: string;
  readonly open: Signal<boolean>;
}

/** A figure of the API in Plotly, which is loaded only then. */
export function PlotlyWindow({ path, title, open }: PlotlyWindowProps) {
  const place = useRef<HTMLDivElement>(null);
  const failed = useSignal(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const abort = new AbortController();
    let close = () => {};
    fetch(path, { signal: abort.signal })
      .then(async (response) => {
        if (!response.ok) throw new Error(`status ${response.status}`);
        const { data, layout } = (await response.json()) as ChartAnswer;
        close = await drawPlotly(element, data, layout);
      })
      .catch(() => {
        if (!abort.signal.aborted) failed.value = true;
      });
    return () => {
      abort.abort();
      close();
    };
  }, [path, failed]);
  return (
    <Window title={title} subtitle={words.value.chart.plotly} open={open}>
      {failed.value && <p class="notice alert">▲ {words.value.chart.plotlyFailed}</p>}
      <div ref={place} class="plotly-place" />
    </Window>
  );
}
