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
/** Share of a year's days from which its growing season is known. */
const SEASON_DAYS_LEAST = 0.9;
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

export type Hemisphere = 'north' | 'south';

/** The equator counts as north; null where the latitude is not known. */
export function hemisphereOf(latitude: number | null | undefined): Hemisphere | null {
  if (typeof latitude !== 'number' || Number.isNaN(latitude)) return null;
  return latitude < 0 ? 'south' : 'north';
}

/** Days from the first up to `end`, exclusive; the second half begins with `middle`. */
export interface SeasonYear {
  readonly begin: string;
  readonly middle: string;
  readonly end: string;
}

/** South of the equator a year is from July on, named by its first half. */
export function seasonYear(year: number, hemisphere: Hemisphere | null): SeasonYear {
  const at = (halves: number) => {
    const half = halves + (hemisphere === 'south' ? 1 : 0);
    const name = String(year + Math.floor(half / 2)).padStart(4, '0');
    return `${name}-${half % 2 === 0 ? '01' : '07'}-01`;
  };
  return { begin: at(0), middle: at(1), end: at(2) };
}

/** The year that a day belongs to. */
export function seasonYearOf(date: string, hemisphere: Hemisphere | null): number {
  const year = Number(date.slice(0, 4));
  return hemisphere === 'south' && date.slice(5) < '07-01' ? year - 1 : year;
}

/** Those of which the mean stands for the day. */
export function completeDays(days: readonly ClimateDay[]): ClimateDay[] {
  return days.filter(
    ({ temperature_c_mean: mean, coverage_pct: coverage }) =>
      mean !== null && coverage >= DAY_COVERAGE_LEAST_PCT,
  );
}

/**
 * The growing season of a year, in days: from the first six days in a row with means above 5 °C to
 * the first six after midsummer with means below 5 °C (ETCCDI: GSL), else to the year's end. Null
 * when less than 90 % of the year's days hold a mean, and 0 days when it never begins.
 */
export function growingSeason(
  days: readonly ClimateDay[],
  year: number,
  hemisphere: Hemisphere,
): GrowingSeason | null {
  const { begin, middle, end } = seasonYear(year, hemisphere);
  const known = completeDays(days).filter(({ date }) => date >= begin && date < end);
  if (known.length < SEASON_DAYS_LEAST * daysBetween(begin, end)) return null;
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

export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
}

function dayBefore(date: string): string {
  return addDays(date, -1);
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);
}
