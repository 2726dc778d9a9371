/** What Plotly draws with; the same values as the custom properties in styles/tokens.css. */
export type Tone = 'light' | 'dark';

export interface ChartColours {
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly surface: string;
  readonly alert: string;
  readonly night: string;
  readonly gap: string;
}

export const CHART_COLOURS: Readonly<Record<Tone, ChartColours>> = {
  light: {
    ink: '#14202a',
    quiet: '#566673',
    line: '#dbe2e8',
    surface: '#ffffff',
    alert: '#b3261e',
    night: 'rgba(61, 84, 160, 0.075)',
    gap: 'rgba(86, 102, 115, 0.1)',
  },
  dark: {
    ink: '#e8eef2',
    quiet: '#9fb0bd',
    line: '#2a3742',
    surface: '#161f27',
    alert: '#ff8a80',
    night: 'rgba(0, 0, 0, 0.22)',
    gap: 'rgba(159, 176, 189, 0.1)',
  },
};

/** "#0a63ad" → "rgba(10, 99, 173, 0.13)". */
export function transparent(hex: string, opacity: number): string {
  const parts = [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
  return `rgba(${parts.join(', ')}, ${opacity})`;
}
