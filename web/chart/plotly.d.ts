/** The part of Plotly that the page uses; the package brings no types of its own. */
declare module 'plotly.js-basic-dist-min' {
  export interface PlotlyPoint {
    readonly x: number | string;
    readonly curveNumber: number;
    readonly pointNumber: number;
  }
  export interface PlotlyElement extends HTMLElement {
    on(
      event: 'plotly_hover',
      handler: (data: { points: PlotlyPoint[]; event: MouseEvent }) => void,
    ): void;
    on(event: 'plotly_unhover' | 'plotly_doubleclick', handler: () => void): void;
    on(event: 'plotly_relayout', handler: (change: Record<string, unknown>) => void): void;
  }
  interface Plotly {
    react(
      element: HTMLElement,
      traces: readonly object[],
      layout: object,
      config: object,
    ): Promise<PlotlyElement>;
    purge(element: HTMLElement): void;
  }
  const plotly: Plotly;
  export default plotly;
}
