/** Plotly, loaded when a chart is opened in it: a chunk of its own, from this server. */
import type Plotly from 'plotly.js-basic-dist-min';

/**
 * Plotly writes its rules into style elements, which the page's Content-Security-Policy refuses.
 * It leaves that be where an element of this id and class says that the rules are there already:
 * they are, in plotly.css.
 */
function declareStyles(): void {
  const id = 'plotly.js-style-global';
  if (document.getElementById(id) !== null) return;
  const mark = document.createElement('template');
  mark.id = id;
  mark.className = 'no-inline-styles';
  document.head.append(mark);
}

let loading: Promise<typeof Plotly> | null = null;

/** Rejects when the chunk cannot be fetched; the next call tries again. */
function loadPlotly(): Promise<typeof Plotly> {
  // Before the import, since Plotly writes the first rules as soon as it is read.
  declareStyles();
  loading ??= import('plotly.js-basic-dist-min').then(
    (module) => module.default,
    (error) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

const CONFIG = {
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: '',
  responsive: true,
};

/** Draws a figure of the API; resolves with what takes it away again. */
export async function drawPlotly(
  element: HTMLElement,
  traces: readonly object[],
  layout: object,
): Promise<() => void> {
  const plotly = await loadPlotly();
  await plotly.react(element, traces, { ...layout, autosize: true }, CONFIG);
  element.dataset.drawn = 'true';
  return () => plotly.purge(element);
}
