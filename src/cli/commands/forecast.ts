import { type Command, Option } from 'commander';
import { IsobarError } from '../../errors.ts';
import { openLatest } from '../../forecast/latest.ts';
import {
  type CityForecast,
  FORECAST_VARIABLES,
  type ForecastSkill,
  type ForecastVariable,
} from '../../model/forecast.ts';
import { formatTime } from '../../model/time-zone.ts';
import { VARIABLES } from '../../model/variables.ts';
import { oneLine } from '../../printable.ts';
import { type Environment, formatTable, openChosenWorkspace, prepare } from '../environment.ts';

interface ForecastOptions {
  readonly variable: ForecastVariable;
  readonly simulated?: boolean;
}

const SHOWN_HOURS = [1, 2, 3, 6, 9, 12, 18, 24, 30, 36, 42, 48] as const;
const HOUR_MS = 3_600_000;

export function forecastCommand(program: Command, environment: Environment): void {
  program
    .command('forecast')
    .argument('[city]', 'id of a city; without it one line for each city')
    .description('the next 48 hours, and how good such forecasts were')
    .addOption(
      new Option('--variable <name>', 'what is forecast')
        .choices([...FORECAST_VARIABLES])
        .default('temperature_c'),
    )
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
The last forecast that was issued, from the files; \`isobar start\` and \`isobar analyze\` issue one
each hour. Half of the values should be above the median, and four of five between low and high.
Errors are those of the last 30 days. The models and their limits: docs/forecast.md.

Examples:
  isobar forecast
  isobar forecast london --variable wind_speed_ms`,
    )
    .action(async (city: string | undefined, options: ForecastOptions, command: Command) => {
      const prepared = prepare(environment, command);
      await using workspace = await openChosenWorkspace(prepared, options.simulated);
      const { forecasts } = await openLatest(workspace.storage, 0).latest();
      const ofVariable = [...forecasts.values()]
        .filter(({ variable }) => variable === options.variable)
        .filter(({ city_id }) => city === undefined || city_id === city);
      if (ofVariable.length === 0) throw await explainNothing(workspace.cities, city);
      if (prepared.json) {
        const answer = { simulated: workspace.simulated, forecasts: ofVariable };
        environment.print(`${JSON.stringify(answer)}\n`);
        return;
      }
      if (workspace.simulated) environment.print('simulated weather\n');
      const [first] = ofVariable;
      const isOne = city !== undefined && first !== undefined;
      environment.print(isOne ? formatOne(first) : formatAll(ofVariable));
    });
}

async function explainNothing(
  cities: { read(): Promise<ReadonlyMap<string, unknown>> },
  city: string | undefined,
): Promise<IsobarError> {
  if (city !== undefined && !(await cities.read()).has(city)) {
    return new IsobarError('CITY_UNKNOWN', city);
  }
  const of = city === undefined ? '' : ` of ${city}`;
  const text = `there is not yet a forecast${of}; \`isobar status\` says how far learning is`;
  return new IsobarError('USAGE', text);
}

function formatOne(forecast: CityForecast): string {
  const { city_id, variable, issued_at, learned_days, needed_days } = forecast;
  const { label, unit, digits } = VARIABLES[variable];
  const show = (value: number | undefined) => value?.toFixed(digits) ?? '';
  const rows = SHOWN_HOURS.map((hour) => [
    formatTime(new Date(Date.parse(issued_at) + hour * HOUR_MS)),
    `${hour} h`,
    ...[forecast.low, forecast.median, forecast.high].map((list) => show(list[hour - 1])),
    forecast.model[hour - 1] ?? '',
  ]);
  const learning =
    learned_days < needed_days ? `, learning: ${learned_days} of ${needed_days} days` : '';
  const switches = forecast.switches.map(
    ({ horizon_h, since, from_model, to_model, from_mae, to_mae }) =>
      `${horizon_h} h: ${to_model} since ${since} (${shown(to_mae)} ${unit}), ` +
      `${from_model} before (${shown(from_mae)} ${unit})`,
  );
  return [
    `${city_id}: ${label}, ${unit}, issued ${issued_at}${learning}`,
    formatTable([['time', 'ahead', 'low', 'median', 'high', 'model'], ...rows], [1, 2, 3, 4]),
    'errors of the last 30 days',
    formatTable([SKILL_HEADER, ...forecast.skill.map(formatSkill)], [0, 1, 2, 3, 4, 5, 6]),
    ...switches.map(oneLine),
    '',
  ].join('\n');
}

const SKILL_HEADER = ['ahead', 'forecasts', 'MAE', 'RMSE', 'bias', 'inside', 'persistence'];

function formatSkill(skill: ForecastSkill): string[] {
  const inside = skill.inside_pct === null ? '–' : `${skill.inside_pct.toFixed(0)} %`;
  const errors = [skill.mae, skill.rmse, skill.bias].map(shown);
  const ahead = `${skill.horizon_h} h`;
  return [ahead, String(skill.n), ...errors, inside, shown(skill.persistence_mae)];
}

function shown(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}

function formatAll(forecasts: readonly CityForecast[]): string {
  const header = [
    'city',
    'issued',
    '1 h',
    '6 h',
    '12 h',
    '24 h',
    '48 h',
    'MAE 24 h',
    'persistence',
  ];
  const rows = forecasts.map(({ city_id, variable, issued_at, median, skill }) => {
    const { digits } = VARIABLES[variable];
    const values = [1, 6, 12, 24, 48].map((hour) => median[hour - 1]?.toFixed(digits) ?? '');
    const day = skill.find(({ horizon_h }) => horizon_h === 24);
    const errors = [shown(day?.mae ?? null), shown(day?.persistence_mae ?? null)];
    return [city_id, issued_at, ...values, ...errors];
  });
  return formatTable([header, ...rows], [2, 3, 4, 5, 6, 7, 8]);
}
