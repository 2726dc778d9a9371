import { Type } from 'typebox';
import { section, whole } from './section.ts';

export const FORECAST = section('Forecasts of the next 48 hours.', {
  enabled: Type.Boolean({
    default: true,
    description: 'Whether the process that computes the analytics makes forecasts.',
  }),
  cities_max: whole(
    100,
    1,
    10_000,
    'Cities that are forecast: those with the newest observations. Each takes some 3 MB of memory.',
  ),
  history_days: whole(
    730,
    30,
    3_650,
    'Days of history that the models learn from; a year takes some 7 s a city, in the background.',
  ),
  wait_s: whole(
    600,
    0,
    3_600,
    'Seconds after an hour until which its observations are waited for.',
  ),
  keep_days: whole(60, 32, 3_650, 'Days that issued forecasts and their scores are kept.'),
});
