/** How far each city is: which hour is complete, and which was learned. */
import {
  type CityForecast,
  FORECAST_VARIABLES,
  type ForecastVariable,
  LEARNING_DAYS,
  type ModelSwitch,
  SKILL_DAYS,
} from '../model/forecast.ts';
import type { Issued, Newest } from './city-forecaster.ts';
import type { GateSwitch } from './gate.ts';
import { DAY_HOURS, dayOf, formatHour, HOUR_MS, hourOf } from './hour.ts';
import type { ScoreBook } from './score-book.ts';
import { mergeScores, openScores, skillOf } from './scores.ts';

export interface CityProgress {
  readonly city: string;
  /** Time of its newest observation in the table. */
  observedAt: string;
  /** What its forecasters said last; null while its history is not learned. */
  newest: Newest | null;
  /** Errors of the days before: day → sums by variable. */
  hindcasts: ReadonlyMap<number, readonly Float64Array[]>;
  /** The last hour of the state on disk. */
  savedHour: number;
  /** Whether it has to be compared with the table whether its history is that which was learned. */
  isChecked: boolean;
}

export function openProgress(city: string, observedAt: string): CityProgress {
  return {
    ...{ city, observedAt, newest: null, hindcasts: new Map() },
    ...{ savedHour: Number.NEGATIVE_INFINITY, isChecked: true },
  };
}

/**
 * The last hour that no observation is waited for: the newest observation's own when that is exactly at
 * the hour or the hour has been over for some time, else the one before.
 */
export function completeHour(observedAt: string, now: Date, waitSeconds: number): number {
  const hour = hourOf(observedAt);
  const isExact = Date.parse(observedAt) === hour * HOUR_MS;
  const isOver = now.getTime() >= hour * HOUR_MS + waitSeconds * 1_000;
  return isExact || isOver ? hour : hour - 1;
}

/** The forecasts of a city for readers. */
export function forecastsOf(progress: CityProgress, book: Pick<ScoreBook, 'find'>): CityForecast[] {
  const { city, newest } = progress;
  if (newest === null) return [];
  return newest.issued.map(({ said: _, ...issued }) => ({
    city_id: city,
    ...issued,
    issued_at: formatHour(newest.hour),
    needed_days: LEARNING_DAYS,
    late_hours: newest.late,
    median: [...issued.median],
    low: [...issued.low],
    high: [...issued.high],
    model: [...issued.model],
    switches: (newest.switches[issued.variable] ?? []).map(formatSwitch),
    skill: skillOf(...sumsOf(progress, newest.hour, issued.variable, book)),
  }));
}

/** Of the last days, those of what was issued; of days without any, those of the hindcasts. */
function sumsOf(
  { city, hindcasts }: CityProgress,
  hour: number,
  variable: ForecastVariable,
  book: Pick<ScoreBook, 'find'>,
): [Float64Array, Float64Array] {
  const [all, afterwards] = [openScores(), openScores()];
  const last = Math.floor(hour / DAY_HOURS);
  for (let day = last - SKILL_DAYS; day <= last; day += 1) {
    const scored = book.find(dayOf(day * DAY_HOURS), city, variable)?.sums;
    if (scored?.some((sum) => sum !== 0)) {
      mergeScores(all, scored);
      continue;
    }
    const sums = hindcasts.get(day)?.[FORECAST_VARIABLES.indexOf(variable)];
    if (sums === undefined) continue;
    mergeScores(all, sums);
    mergeScores(afterwards, sums);
  }
  return [all, afterwards];
}

function formatSwitch({ horizon, since, ...of }: GateSwitch): ModelSwitch {
  return {
    horizon_h: horizon,
    since: formatHour(since),
    from_model: of.from,
    to_model: of.to,
    from_mae: finite(of.fromError),
    to_mae: finite(of.toError),
  };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? Math.round(value * 1e4) / 1e4 : null;
}

/** Issued rows of the city, as they are kept. */
export function issuedRows({ city, newest }: CityProgress): (Issued & { city_id: string })[] {
  return (newest?.issued ?? []).map((issued) => ({ city_id: city, ...issued }));
}

/** `berlin temperature_c 24 h: learned (1.41) to damped_persistence (1.38)`, for those of this hour. */
export function drops({ city, newest }: CityProgress): string[] {
  return FORECAST_VARIABLES.flatMap((variable) =>
    (newest?.switches[variable] ?? [])
      .filter(({ since, from }) => since === newest?.hour && from === 'learned')
      .map(({ horizon, from, to, fromError, toError }) => {
        const errors = [fromError, toError].map((error) => error.toFixed(2));
        return `${city} ${variable} ${horizon} h: ${from} (${errors[0]}) to ${to} (${errors[1]})`;
      }),
  );
}
