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
  stop_s: whole(
    20,
    1,
    3_600,
    'Seconds that stopping waits for the lake and for Spark; what has not landed then waits in the log.',
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
    engine: choice(['sqlite', 'kafka'], 'sqlite', 'Where the records wait.'),
    partitions: whole(3, 1, 64, 'Number of partitions of a new log.'),
    retention_days: whole(
      7,
      1,
      3_650,
      'Days after which landed records are removed; a topic that keeps them longer keeps them.',
    ),
    size_max_mib: whole(8_192, 16, 1_048_576, 'Size at which the log takes no more.'),
    kafka: section('The log on Kafka.', {
      brokers: Type.String({
        default: '127.0.0.1:9092',
        description: 'Some of the brokers, host:port, separated by commas.',
      }),
      topic: Type.String({ default: 'weather_data', description: 'The topic.' }),
      group: Type.String({
        default: 'isobar',
        description: 'Consumer group whose offsets show lag tools how far landing is.',
      }),
      replication: whole(1, 1, 16, 'Copies of each record that a new topic keeps.'),
      compression: choice(
        ['none', 'snappy', 'lz4', 'zstd', 'gzip'],
        'lz4',
        'Compression of the records.',
      ),
      tls: Type.Boolean({ default: false, description: 'Whether connections are encrypted.' }),
      tls_authority: Type.String({
        default: '',
        description: 'PEM file of the authorities to trust; empty means the public ones.',
      }),
      mechanism: choice(
        ['none', 'plain', 'scram-sha-256', 'scram-sha-512'],
        'none',
        'How to log in (SASL).',
      ),
      user: Type.String({ default: '', description: 'User name to log in with.' }),
      password: Type.String({ default: '', description: 'Password to log in with.', secret: true }),
      timeout_s: whole(10, 1, 300, 'Seconds until an attempt to reach the brokers is given up.'),
      spool_max_mib: whole(
        2_048,
        1,
        1_048_576,
        'Size of the records that wait on this machine while no broker answers.',
      ),
      spool_max_age_h: whole(
        72,
        1,
        8_760,
        'Hours that records may wait there until polling pauses.',
      ),
    }),
  }),
  lake: section('Where files rest.', {
    heartbeat_s: whole(
      10,
      1,
      60,
      'Seconds between two signs of life of a process; silent for 2.5 times as long, it loses ' +
        'its part of the work to others.',
    ),
    engine: choice(['local', 'hdfs'], 'local', 'Kind of storage.'),
    hdfs: section('The lake on HDFS, over WebHDFS.', {
      namenodes: Type.String({
        default: 'http://127.0.0.1:9870',
        description: 'HTTP addresses of all NameNodes, separated by commas.',
      }),
      address: Type.String({
        default: 'hdfs://127.0.0.1:8020',
        description: 'The same file system for programs that read hdfs:// themselves (Spark).',
      }),
      folder: Type.String({ default: '/', description: 'Folder of the lake.' }),
      user: Type.String({ default: '', description: 'User name; empty means this process’s own.' }),
      token: Type.String({ default: '', description: 'Delegation token.', secret: true }),
      replication: whole(0, 0, 512, 'Copies of each block; 0 means what the cluster does.'),
      verify: choice(
        ['length', 'checksum'],
        'length',
        'What of a written file is compared before it gets its name.',
      ),
      archive_after_months: whole(
        0,
        0,
        1_200,
        'Months after which a month’s files move to the archive; 0 means never.',
      ),
      archive_policy: choice(
        ['HOT', 'WARM', 'COLD', 'ALL_SSD', 'ONE_SSD'],
        'COLD',
        'Storage policy of the archive.',
      ),
      archive_replication: whole(0, 0, 512, 'Copies of each block there; 0 means unchanged.'),
      concurrency: whole(16, 1, 256, 'Requests under way at once.'),
      timeout_s: whole(10, 1, 300, 'Seconds without a byte after which a request is given up.'),
      retry_timeout_s: whole(60, 1, 3_600, 'Seconds for which a request is retried.'),
      datanode_hosts: Type.String({
        default: '',
        description:
          'DataNode hosts that redirects may name, separated by commas, each optionally as ' +
          'named=reached; empty means any.',
      }),
      cache_mib: whole(
        4_096,
        16,
        16_777_216,
        'Size of the files kept on this machine for reading.',
      ),
    }),
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
  analytics: section('Statistics, trends and anomalies.', {
    engine: choice(
      ['duckdb', 'spark'],
      'duckdb',
      'Engine that computes the datasets; answers to readers always come from the embedded one.',
    ),
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
        'Seconds after a landing until the refresh, which then covers all landings since; up to ' +
        'sixty times as many while refreshes take more than a small share of the time.',
    }),
    memory_mib: whole(768, 64, 1_048_576, 'Memory of the embedded engine at most.'),
    threads: whole(2, 1, 256, 'Threads of the embedded engine.'),
    spark: section('The engine Spark, through Spark Connect.', {
      address: Type.String({
        default: 'sc://127.0.0.1:15002',
        description: 'Address of the Spark Connect server.',
      }),
      token: Type.String({ default: '', description: 'Token to log in with.', secret: true }),
      user: Type.String({ default: 'isobar', description: 'User name.' }),
      timeout_s: whole(30, 1, 3_600, 'Seconds without an answer after which it counts as lost.'),
      retries: whole(3, 0, 20, 'Further tries of a job after a passing failure.'),
      properties: Type.String({
        default: '',
        description:
          'Further properties of the session, spark.name=value, separated by commas ' +
          '(`isobar status` shows what is in effect).',
      }),
    }),
  }),
  engines: section('Watching the services that are used: Kafka, HDFS, Spark, Redis, OpenSearch.', {
    interval_s: whole(15, 1, 3_600, 'Seconds between two looks at a service.'),
    timeout_s: whole(5, 1, 120, 'Seconds until a look without an answer is given up.'),
    trend_h: whole(6, 1, 48, 'Hours that the trends go back.'),
    kafka: section('Kafka; its brokers are those of the log.', {
      jmx_urls: Type.String({
        default: '',
        description:
          'Addresses of the brokers’ JMX over HTTP, separated by commas: those of Jolokia, or pages ' +
          'of beans that end in /jmx; empty means that disks and requests are not watched.',
      }),
    }),
    hdfs: section('HDFS; its NameNodes are those of the lake.', {
      journalnode_urls: Type.String({
        default: '',
        description: 'HTTP addresses of the JournalNodes, separated by commas.',
      }),
    }),
    spark: section('Spark.', {
      ui_url: Type.String({
        default: '',
        description: 'Address of the driver’s page; empty means that Spark is not watched.',
      }),
      master_url: Type.String({
        default: '',
        description: 'Address of the page of a standalone master.',
      }),
    }),
  }),
  alerts: section('Rules that watch the weather and the pipeline, and messages about incidents.', {
    enabled: Type.Boolean({ default: true, description: 'Whether rules are evaluated.' }),
    file: Type.String({
      default: '',
      description:
        'YAML file with channels and rules (docs/alerts.md); without it the built-in rules open ' +
        'incidents and nothing is sent.',
    }),
    interval_s: whole(10, 1, 3_600, 'Seconds between two looks at the state of the system.'),
    page_url: Type.String({
      default: '',
      description:
        'Address of the page for links in messages, such as https://weather.example.org.',
    }),
    keep_days: whole(1_825, 1, 36_500, 'Days that resolved incidents are kept.'),
  }),
  index: section('The index that searches the anomalies.', {
    engine: choice(
      ['sqlite', 'opensearch'],
      'sqlite',
      'Where the index is kept: a file of the data folder, or OpenSearch.',
    ),
    opensearch: section('The index on OpenSearch.', {
      url: Type.String({
        default: 'http://127.0.0.1:9200',
        format: 'uri',
        description: 'Address of a node, or of what stands in front of several.',
      }),
      user: Type.String({ default: '', description: 'User name; empty means no login.' }),
      password: Type.String({ default: '', description: 'Password to log in with.', secret: true }),
      prefix: Type.String({
        default: 'isobar',
        pattern: '^[a-z][a-z0-9_-]{0,63}$',
        description: 'Beginning of the names of our indexes; several data folders need several.',
      }),
      replicas: whole(0, 0, 16, 'Further copies of the index.'),
      timeout_s: whole(10, 1, 300, 'Seconds until a request without an answer is given up.'),
    }),
  }),
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
    stale_after_s: whole(7_200, 1, 604_800, 'Age of an answer from which it is called stale.'),
    events_max: whole(1_000, 1, 100_000, 'Open event streams at most.'),
    cache: section('Answers that several servers share through Redis.', {
      redis_url: Type.String({
        default: '',
        description:
          'Address of the Redis, redis://user:password@host:port/number, or rediss:// for TLS; ' +
          'empty means that each server computes all of its answers.',
        secret: true,
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
