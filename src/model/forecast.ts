/** Forecasts: which variables are forecast, by which models, and what is known of their errors. */
import { Type } from 'typebox';
import { number, type Of, orNull, record, text, time, timeOrNull, whole } from './schema.ts';
import type { VariableName } from './variables.ts';

/** Without wind direction, which is circular, and rain, which is zero most of the time. */
export const FORECAST_VARIABLES = [
  'temperature_c',
  'humidity_pct',
  'pressure_hpa',
  'wind_speed_ms',
] as const satisfies readonly VariableName[];
export type ForecastVariable = (typeof FORECAST_VARIABLES)[number];

/** Hours that are forecast. */
export const HORIZONS = 48;
/** Those whose errors are kept. */
export const SCORED_HORIZONS = [1, 6, 12, 24, 48] as const;

export const BASELINES = [
  'persistence',
  'climatology',
  'seasonal_naive',
  'damped_persistence',
  'smoothing',
] as const;
export const MODELS = [...BASELINES, 'learned'] as const;
export type ModelName = (typeof MODELS)[number];

/** Days of history from which the interval is given, and the climate is known. */
export const LEARNING_DAYS = 28;
/** Days over which errors are summed up for readers. */
export const SKILL_DAYS = 30;
/** Changes with what the models compute, and with the form of the files. */
export const FORECAST_VERSION = 1;

const model = Type.Enum([...MODELS], { description: 'Name of the model, see docs/forecast.md.' });
const horizon = Type.Integer({ minimum: 1, maximum: HORIZONS, description: 'Hours ahead.' });

export const ForecastSkillSchema = record(
  {
    horizon_h: horizon,
    n: whole('Forecasts that were scored.'),
    hindcast_n: whole('Those of them that were computed afterwards, when the history was learned.'),
    mae: number('Mean absolute error of the median.'),
    rmse: number('Root of the mean squared error of the median.'),
    bias: number('Mean of forecast minus observation.'),
    crps: number('Continuous ranked probability score, from the three quantiles.'),
    inside_pct: number('Share of the observations within the interval, %; it should be 80.'),
    persistence_mae: number('The same of the last value.'),
    learned_mae: number('The same of the learned model alone.'),
    baseline: orNull(model, 'The baseline with the smallest mean absolute error.'),
    baseline_mae: number('Its mean absolute error.'),
  },
  'Errors at one horizon, in the variable’s unit.',
);

export const ModelSwitchSchema = record(
  {
    horizon_h: horizon,
    since: time('The hour from which it is served.'),
    from_model: model,
    to_model: model,
    from_mae: number('Trailing mean absolute error of the model before, at that hour.'),
    to_mae: number('That of the model after.'),
  },
  'One row per horizon whose model has changed.',
);

const perHorizon = <T extends Type.TSchema>(item: T, description: string) =>
  Type.Array(item, { maxItems: HORIZONS, description });

export const CityForecastSchema = record(
  {
    city_id: text('Identity of the city.'),
    variable: Type.Enum([...FORECAST_VARIABLES], { description: 'Name of the variable.' }),
    issued_at: time('The hour of the last observation that the forecast knows.'),
    learned_days: whole('Days of history that the models have learned from.'),
    needed_days: whole('Days from which the interval is given.'),
    late_hours: whole('Hours that were corrected, or came, after they had been learned.'),
    median: perHorizon(
      Type.Number(),
      'Value 1, 2, … 48 hours after `issued_at`: half of the values should lie below.',
    ),
    low: perHorizon(Type.Number(), 'A tenth of the values should lie below; empty at first.'),
    high: perHorizon(Type.Number(), 'A tenth of the values should lie above; empty at first.'),
    model: perHorizon(model, 'The model that is served.'),
    switches: Type.Array(ModelSwitchSchema, {
      description: 'The last change of model at 1, 6, 12, 24 and 48 hours.',
    }),
    skill: Type.Array(ForecastSkillSchema, { description: 'Errors of the last 30 days.' }),
  },
  'The newest forecast of one variable of one city.',
);

export const ForecastCountsSchema = record(
  {
    state: Type.Enum(['starting', 'learning', 'ready', 'failing', 'away'], {
      description: 'Away: no process runs the step.',
    }),
    cities: whole('Cities with an observation.'),
    cities_ready: whole('Cities whose history has been learned.'),
    cities_left_out: whole('Cities beyond `forecast.cities_max`.'),
    issued_at: timeOrNull('The hour of the newest forecast.'),
    stepped_at: timeOrNull('When it was last looked whether an hour is complete.'),
    late_hours: whole('Hours that were corrected, or came, after they had been learned.'),
    rebuilt: whole('Cities that were learned again because their state was missing or damaged.'),
    mae_24h: number('Mean absolute error of the temperature a day ahead, over all cities, °C.'),
  },
  'How far the forecasts are.',
);

/** One forecast of a city and variable among others. */
export function forecastKey(city: string, variable: string): string {
  return `${city} ${variable}`;
}

export type ForecastSkill = Of<typeof ForecastSkillSchema>;
export type ModelSwitch = Of<typeof ModelSwitchSchema>;
export type CityForecast = Of<typeof CityForecastSchema>;
export type ForecastCounts = Of<typeof ForecastCountsSchema>;
