import { type Static, Type } from 'typebox';

/**
 * The whole configuration, declared once: type, default and description of every setting.
 * Parsing, its errors, `isobar config` and `docs/configuration.md` come from here.
 *
 * A setting's variable is ISOBAR_ and its path in capitals (`api.port` → ISOBAR_API_PORT);
 * a secret can also be read from the file that ISOBAR_…_FILE names.
 */
export const ConfigSchema = section('isobar', {
  data: Type.String({
    default: './data',
    description: 'Folder that holds everything isobar keeps.',
  }),
  log_level: choice(
    ['debug', 'info', 'warn', 'error', 'silent'],
    'info',
    'Least level of messages on stderr.',
  ),
  openweather: section('The provider OpenWeatherMap.', {
    key: Type.String({
      default: '',
      description: 'API key; none means simulated data.',
      secret: true,
    }),
    url: Type.String({
      default: 'https://api.openweathermap.org',
      format: 'uri',
      description: 'Address of the API, without path.',
    }),
  }),
  collector: section('Polling the provider.', {
    source: choice(
      ['auto', 'openweathermap', 'simulator', 'none'],
      'auto',
      'Whom to ask; auto means OpenWeatherMap when there is a key, else the simulator.',
    ),
    cities: Type.String({
      default: '',
      description: 'CSV or JSON file with the cities to watch; empty means the five default ones.',
    }),
    interval_s: whole(600, 10, 86_400, 'Seconds between two observations of the provider.'),
    delay_s: whole(
      15,
      0,
      3_600,
      'Seconds to wait after an observation is due before asking for it.',
    ),
    concurrency: whole(8, 1, 256, 'Calls under way at once.'),
    timeout_s: whole(10, 1, 120, 'Seconds until a call without an answer is given up.'),
    retries: whole(3, 0, 10, 'Further tries of one poll after a passing failure.'),
    budget: section('Calls that the provider is asked at most, retries included.', {
      per_minute: whole(60, 1, 1_000_000, 'Calls in any minute.'),
      per_day: whole(1_000, 1, 100_000_000, 'Calls in a day (UTC).'),
      per_month: whole(31_000, 1, 3_000_000_000, 'Calls in a month (UTC).'),
    }),
  }),
  simulator: section('The made-up provider.', {
    seed: whole(1, 0, 2_147_483_647, 'The same seed makes the same weather.'),
    interval_s: whole(60, 1, 3_600, 'Seconds between two observations of a city.'),
    history_days: whole(30, 0, 3_650, 'Days of history that a first start shows.'),
    speed: Type.Number({
      default: 1,
      minimum: 0.1,
      maximum: 100_000,
      description: 'How many times faster than the wall clock its clock runs.',
    }),
  }),
  log: section('The durable log between collecting and landing.', {
    engine: choice(['sqlite'], 'sqlite', 'Where the records wait.'),
    partitions: whole(3, 1, 64, 'Number of partitions of a new log.'),
    retention_days: whole(7, 1, 3_650, 'Days after which landed records are removed.'),
    size_max_mib: whole(8_192, 16, 1_048_576, 'Size at which the log takes no more.'),
  }),
  lake: section('Where files rest.', {
    engine: choice(['local'], 'local', 'Kind of storage.'),
  }),
  table: section('Landing, and the tables in the lake.', {
    landing_records: whole(
      10_000,
      1,
      1_000_000,
      'Waiting records of a partition that trigger a landing.',
    ),
    landing_age_s: whole(60, 1, 3_600, 'Age of the oldest waiting record that triggers a landing.'),
    landing_records_max: whole(1_000_000, 1, 10_000_000, 'Records of one landing at most.'),
    landing_mib_max: whole(128, 1, 4_096, 'Size of the records of one landing at most.'),
    file_mib_max: whole(64, 1, 1_024, 'Size of a Parquet file at most, roughly.'),
    checkpoint_commits: whole(50, 2, 10_000, 'Commits between two checkpoints.'),
    maintenance_interval_s: whole(
      3_600,
      10,
      86_400,
      'Seconds between two rounds of compaction and vacuum.',
    ),
    keep_days: whole(7, 1, 3_650, 'Days that files and commits no longer in use are kept.'),
    raw_export: Type.Boolean({
      default: true,
      description: 'Whether the hourly JSON-lines files below weather_data/raw are written.',
    }),
    raw_export_open_hour_s: whole(
      300,
      1,
      3_600,
      'Seconds between two exports of an hour that is not over.',
    ),
    raw_export_open_hour_rows_max: whole(
      50_000,
      0,
      10_000_000,
      'Rows up to which such an hour is exported at all.',
    ),
  }),
  analytics: section('Statistics, trends and anomalies.', {
    engine: choice(['duckdb'], 'duckdb', 'Engine that computes the datasets.'),
    refresh_interval_s: whole(
      3_600,
      1,
      86_400,
      'Seconds between two refreshes when nothing lands.',
    ),
    refresh_delay_s: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 3_600,
      description:
        'Seconds after a landing until the refresh, which then covers all landings since.',
    }),
    memory_mib: whole(768, 64, 1_048_576, 'Memory of the embedded engine at most.'),
    threads: whole(2, 1, 256, 'Threads of the embedded engine.'),
  }),
  api: section('The HTTP server.', {
    host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
    port: whole(5_000, 0, 65_535, 'Port to listen on; 0 means any free one.'),
    stale_after_s: whole(7_200, 1, 604_800, 'Age of an answer from which it is called stale.'),
    events_max: whole(1_000, 1, 100_000, 'Open event streams at most.'),
  }),
});

export type Config = Static<typeof ConfigSchema>;

function section<T extends Record<string, Parameters<typeof Type.Object>[0][string]>>(
  description: string,
  properties: T,
) {
  return Type.Object(properties, { additionalProperties: false, description, default: {} });
}

function whole(value: number, minimum: number, maximum: number, description: string) {
  return Type.Integer({ default: value, minimum, maximum, description });
}

function choice<const T extends string>(
  values: readonly T[],
  value: NoInfer<T>,
  description: string,
) {
  return Type.Enum([...values], { default: value, description });
}
