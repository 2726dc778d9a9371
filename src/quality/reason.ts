/** What a test found, in one sentence that a layman understands. */
import type { QualityFlag } from '../model/quality.ts';
import { VARIABLES } from '../model/variables.ts';

export function formatFlagReason(flag: QualityFlag): string {
  const { test, variable } = flag;
  const expected = flag.expected === null ? '' : formatValue(flag, flag.expected);
  switch (test) {
    case 'step':
      return `It changed from ${expected} faster than such values do.`;
    case 'spike':
      return `It jumped away from ${expected} and back faster than such values do.`;
    case 'persistence':
      return 'It has not changed for hours, although it usually does.';
    case 'internal':
      return variable === 'wind_gust_ms'
        ? `A gust cannot be below the mean wind of ${expected}.`
        : 'It fits the height of the station, not sea level, to which pressures are reduced.';
    case 'consistency':
      return `${subject(flag)}; its neighbours make ${expected}${around(flag)} likely.`;
    case 'buddies':
      return `${subject(flag)}; the mean of its neighbours is ${expected}${around(flag)}.`;
    case 'bias':
      return `It is on the same side of its neighbours all the time: they make ${expected} likely.`;
    case 'climatology':
      return (
        `No earlier year had such a value at this hour of the season; ${expected}${around(flag)} ` +
        'would be usual.'
      );
  }
}

function subject(flag: QualityFlag): string {
  if (flag.compared === null) return `It is ${formatValue(flag, flag.value)}`;
  return `With this humidity the dew point is ${formatValue(flag, flag.compared)}`;
}

function around(flag: QualityFlag): string {
  return flag.spread === null ? '' : ` ± ${formatValue(flag, flag.spread)}`;
}

/** A humidity is compared as the dew point, in °C. */
export function formatValue({ variable, compared }: QualityFlag, value: number): string {
  const { digits, unit } = compared === null ? VARIABLES[variable] : VARIABLES.temperature_c;
  return `${value.toFixed(Math.max(1, digits))} ${unit}`;
}
