/** The services as lines of `isobar status`: one each, and one for each figure in trouble. */
import type { Engine } from '../model/engines.ts';

export function formatEngines(engines: readonly Engine[]): string[] {
  return engines.flatMap((engine) => {
    const { kind, address, state, error, figures } = engine;
    const troubled = figures.filter((figure) => figure.state !== 'ok');
    const said =
      error === null ? [] : [`           ${error.message}`, `           ${error.remedy}`];
    return [
      `${kind.padEnd(10)} ${state}${formatSeen(engine)} · ${address}`,
      ...said,
      ...troubled.map(
        ({ name, value, remedy }) => `           ${name} ${formatValue(value)}: ${remedy ?? ''}`,
      ),
    ];
  });
}

function formatSeen({ state, age_s }: Engine): string {
  if (state !== 'unreachable') return '';
  return age_s === null ? ', not seen yet' : `, last seen ${formatAge(age_s)} ago`;
}

function formatAge(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

function formatValue(value: number | null): string {
  return value === null ? 'unknown' : String(Number(value.toPrecision(4)));
}
