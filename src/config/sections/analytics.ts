import { Type } from 'typebox';
import { AUTHORITY, choice, section, whole } from './section.ts';

export const ANALYTICS = section('Statistics, trends and anomalies.', {
  engine: choice(
    ['duckdb', 'spark'],
    'duckdb',
    'Engine of large computations: from analytics.spark.rows_least rows on, and of the regular ' +
      'recomputation. Small ones and answers to readers always come from the embedded one.',
  ),
  refresh_interval_s: whole(3_600, 1, 86_400, 'Seconds between two refreshes when nothing lands.'),
  refresh_delay_s: Type.Number({
    default: 1,
    minimum: 0,
    maximum: 3_600,
    description:
      'Seconds after a landing until the refresh, which then covers all landings since; up to ' +
      'sixty times as many while refreshes take more than a small share of the time.',
  }),
  quality_interval_s: whole(
    60,
    0,
    86_400,
    'Seconds between two checks of the values that came since, less often where they take long. ' +
      'Values that fail are left out of statistics. 0: values are not checked, and all count.',
  ),
  memory_mib: whole(768, 64, 1_048_576, 'Memory of the embedded engine at most.'),
  threads: whole(2, 1, 256, 'Threads of the embedded engine.'),
  spark: section('The engine Spark, through Spark Connect.', {
    address: Type.String({
      default: 'sc://127.0.0.1:15002',
      description: 'Address of the Spark Connect server; sc://HOST:PORT/;use_ssl=true for TLS.',
    }),
    tls_authority: Type.String({ default: '', description: AUTHORITY }),
    token: Type.String({ default: '', description: 'Token to log in with.', secret: true }),
    user: Type.String({ default: 'isobar', description: 'User name.' }),
    timeout_s: whole(30, 1, 3_600, 'Seconds without an answer after which it counts as lost.'),
    retries: whole(3, 0, 20, 'Further tries of a job after a passing failure.'),
    rows_least: whole(
      5_000_000,
      0,
      1_000_000_000_000,
      'Rows that a refresh has to read from which on Spark computes it.',
    ),
    recompute_interval_s: whole(
      3_600,
      1,
      86_400,
      'Seconds between two recomputations by Spark of what the embedded engine has computed since.',
    ),
    properties: Type.String({
      default: '',
      description:
        'Further properties of the session, spark.name=value, separated by commas ' +
        '(`isobar status` shows what is in effect).',
    }),
  }),
});
