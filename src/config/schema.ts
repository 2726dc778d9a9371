import { type Static, Type } from 'typebox';
import { ALERTS } from './sections/alerts.ts';
import { ANALYTICS } from './sections/analytics.ts';
import { INDEX } from './sections/anomaly-index.ts';
import { AUTH } from './sections/auth.ts';
import { ENGINES } from './sections/engines.ts';
import { FORECAST } from './sections/forecast.ts';
import { HEALTH } from './sections/health.ts';
import { LAKE } from './sections/lake.ts';
import { LIMITS } from './sections/limits.ts';
import { LOG } from './sections/log.ts';
import { AUTHORITY, choice, section, whole } from './sections/section.ts';
import { STREAMING } from './sections/streaming.ts';
import { TLS } from './sections/tls.ts';
import { TRACING } from './sections/tracing.ts';

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
    'Lowest level of the messages printed on stderr.',
  ),
  stop_s: whole(
    20,
    1,
    3_600,
    'Seconds that stopping waits for the lake and for Spark; what has not landed then waits in the log.',
  ),
  require_tls: Type.Boolean({
    default: false,
    description:
      'Whether services have to be reached by TLS: isobar then does not start while one of the ' +
      'configured services would be reached without it, but for those on this machine ' +
      '(docs/security.md).',
  }),
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
      'Source of observations; auto means OpenWeatherMap with a key, else the simulator.',
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
    budget: section(
      'Calls that the provider is asked at most, retries included; `isobar doctor` says whether they are enough.',
      {
        per_minute: whole(60, 1, 1_000_000, 'Calls in any minute.'),
        per_day: whole(1_000, 1, 100_000_000, 'Calls in a day (UTC).'),
        per_month: whole(31_000, 1, 3_000_000_000, 'Calls in a month (UTC).'),
      },
    ),
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
  log: LOG,
  lake: LAKE,
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
    small_files_max: whole(
      32,
      1,
      2_000,
      'Small files of a month above which they are merged at once, without waiting for that round.',
    ),
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
  analytics: ANALYTICS,
  forecast: FORECAST,
  engines: ENGINES,
  streaming: STREAMING,
  alerts: ALERTS,
  index: INDEX,
  tracing: TRACING,
  api: section('The HTTP server.', {
    host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
    port: whole(5_000, 0, 65_535, 'Port to listen on; 0 means any free one.'),
    allowed_hosts: Type.String({
      default: '',
      description:
        'Names under which visitors reach the server through a reverse proxy, without port, ' +
        'separated by commas; *.example.org means every name below it, * any name.',
    }),
    base_path: Type.String({
      default: '',
      description:
        'Path below which a reverse proxy shows the server, such as /weather; requests are ' +
        'answered with it and without.',
    }),
    cors_origins: Type.String({
      default: '',
      description:
        'Origins of other sites whose pages may read the API with a key, such as ' +
        'https://www.example.org, separated by commas; empty means none.',
    }),
    trusted_proxies: Type.String({
      default: '',
      description:
        'Addresses and networks of reverse proxies, such as 127.0.0.1, 10.0.0.0/8, separated by ' +
        'commas; only theirs are the headers X-Forwarded-For, -Proto and -Host that are believed.',
    }),
    stale_after_s: whole(7_200, 1, 604_800, 'Age of an answer from which it is called stale.'),
    events_max: whole(1_000, 1, 100_000, 'Open event streams at most.'),
    auth: AUTH,
    limits: LIMITS,
    tls: TLS,
    cache: section('Answers that several servers share through Redis.', {
      redis_url: Type.String({
        default: '',
        description:
          'Address of the Redis, redis://user:password@host:port/number, or rediss:// for TLS; ' +
          'empty means that each server computes all of its answers.',
        secret: true,
      }),
      tls_authority: Type.String({
        default: '',
        description: AUTHORITY,
      }),
      prefix: Type.String({ default: 'isobar:', description: 'Beginning of every key.' }),
      value_max_kib: whole(1_024, 1, 65_536, 'Size, compressed, up to which an answer is shared.'),
      ttl_s: whole(3_600, 1, 604_800, 'Seconds for which Redis keeps an answer.'),
      timeout_ms: whole(
        10,
        1,
        1_000,
        'Milliseconds after which a look-up without a reply is given up and the answer computed.',
      ),
      lock_ms: whole(
        1_000,
        10,
        60_000,
        'Milliseconds that an answer waits at most while another server computes the same.',
      ),
    }),
  }),
  health: HEALTH,
});

export type Config = Static<typeof ConfigSchema>;
