/**
 * Plotly's times are text without a zone. Numbers it would read as times on the clock of the
 * reader's machine, so that every chart would be shifted: it is told text, and what it tells is UTC.
 */

/** Milliseconds since 1970 → "2017-07-08T04:00:00.000Z"; Plotly leaves the Z aside. */
export function toPlotlyTime(at: number): string {
  return new Date(at).toISOString();
}

/** "2017-07-08", "2017-07-08 04:00", "2017-07-08 04:00:12.3456", or as above; NaN for anything else. */
export function parsePlotlyTime(text: unknown): number {
  if (typeof text !== 'string') return Number.NaN;
  const [, day, time = '00:00'] = /^(\d{4}-\d\d-\d\d)(?:[ T]([\d:.]+)Z?)?$/.exec(text) ?? [];
  return day === undefined ? Number.NaN : Date.parse(`${day}T${time.slice(0, 12)}Z`);
}
