/**
 * What counts as which kind of day, month or year: ONE place for the analytics, the API and the page.
 *
 * Frost and ice days: ETCCDI (FD: TN < 0 °C, ID: TX < 0 °C), WMO Expert Team on Climate Change
 * Detection and Indices, http://etccdi.pacificclimate.org/list_27_indices.shtml. Wet days: at least
 * 1 mm, as there. Summer days, hot days and tropical nights include their limit, as Deutscher
 * Wetterdienst counts them (Wetterlexikon: Sommertag, Heißer Tag, Tropennacht); ETCCDI's SU and TR
 * do not. Degree days: ET-SCI (HDDheat, CDDcold), of daily means, with its default base.
 */
export const DAY_LIMITS = {
  frost_below_c: 0,
  summer_least_c: 25,
  hot_least_c: 30,
  tropical_least_c: 20,
  wet_least_mm: 1,
  degree_day_base_c: 18,
} as const;

/** Share of a day's hours with a temperature from which its mean and its extremes stand for it. */
export const DAY_COVERAGE_LEAST_PCT = 75;

/**
 * A month is full unless 11 days or more are missing, or 5 or more in a row: WMO-No. 1203, “WMO
 * Guidelines on the Calculation of Climate Normals”, 2017.
 */
export const MONTH_MISSING_MOST = { days: 10, inARow: 4 } as const;

/** Share of a month's seconds with values of rain from which its sum counts for what is usual. */
export const RAIN_COVERAGE_LEAST_PCT = 90;

/** Means of 30 years are normals, those of 10 years period averages: WMO-No. 1203. */
export const NORMAL_YEARS = { normal: 30, periodAverage: 10 } as const;

/** One day of one city, in the order of days. `date` is that of its clock. */
export interface ClimateDay {
  readonly date: string;
  readonly temperature_c_mean: number | null;
  readonly temperature_c_max: number | null;
  /** Share of its hours that hold a temperature, %. */
  readonly coverage_pct: number;
}

export interface Spell {
  readonly from: string;
  /** The last day of it. */
  readonly to: string;
  readonly days: number;
}

export interface HeatWave extends Spell {
  readonly highest_c: number;
}

/** Days in a row from which hot days are a heat wave. */
const HEAT_WAVE_DAYS = 3;
const GROWING = { days: 6, above_c: 5 } as const;
const DAY_MS = 86_400_000;

/**
 * Heat waves: at least three days in a row whose highest temperature reaches a limit, as the Met
 * Office counts them (https://www.metoffice.gov.uk/weather/learn-about/weather/types-of-weather/temperature/heatwave).
 * Its limits are of British counties; ours is that of a hot day, 30 °C, unless another is given. A
 * day that is missing, or whose highest temperature is not known, ends one.
 */
export function heatWaves(
  days: readonly ClimateDay[],
  leastC: number = DAY_LIMITS.hot_least_c,
): HeatWave[] {
  const isHot = ({ temperature_c_max: highest }: ClimateDay) =>
    highest !== null && highest >= leastC;
  return spellsOf(days, isHot)
    .filter((spell) => spell.length >= HEAT_WAVE_DAYS)
    .map((spell) => ({
      ...boundsOf(spell),
      highest_c: Math.max(...spell.map((day) => day.temperature_c_max ?? -Infinity)),
    }));
}

export interface GrowingSeason {
  readonly days: number;
  readonly from: string;
  /** The last day before the season's end. */
  readonly to: string;
}

/**
 * The growing season of a year, in days: from the first six days in a row with means above 5 °C to
 * the first six after midsummer with means below 5 °C (ETCCDI: GSL), else to the year's end. South of
 * the equator a year is from July on, named by its first half. Null when less than 90 % of the
 * year's days hold a mean, and 0 days when it never begins.
 */
export function growingSeason(
  days: readonly ClimateDay[],
  year: number,
  isSouth = false,
): GrowingSeason | null {
  const begin = isSouth ? `${year}-07-01` : `${year}-01-01`;
  const middle = isSouth ? `${year + 1}-01-01` : `${year}-07-01`;
  const end = isSouth ? `${year + 1}-07-01` : `${year + 1}-01-01`;
  const length = daysBetween(begin, end);
  const known = days.filter(
    ({ date, temperature_c_mean: mean, coverage_pct: coverage }) =>
      date >= begin && date < end && mean !== null && coverage >= DAY_COVERAGE_LEAST_PCT,
  );
  if (known.length < 0.9 * length) return null;
  const meanOf = (day: ClimateDay) => day.temperature_c_mean ?? Number.NaN;
  const isLong = (spell: readonly ClimateDay[]) => spell.length >= GROWING.days;
  const warm = spellsOf(known, (day) => meanOf(day) > GROWING.above_c).find(isLong)?.[0];
  if (warm === undefined) return { days: 0, from: begin, to: begin };
  const later = known.filter(({ date }) => date >= middle && date > warm.date);
  const cold = spellsOf(later, (day) => meanOf(day) < GROWING.above_c).find(isLong)?.[0];
  const stop = cold?.date ?? end;
  return { days: daysBetween(warm.date, stop), from: warm.date, to: dayBefore(stop) };
}

/** Runs of such days of which none is missing. */
function spellsOf(
  days: readonly ClimateDay[],
  holds: (day: ClimateDay) => boolean,
): ClimateDay[][] {
  const spells: ClimateDay[][] = [];
  let last: ClimateDay | null = null;
  for (const day of days) {
    if (!holds(day)) {
      last = null;
      continue;
    }
    if (last !== null && daysBetween(last.date, day.date) === 1) spells.at(-1)?.push(day);
    else spells.push([day]);
    last = day;
  }
  return spells;
}

function boundsOf(spell: readonly ClimateDay[]): Spell {
  return { from: spell[0]?.date ?? '', to: spell.at(-1)?.date ?? '', days: spell.length };
}

function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
}

function dayBefore(date: string): string {
  return new Date(Date.parse(date) - DAY_MS).toISOString().slice(0, 10);
}
