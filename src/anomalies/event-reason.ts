/** What is unusual about an event, in one sentence that a layman understands. */
import type { AnomalyEvent } from '../model/anomaly-events.ts';
import { VARIABLES } from '../model/variables.ts';

export function formatEventReason(event: AnomalyEvent): string {
  const { variable, value, expected, record, class: cause } = event;
  const { digits, unit, label } = VARIABLES[variable];
  const text = (number: number) => `${number.toFixed(Math.max(1, digits))} ${unit}`;
  const side = value > expected ? 'above' : 'below';
  const off =
    `${label} ${text(value)} is ${text(Math.abs(value - expected))} ${side} the ` +
    `${text(expected)} that season, hour and the last hours make likely`;
  const season =
    record === null
      ? ''
      : `; the ${record} value of this season in ${event.season_years + 1} years`;
  return `${off}${season}. ${CAUSES[cause](event)}`;
}

const CAUSES: Readonly<Record<AnomalyEvent['class'], (event: AnomalyEvent) => string>> = {
  sensor_fault: () => 'Quality control says that the sensor is wrong.',
  front({ other_variables, neighbour_count }) {
    const labels = other_variables
      .split(' ')
      .flatMap((name) =>
        name in VARIABLES ? [VARIABLES[name as keyof typeof VARIABLES].label] : [],
      );
    const own = labels.length === 0 ? [] : [labels.join(', ')];
    const near =
      neighbour_count === 0
        ? []
        : [`${neighbour_count} ${neighbour_count === 1 ? 'city' : 'cities'} within 300 km`];
    return `Unusual at the same time: ${[...own, ...near].join('; ')}.`;
  },
  record: () => 'Nothing says that the sensor is wrong.',
  unexplained: () => 'Nothing else was unusual at the same time.',
};
