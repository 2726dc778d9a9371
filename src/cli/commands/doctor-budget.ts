/** Whether the budget has as many calls as the cities and the interval ask for. */
import type { Config } from '../../config/schema.ts';
import { configuredCities } from '../../pipeline/polling.ts';
import { type Finding, failures, ok } from './doctor-finding.ts';

const DAY_S = 86_400;
const INTERVAL_S_MOST = 86_400;
const CHECK = 'budget';

/** Nothing where no provider is asked; the simulator has no budget. */
export async function checkBudget({ collector, openweather }: Config): Promise<Finding[]> {
  const { source, cities, interval_s, budget } = collector;
  const asks = source === 'openweathermap' || (source === 'auto' && openweather.key !== '');
  if (!asks) return [];
  try {
    const { length } = await configuredCities(cities);
    return length === 0 ? [] : [judgeBudget(length, interval_s, budget)];
  } catch (error) {
    return failures(CHECK, error);
  }
}

/** One call for each city and interval; those that are tried again come on top. */
export function judgeBudget(
  cityCount: number,
  intervalS: number,
  budget: Config['collector']['budget'],
): Finding {
  const [calls, setting] = leastOf(budget);
  const wanted = Math.ceil((cityCount * DAY_S) / intervalS);
  const asks = cityCount === 1 ? '1 city asks' : `${format(cityCount)} cities ask`;
  const asked = `${asks} for ${format(wanted)} calls a day, every ${format(intervalS)} s`;
  if (wanted <= calls) return ok(CHECK, `${asked}; the budget has ${format(calls)}`);
  const sharePct = Math.floor((100 * calls) / wanted);
  const text =
    `${asked}; collector.budget.${setting} leaves ${format(calls)}, which are spread evenly, ` +
    `so that ${sharePct} % of the observations are asked for`;
  const enoughS = Math.ceil((cityCount * DAY_S) / calls);
  const most = Math.floor((calls * intervalS) / DAY_S);
  const ways = [
    ...(enoughS <= INTERVAL_S_MOST ? [`set collector.interval_s to ${enoughS} or more`] : []),
    ...(most > 0 ? [`watch ${format(most)} ${most === 1 ? 'city' : 'cities'} at most`] : []),
    'raise collector.budget, if your plan with the provider allows more',
  ];
  const remedy =
    ways.length === 1 ? ways.join('') : `${ways.slice(0, -1).join(', ')}, or ${ways.at(-1)}`;
  return {
    check: CHECK,
    verdict: 'warn',
    text,
    remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`,
  };
}

/** Calls in a day by the narrowest of the limits, also in a month of 31 days. */
function leastOf({ per_minute, per_day, per_month }: Config['collector']['budget']) {
  const limits = [
    [per_day, 'per_day'],
    [Math.floor(per_month / 31), 'per_month'],
    [per_minute * 24 * 60, 'per_minute'],
  ] as const;
  return limits.reduce((least, limit) => (limit[0] < least[0] ? limit : least));
}

function format(count: number): string {
  return count.toLocaleString('en');
}
