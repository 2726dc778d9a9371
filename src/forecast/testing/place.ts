/** A table of made-up weather, and the forecasts of it, in a temporary folder. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Made, openPlace, type Place, START } from '../../analytics/testing/place.ts';
import { selectFiles } from '../../api/reader.ts';
import type { Storage } from '../../lake/storage.ts';
import { type Logger, silentLogger } from '../../logger.ts';
import { OBSERVATION_COLUMNS } from '../../table/table.ts';
import { type Forecasters, openForecasters } from '../forecasters.ts';
import { Forecasting } from '../forecasting.ts';
import { HOUR_MS } from '../hour.ts';
import { openHourlyValues } from '../hourly-values.ts';
import { SIGNAL, weather } from './weather-source.ts';

export interface ForecastPlace extends AsyncDisposable {
  readonly table: Place;
  readonly storage: Storage;
  /** What the clock says; may be set. */
  now: Date;
  readonly states: string;
  /** Forecasts as another process would make them. */
  open(options?: Partial<Opening>): Promise<Opened>;
  /** Weather of these hours after FIRST, with something of its own in each city. */
  add(city: string, from: number, to: number, change?: (made: Made) => Made): Promise<void>;
}

interface Opening {
  readonly storage: Storage;
  readonly logger: Logger;
  readonly citiesMax: number;
  readonly keepDays: number;
  readonly forecasters: Forecasters;
}

export interface Opened {
  readonly forecasting: Forecasting;
  readonly forecasters: Forecasters;
  /** Looks, and learns what is to be learned. */
  settle(): Promise<void>;
}

export async function openForecastPlace(): Promise<ForecastPlace> {
  const table = await openPlace();
  const folder = mkdtempSync(join(tmpdir(), 'isobar-forecast-'));
  const states = join(folder, 'states');
  mkdirSync(states);
  const opened: Forecasters[] = [];
  const place: ForecastPlace = {
    table,
    storage: table.storage,
    now: new Date(START),
    states,
    async open(options = {}) {
      const forecasters = options.forecasters ?? openForecasters(states);
      opened.push(forecasters);
      const forecasting = new Forecasting({
        storage: options.storage ?? table.storage,
        table: table.table,
        values: openHourlyValues({
          session: await table.openSession(),
          table: table.table,
          columns: OBSERVATION_COLUMNS,
          select: selectFiles,
        }),
        forecasters,
        logger: options.logger ?? silentLogger,
        citiesMax: options.citiesMax ?? 10,
        ...{ historyDays: 365, waitSeconds: 600, keepDays: options.keepDays ?? 60 },
        clock: () => place.now,
      });
      return {
        forecasting,
        forecasters,
        async settle() {
          await forecasting.look(SIGNAL);
          while (forecasting.isLearning) await forecasting.learnNext(SIGNAL);
        },
      };
    },
    async add(city, from, to, change = (made) => made) {
      const hours = Array.from({ length: to - from + 1 }, (_, at) => from + at);
      await table.add(hours.map((hour) => change(weather(city, hour))));
      place.now = new Date(Math.max(place.now.getTime(), START + to * HOUR_MS));
    },
    async [Symbol.asyncDispose]() {
      for (const one of opened) await one[Symbol.asyncDispose]();
      await table[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return place;
}
