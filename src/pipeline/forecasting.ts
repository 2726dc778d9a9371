/** Joins the forecasts with the table: who makes them, and how they are. */
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { selectFiles } from '../api/reader.ts';
import { startForecastLoop } from '../forecast/forecast-loop.ts';
import { openForecasters } from '../forecast/forecasters.ts';
import { Forecasting } from '../forecast/forecasting.ts';
import { openHourlyValues } from '../forecast/hourly-values.ts';
import { holdRole, type Share } from '../leases/sharing.ts';
import { type ForecastStatus, ForecastStatusSchema } from '../model/status.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { publishDetail } from './status-detail.ts';
import type { StepContext } from './steps.ts';
import type { Workspace } from './workspace.ts';

/** The folder of the states, in the data folder: what was learned can be learned again. */
const STATES = 'forecast';

/** Forecasts while no other process does. */
export function forecast({
  workspace,
  leases,
  logger,
  running,
  onChange,
}: StepContext): Promise<Share> {
  return holdRole({ leases, role: 'forecast', logger }, async (lease) => {
    const { storage, observations: table, folder } = workspace;
    const { cities_max, history_days, wait_s, keep_days } = workspace.config.forecast;
    const forecasters = openForecasters(join(folder, STATES));
    const forecasting = new Forecasting({
      ...{ storage, table, forecasters, logger, clock: () => new Date() },
      ...{ citiesMax: cities_max, historyDays: history_days },
      ...{ waitSeconds: wait_s, keepDays: keep_days },
      values: await openValues(workspace),
    });
    const loop = startForecastLoop({ forecasting, logger, onChange });
    running.forecasts = loop;
    const unwatch = publishDetail(leases, lease, () => loop.status);
    return {
      async stop() {
        unwatch();
        running.forecasts = null;
        await loop.stop();
        await forecasters[Symbol.asyncDispose]();
      },
    };
  });
}

/** The table's values by the hour, read in a session of their own. */
export async function openValues(workspace: Workspace) {
  return openHourlyValues({
    session: await workspace.session(),
    table: workspace.observations,
    columns: OBSERVATION_COLUMNS,
    select: selectFiles,
  });
}

const AWAY: ForecastStatus = {
  ...{ state: 'away', cities: 0, cities_ready: 0, cities_left_out: 0, issued_at: null },
  ...{ stepped_at: null, late_hours: 0, rebuilt: 0, mae_24h: null, error: null },
};

/** By the word of the process that makes them, which it publishes with its lease. */
export function forecastStatusOf(
  holder: { readonly text: { readonly detail: unknown }; readonly isSilent: boolean } | null,
): ForecastStatus {
  if (holder === null || holder.isSilent) return AWAY;
  const { detail } = holder.text;
  return Value.Check(ForecastStatusSchema, detail) ? detail : AWAY;
}
