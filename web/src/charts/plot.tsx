import type { PlotlyElement } from 'plotly.js-basic-dist-min';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Between } from '../client/view.ts';
import type { Figure } from './figure.ts';
import { loadPlotly } from './load-plotly.ts';
import { parsePlotlyTime } from './plotly-time.ts';

export interface PlotProps {
  readonly figure: Figure;
  /** What a screen reader says instead of the picture. */
  readonly label: string;
  readonly height: number;
  /** The time under the pointer and its distance from the left; null when it has left. */
  onPoint(point: { readonly at: number; readonly left: number } | null): void;
  /** A span of time was dragged over. */
  onSpan(span: Between): void;
}

const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: '',
  doubleClick: false,
  showTips: false,
  responsive: false,
  scrollZoom: false,
};

/** A figure, drawn by Plotly in the place that its panel gives it. */
export function Plot({ figure, label, height, onPoint, onSpan }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const [failed, setFailed] = useState(false);
  const handlers = useRef({ onPoint, onSpan });
  handlers.current = { onPoint, onSpan };

  useEffect(() => {
    let current = true;
    loadPlotly()
      .then(async (plotly) => {
        const element = place.current;
        if (!current || element === null) return;
        const first = !element.classList.contains('js-plotly-plot');
        const drawn = await plotly.react(element, figure.traces, adapt(figure.layout), CONFIG);
        if (first) listen(drawn, handlers);
        element.dataset.drawn = 'true';
        setFailed(false);
      })
      .catch(() => setFailed(true));
    return () => {
      current = false;
    };
  }, [figure]);

  useEffect(() => {
    const element = place.current;
    return () => {
      if (element?.classList.contains('js-plotly-plot')) {
        void loadPlotly().then((plotly) => plotly.purge(element));
      }
    };
  }, []);

  return (
    <>
      {failed && (
        <p class="notice">
          <span class="alert">▲ The drawing program did not load.</span>{' '}
          <button type="button" class="link" onClick={() => location.reload()}>
            Reload the page
          </button>
        </p>
      )}
      <div role="img" aria-label={label} class="plot" style={{ height: `${height}px` }}>
        <div ref={place} />
      </div>
    </>
  );
}

/** A finger scrolls the page; a mouse drags over a span of time. */
function adapt(layout: object): object {
  const coarse = matchMedia('(pointer: coarse)').matches;
  return coarse ? { ...layout, dragmode: false } : layout;
}

function listen(
  element: PlotlyElement,
  handlers: { readonly current: Pick<PlotProps, 'onPoint' | 'onSpan'> },
): void {
  element.on('plotly_hover', ({ points: [point], event }) => {
    if (point === undefined) return;
    const left = event.clientX - element.getBoundingClientRect().left;
    handlers.current.onPoint({ at: parsePlotlyTime(point.x), left });
  });
  element.on('plotly_unhover', () => handlers.current.onPoint(null));
  element.on('plotly_relayout', (change) => {
    const from = parsePlotlyTime(change['xaxis.range[0]']);
    const to = parsePlotlyTime(change['xaxis.range[1]']);
    if (from < to) handlers.current.onSpan({ from, to });
  });
}
