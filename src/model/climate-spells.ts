/** Rows of heat waves and growing seasons, made from the days of whole cities. */
import { Type } from 'typebox';
import {
  addDays,
  type ClimateDay,
  completeDays,
  DAY_COVERAGE_LEAST_PCT,
  DAY_LIMITS,
  growingSeason,
  type Hemisphere,
  heatWaves,
  seasonYear,
  seasonYearOf,
} from './climate.ts';
import { type Of, orNull, record, text, whole } from './schema.ts';

/** What the rules need of a row of `daily_summaries`. */
export interface CityDay extends ClimateDay {
  readonly city_id: string;
  readonly city: string;
}

export interface CityDaySelection {
  /** City ids; all when empty. */
  readonly cities: readonly string[];
  /** Dates of the city's clock; `to` is exclusive. */
  readonly from: string | null;
  readonly to: string | null;
  /** Only days whose highest temperature reaches this, °C; null for all. */
  readonly leastC: number | null;
}

const CITY = { city_id: text('Identity of the city.'), city: text('Name of the city.') };
const HEAT_WAVE_LEAST_C = DAY_LIMITS.hot_least_c;

export const HeatWaveSchema = record(
  {
    ...CITY,
    date_from: text('Its first day, of the city’s clock, such as 2024-07-04.'),
    date_to: text('Its last day; that of a heat wave that lasts is the newest one.'),
    day_count: whole('Days from the first to the last, 3 or more.'),
    temperature_c_max: Type.Number({ description: 'Highest temperature of these days, °C.' }),
  },
  `One row per city and heat wave: three days or more in a row that reach ${HEAT_WAVE_LEAST_C} °C, or the limit that was asked for.`,
);

export const GrowingSeasonSchema = record(
  {
    ...CITY,
    year: whole('The year; south of the equator the one in whose July it begins.'),
    hemisphere: orNull(
      Type.Enum(['north', 'south']),
      'Whose rule was used, by the latitude of the city. Null where its coordinates are not known: then the year is that of the calendar, and its season is not known.',
    ),
    complete_day_count: whole(
      `Days of the year with ${DAY_COVERAGE_LEAST_PCT} % coverage or more.`,
    ),
    day_count: orNull(
      Type.Integer(),
      'Days of the growing season, 0 where it never begins; null when less than 90 % of the days are complete.',
    ),
    date_from: orNull(Type.String(), 'Its first day; null where it has none.'),
    date_to: orNull(Type.String(), 'Its last day; null where it has none.'),
  },
  'One row per city and year of which there is a day.',
);

export type HeatWaveRow = Of<typeof HeatWaveSchema>;
export type GrowingSeasonRow = Of<typeof GrowingSeasonSchema>;

export const SPELL_SCHEMAS = {
  heat_waves: HeatWaveSchema,
  growing_seasons: GrowingSeasonSchema,
} as const;

/** Dates of the city's clock; `to` is exclusive. */
export interface DateRange {
  readonly from: string | null;
  readonly to: string | null;
}

/** Of days in order: the heat waves of which a day lies in the range, each of them whole. */
export function heatWaveRows(
  days: readonly CityDay[],
  leastC: number,
  { from, to }: DateRange,
): HeatWaveRow[] {
  return byCity(days).flatMap(([{ city_id, city }, own]) =>
    heatWaves(own, leastC)
      .filter((wave) => (from === null || wave.to >= from) && (to === null || wave.from < to))
      .map((wave) => ({
        ...{ city_id, city, date_from: wave.from, date_to: wave.to },
        ...{ day_count: wave.days, temperature_c_max: wave.highest_c },
      })),
  );
}

/** Of days in order: the years that begin in the range. */
export function growingSeasonRows(
  days: readonly CityDay[],
  hemisphereOf: (cityId: string) => Hemisphere | null,
  { from, to }: DateRange,
): GrowingSeasonRow[] {
  return byCity(days).flatMap(([{ city_id, city }, own]) => {
    const hemisphere = hemisphereOf(city_id);
    const years = Map.groupBy(own, ({ date }) => seasonYearOf(date, hemisphere));
    return [...years].flatMap(([year, some]) => {
      const { begin } = seasonYear(year, hemisphere);
      if ((from !== null && begin < from) || (to !== null && begin >= to)) return [];
      const season = hemisphere && growingSeason(some, year, hemisphere);
      const hasDays = season !== null && season.days > 0;
      return {
        ...{ city_id, city, year, hemisphere, complete_day_count: completeDays(some).length },
        day_count: season?.days ?? null,
        date_from: hasDays ? season.from : null,
        date_to: hasDays ? season.to : null,
      };
    });
  });
}

/** The days that `growingSeasonRows` needs: a year that begins before `to` ends a year later. */
export function daysOfYears({ from, to }: DateRange): DateRange {
  return { from, to: to === null ? null : addDays(to, 366) };
}

function byCity(days: readonly CityDay[]): readonly (readonly [CityDay, readonly CityDay[]])[] {
  return [...Map.groupBy(days, ({ city_id }) => city_id).values()].flatMap((own) =>
    own[0] === undefined ? [] : [[own[0], own] as const],
  );
}
