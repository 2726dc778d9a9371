/** Forecasts made-up weather up to an hour, and dies where `ISOBAR_FAULT` says: FOLDER HOUR. */
import { join } from 'node:path';
import { openLocalStorage } from '../../lake/local.ts';
import { silentLogger } from '../../logger.ts';
import { openForecasters } from '../forecasters.ts';
import { Forecasting } from '../forecasting.ts';
import { HOUR_MS } from '../hour.ts';
import { FIRST, SIGNAL, weatherUpTo } from './weather-source.ts';

const [folder = '', text = ''] = process.argv.slice(2);
const hour = Number(text);
await using storage = await openLocalStorage(join(folder, 'lake'));
await using forecasters = openForecasters(join(folder, 'states'));
const forecasting = new Forecasting({
  ...weatherUpTo(hour),
  ...{ storage, forecasters, logger: silentLogger },
  ...{ citiesMax: 10, historyDays: 365, waitSeconds: 600, keepDays: 60 },
  clock: () => new Date((FIRST + hour) * HOUR_MS),
});
await forecasting.look(SIGNAL);
while (forecasting.isLearning) await forecasting.learnNext(SIGNAL);
if (hour % 2 === 0) await forecasting.save();
