import { withoutSecrets } from './secrets.ts';

/**
 * Every error that a caller may meet, in ONE table. `message` says what is wrong in general, the
 * thrown text names the place, `remedy` what to do. `exit` is the exit code of a command, `status`
 * the HTTP status of the API; `retryable` means that the same call may succeed later as it is.
 *
 * `docs/errors.md` is generated from this table.
 */
export const ERRORS = {
  USAGE: row('The command was not understood.', 'See the command’s --help.', 2, 400),
  CONFIG_INVALID: row(
    'The configuration has problems.',
    'Correct each named setting; `isobar config` prints what is in effect and where it comes from.',
    2,
    500,
  ),
  NODE_TOO_OLD: row(
    'This Node.js is too old.',
    'Use Node.js 24.11 or newer; in the repository the npm scripts bring their own.',
    2,
    500,
  ),
  PARAMETER_INVALID: row('A parameter is not valid.', 'Correct the named field.', 2, 400),
  CITY_UNKNOWN: row('Unknown city.', 'See /api/cities for the known ids.', 2, 404),
  OBSERVATION_UNKNOWN: row(
    'The observation does not exist.',
    'Ask for one of the times that are named; see /api/raw-data, or `isobar query`.',
    2,
    404,
  ),
  NOT_FOUND: row('There is nothing at this address.', 'See /openapi.json for the routes.', 1, 404),
  METHOD_NOT_ALLOWED: row(
    'This address does not take this method.',
    'Use one of the methods that the header Allow names.',
    1,
    405,
  ),
  REQUEST_INVALID: row('The request was not understood.', 'See /docs for the routes.', 1, 400),
  REQUEST_TOO_LARGE: row('The request is too large.', 'Shorten the address or the body.', 1, 413),
  REQUEST_REFUSED: row(
    'The request came from another site or under a foreign name.',
    'Open the page at the address that `isobar start` prints; behind a reverse proxy, name your host in api.allowed_hosts.',
    1,
    403,
  ),
  LOGIN_REQUIRED: row(
    'This address asks for a login.',
    'Log in on the page, or send a key: `Authorization: Bearer isobar_…` (`isobar keys add NAME`).',
    2,
    401,
  ),
  LOGIN_REFUSED: row(
    'The login was refused.',
    'Check name and password; an administrator can set a new one with `isobar users password NAME`.',
    2,
    401,
  ),
  LOGIN_DELAYED: row('Too many logins have failed.', 'Try again later.', 1, 429, true),
  LOGIN_STALE: row(
    'The login is too long ago for this.',
    'Log out and in again, and repeat it within ten minutes.',
    2,
    403,
  ),
  PASSWORD_WRONG: row(
    'The password is wrong.',
    'Give the one with which you log in; after several failures the next try has to wait.',
    2,
    403,
  ),
  SESSION_UNKNOWN: row('Unknown session.', 'See /api/sessions; it may have ended.', 2, 404),
  RATE_LIMITED: row(
    'Too much was asked in a short time.',
    'Try again after the time in the header Retry-After; see api.limits.',
    1,
    429,
    true,
  ),
  ACCESS_DENIED: row(
    'Your role does not allow this.',
    'Ask an administrator; `isobar users role NAME operator` changes a role.',
    2,
    403,
  ),
  SIGN_ON_FAILED: row(
    'The single sign-on failed.',
    'Log in again from the page; if it fails again, an administrator finds the reason in the log.',
    2,
    401,
  ),
  ROLE_MISSING: row(
    'No role follows from your groups.',
    'Ask an administrator: one of your groups has to be in api.auth.roles, and in the claim or header that is read.',
    2,
    403,
  ),
  ISSUER_UNAVAILABLE: row(
    'The provider of logins or tokens cannot be reached.',
    'Try again soon; check that this machine reaches api.auth.oidc.issuer or api.auth.tokens.issuer and trusts its certificate.',
    1,
    503,
    true,
  ),
  TOKEN_REFUSED: row(
    'The token is not accepted.',
    'Get a new one from the issuer; compare its claims with the settings of api.auth.tokens.',
    2,
    401,
  ),
  PROXY_UNTRUSTED: row(
    'A login was passed on that cannot be trusted.',
    'Only the proxies in api.auth.proxy.addresses may send the headers of a user, each once; reach the server through them.',
    1,
    403,
  ),
  USER_EXISTS: row('A user of this name exists.', 'See `isobar users list`.', 2, 409),
  USER_UNKNOWN: row('Unknown user.', 'See `isobar users list`.', 2, 404),
  KEY_EXISTS: row('A key of this name exists.', 'See `isobar keys list`.', 2, 409),
  KEY_UNKNOWN: row('Unknown key.', 'See `isobar keys list`.', 2, 404),
  PASSWORD_WEAK: row(
    'The password can be guessed.',
    'Choose another one, such as four words that have nothing to do with each other.',
    2,
    400,
  ),
  ACCESS_CORRUPT: row(
    'The file of users and keys is damaged.',
    'Put it back from a backup, or move it away and add the users again; sessions and keys end with it.',
    1,
    503,
  ),
  INTERNAL: row('Something unexpected went wrong.', 'Please report it with the log lines.', 1, 500),
  ABORTED: row('The operation was cancelled.', 'Nothing.', 130, 503),
  BUSY: row('Too many requests wait already.', 'Try again in a moment.', 1, 503, true),

  CHANNEL_UNAVAILABLE: row(
    'A channel for alerts cannot be reached.',
    'Check its address and the network; messages wait and are sent later. `isobar alerts test CHANNEL` tries it.',
    1,
    503,
    true,
  ),
  CHANNEL_REFUSED: row(
    'The receiver of a channel for alerts refuses the message.',
    'Correct the channel’s address, credentials or recipients; `isobar alerts test CHANNEL` tries it.',
    1,
    502,
  ),
  ALERTS_CORRUPT: row(
    'The store of alerts is damaged.',
    'Move the named file away; incidents are read from the table again, messages that waited are lost.',
    1,
    503,
  ),
  CURSOR_MISMATCH: row(
    'The cursor belongs to another question.',
    'Give a cursor with the parameters of the answer that it comes from, or none.',
    2,
    409,
  ),
  RULE_UNKNOWN: row(
    'Unknown alert rule.',
    'See `isobar alerts rules` or /api/alert-rules.',
    2,
    404,
  ),
  SILENCE_UNKNOWN: row(
    'No such silence is in effect.',
    'See `isobar alerts silence` or /api/silences.',
    2,
    404,
  ),
  INCIDENT_UNKNOWN: row('Unknown incident.', 'See `isobar alerts list` or /api/incidents.', 2, 404),

  DATA_IN_USE: row(
    'Another isobar process uses this data folder.',
    'Stop the named process, or choose another --data folder.',
    1,
    503,
  ),
  DATA_UNWRITABLE: row(
    'The data folder cannot be written.',
    'Check the folder’s owner, permissions and mount; then start again.',
    1,
    503,
    true,
  ),
  DISK_FULL: row(
    'The disk is full.',
    'Make room; what waits is kept in the log and lands by itself.',
    1,
    503,
    true,
  ),
  PATH_UNREADABLE: row(
    'The path cannot be read exactly.',
    'Rename the folder or file so that it has no backslash, *, ? or [.',
    1,
    503,
  ),
  FILE_NOT_REGULAR: row(
    'The path does not name a regular file.',
    'Name a regular file or a link to one; named pipes, devices and folders are not read.',
    2,
    503,
  ),
  FILE_TOO_LARGE: row(
    'The file is larger than what is read.',
    'Check that the named file is the one that was meant, or make it smaller.',
    2,
    503,
  ),
  PORT_TAKEN: row('The port is taken.', 'Choose another with --port, or stop its owner.', 1, 503),
  PORT_FORBIDDEN: row(
    'This user may not listen on the port.',
    'Choose a port of 1024 or above with --port and let a reverse proxy have the low one, or grant the process CAP_NET_BIND_SERVICE.',
    1,
    503,
  ),

  CERTIFICATE_EXPIRED: row(
    'The certificate of the server has expired.',
    'Renew it and replace both files; the server reads them by itself within seconds. `isobar certificate make --force` renews one of your private authority.',
    1,
    503,
  ),
  CERTIFICATE_EXISTS: row(
    'A certificate is there already.',
    'Give --force to replace it, or another --folder.',
    1,
    503,
  ),

  PROVIDER_KEY_MISSING: row(
    'No OpenWeatherMap key is set.',
    'Set ISOBAR_OPENWEATHER_KEY or ISOBAR_OPENWEATHER_KEY_FILE.',
    2,
    503,
  ),
  PROVIDER_KEY_REFUSED: row(
    'The provider refuses the key.',
    'A new key works after 10 minutes to 2 hours; afterwards check it for typing errors.',
    1,
    503,
    true,
  ),
  PROVIDER_QUOTA: row(
    'The provider says that the quota is used up.',
    'Polling waits by itself; lower collector.budget to what your plan allows.',
    1,
    503,
    true,
  ),
  PROVIDER_CITY_UNKNOWN: row(
    'The provider does not know this city.',
    'Check the city’s coordinates in the list of cities.',
    1,
    503,
  ),
  PROVIDER_REQUEST: row(
    'The provider rejects the request.',
    'Check the city’s coordinates and the provider’s address in the configuration.',
    1,
    503,
  ),
  PROVIDER_DOWN: row(
    'The provider does not answer.',
    'Polling tries again by itself.',
    1,
    503,
    true,
  ),
  BUDGET_SPENT: row(
    'The budget of calls is spent.',
    'Polling waits by itself for the next minute, day or month.',
    1,
    503,
    true,
  ),
  BUDGET_CORRUPT: row(
    'The ledger of calls is damaged.',
    'No call is made. Move ledger.sqlite away; what was called before is then not counted.',
    1,
    503,
  ),

  LOG_FULL: row(
    'The log is at its size limit.',
    'Polling waits until what is in the log has landed; see `isobar status` for what stops it.',
    1,
    503,
    true,
  ),
  LOG_UNAVAILABLE: row(
    'The log cannot be reached.',
    'See the cause; it is tried again.',
    1,
    503,
    true,
  ),
  SERVICE_UNREACHABLE: row(
    'A service does not answer.',
    'Start it, or correct its address; the figures are the last ones known.',
    1,
    503,
    true,
  ),
  SERVICE_ANSWER: row(
    'The answer of a service was not understood.',
    'Check that the address is that of the service, and that its version is supported.',
    1,
    503,
    true,
  ),
  LOG_CORRUPT: row(
    'The log’s file is damaged.',
    'Keep a copy, then recover it with the sqlite3 tool’s .recover, or move it away to start anew.',
    1,
    503,
  ),
  LOG_NEWER: row(
    'The log was made by a newer isobar.',
    'Update isobar; nothing was changed.',
    1,
    503,
  ),
  LOG_GAP: row(
    'The log no longer holds offsets that have not landed.',
    'Restore the log, or accept the loss with `isobar land --accept-loss P:FROM-TO`.',
    1,
    503,
  ),
  LOG_LOGIN_REFUSED: row(
    'The brokers refuse the login.',
    'Check log.kafka.user, password and mechanism, or what the token of oauthbearer is for; nothing was written.',
    1,
    503,
  ),
  LOG_NO_TOKEN: row(
    'The token endpoint gives no token for the login to the brokers.',
    'Check log.kafka.oauth: token_url, client_id, client_secret, client_auth, scope and audience.',
    1,
    503,
  ),
  LOG_TLS: row(
    'A trusted TLS connection to the brokers could not be established.',
    'Check log.kafka.tls and tls_authority, the name in the certificate and the listener’s port; where brokers ask who connects, tls_certificate_file.',
    1,
    503,
  ),
  LOG_FORBIDDEN: row(
    'The brokers do not permit this to our user.',
    'Grant the named operation; `isobar kafka acls --user NAME` lists what each role needs, and which is missing with --check.',
    1,
    503,
  ),
  LOG_NO_AUTHORIZER: row(
    'The brokers do not check permissions.',
    'Set authorizer.class.name on all brokers and controllers; until then everyone may do everything.',
    1,
    503,
  ),
  LOG_TOPIC_UNFIT: row(
    'The topic cannot be used as it is.',
    'Change the named setting of the topic, or choose another topic with log.kafka.topic.',
    1,
    503,
  ),
  LOG_REPLACED: row(
    'The topic was made anew while it was in use.',
    'Start again: it is another log, and its offsets begin anew.',
    1,
    503,
  ),
  RECORD_TOO_LARGE: row('A record is larger than 900 KiB.', 'Split or shorten the record.', 1, 400),

  LAKE_UNAVAILABLE: row(
    'The lake cannot be reached.',
    'See the cause; it is tried again.',
    1,
    503,
    true,
  ),
  LAKE_EXISTS: row('The file is there already.', 'Nothing; another process was faster.', 1, 503),
  LAKE_MISSING: row(
    'A file of the lake is missing.',
    'Run `isobar verify`; restore the file from a backup.',
    1,
    503,
  ),
  LAKE_FORBIDDEN: row(
    'The lake does not permit this to our user.',
    'Grant the user the right on the named path, or set lake.hdfs.user to one who has it.',
    1,
    503,
  ),
  LAKE_LOGIN_REFUSED: row(
    'The lake refuses the login.',
    'Check lake.hdfs.authentication and its keytab_file, principal, user or token; a delegation token ends after a day or when it is cancelled.',
    1,
    503,
  ),
  LAKE_TLS: row(
    'A trusted TLS connection to the lake could not be established.',
    'Check lake.hdfs.tls_authority, the host names in lake.hdfs.namenodes and the port; DataNodes need certificates for their own names.',
    1,
    503,
  ),
  LAKE_QUOTA: row(
    'A quota of the lake is used up.',
    'Raise the quota of the named folder; what waits is kept in the log and lands by itself.',
    1,
    503,
    true,
  ),
  LAKE_SAFE_MODE: row(
    'HDFS is in safe mode and takes no changes.',
    'It is tried again; see the NameNode’s page for what keeps it there.',
    1,
    503,
    true,
  ),
  LAKE_NO_DATANODE: row(
    'No DataNode takes the data.',
    'Start DataNodes or make room on their disks; it is tried again.',
    1,
    503,
    true,
  ),
  LAKE_POLICY: row(
    'HDFS refuses the number of copies or the storage policy.',
    'Correct lake.hdfs.replication, archive_replication or archive_policy.',
    1,
    503,
  ),
  LAKE_REDIRECT: row(
    'HDFS sends us to a host that is not allowed.',
    'Add the DataNode to lake.hdfs.datanode_hosts, or clear that setting to allow any.',
    1,
    503,
  ),
  TABLE_CORRUPT: row(
    'A file of the table is damaged or foreign.',
    'Nothing was changed. Run `isobar verify` and restore the named file from a backup.',
    1,
    503,
  ),
  TABLE_GAP: row(
    'A commit of the table is missing.',
    'Nothing was changed. Restore the named commit from a backup.',
    1,
    503,
  ),
  TABLE_NEWER: row(
    'The table was written by a newer isobar.',
    'Update isobar; nothing was changed.',
    1,
    503,
  ),
  TABLE_FOREIGN: row(
    'Another program changed rows of the table.',
    'Run `isobar table accept-foreign N` to keep the change, or `isobar table restore V` to undo it; reading goes on, nothing is written.',
    1,
    503,
  ),
  TABLE_PROTOCOL: row(
    'Another program switched on a feature of Delta that isobar does not support.',
    'Switch it off in that program, or undo the named commit with `isobar table restore V`; nothing was changed.',
    1,
    503,
  ),
  TABLE_KIND: row(
    'Simulated and real data do not mix.',
    'Use the data folder of the other kind.',
    1,
    503,
  ),
  COMMIT_CONFLICT: row(
    'Another process committed first at every attempt.',
    'It is tried again by itself.',
    1,
    503,
    true,
  ),
  LANDING_STALE: row(
    'The landing took longer than an hour.',
    'It is done again by itself.',
    1,
    503,
    true,
  ),

  QUERY_INVALID: row(
    'The query is not valid.',
    'Correct the SQL; only reading is allowed.',
    2,
    400,
  ),
  QUERY_FAILED: row('The engine could not run the query.', 'See the cause.', 1, 500),
  ENGINE_UNAVAILABLE: row(
    'The engine cannot be reached, or the connection to it was lost.',
    'See the cause; it is tried again, and the last good version is served meanwhile.',
    1,
    503,
    true,
  ),
  ENGINE_REFUSED: row(
    'The engine refuses the login.',
    'Check analytics.spark.token and analytics.spark.user.',
    1,
    503,
  ),
  ENGINES_DIFFER: row(
    'The two engines computed different numbers from the same rows.',
    'Run `isobar verify`, which computes them a third time, and report what it prints. The published numbers stay.',
    1,
    503,
  ),
  STREAM_DIFFERS: row(
    'The sums of the stream are not those of the table.',
    'The table counts. Run `isobar verify`; when it finds nothing, remove the checkpoint that the message names and report this.',
    1,
    503,
  ),
  CACHE_UNAVAILABLE: row(
    'The shared cache cannot be reached, or does not answer as Redis does.',
    'Check api.cache.redis_url and that Redis runs; answers are computed meanwhile, and it is tried again.',
    1,
    503,
    true,
  ),
  CACHE_LOGIN_REFUSED: row(
    'The shared cache refuses the login, or does not permit a command to our user.',
    'Check user and password in api.cache.redis_url; the user needs GET, SET, DEL, STRLEN, EVAL and PING (SELECT for another database than 0) on keys with api.cache.prefix.',
    1,
    503,
    true,
  ),
  CACHE_FULL: row(
    'The shared cache is at its memory limit and takes nothing more.',
    'Set maxmemory-policy of Redis to allkeys-lru, or raise maxmemory; what it holds is still used.',
    1,
    503,
    true,
  ),
  INDEX_UNAVAILABLE: row(
    'The index of the anomalies cannot answer.',
    'See the cause; it is tried again. Questions about cities and times alone are answered meanwhile.',
    1,
    503,
    true,
  ),
  INDEX_REFUSED: row(
    'The index refuses the login.',
    'Check index.opensearch.user and index.opensearch.password.',
    1,
    503,
  ),
  INDEX_BUSY: row('Another process writes the index.', 'Nothing; it is tried again.', 1, 503, true),
  FORECAST_FAILED: row(
    'The forecasts cannot be computed.',
    'See the cause; it is tried again. The last forecasts are served meanwhile, with their age.',
    1,
    503,
    true,
  ),
  VERIFY_FAILED: row(
    'The data does not add up.',
    'Each line names what differs; restore those files from a backup.',
    1,
    500,
  ),
  CHECK_FAILED: row(
    'Not everything is as it should be.',
    'Do what each arrow above says, and run `isobar doctor` again.',
    1,
    500,
  ),
  CLUSTER_TOOL_MISSING: row(
    'The services of a cluster need Java 17 or newer and Maven.',
    'Install them (Debian: openjdk-17-jdk-headless maven), or use compose.yaml with containers.',
    1,
    503,
  ),
  CLUSTER_FAILED: row(
    'A service of the cluster did not come up.',
    'See the end of its output; `isobar cluster logs NAME` shows the rest.',
    1,
    503,
  ),
  DRILL_FAILED: row(
    'The system did not do what the drill expects.',
    'See the lines above; the output of each process lies in DATA/cluster/drill-NAME.',
    1,
    503,
  ),
  CLUSTER_ABSENT: row('No cluster runs here.', 'Start one with `isobar cluster up`.', 1, 503),
  IMPORT_INVALID: row('The import cannot be read.', 'Correct the named file or mapping.', 2, 400),
  IMPORT_REJECTED: row(
    'Nothing of the import could be used.',
    'Correct the mapping, the units or the files by the reasons above, and import them again.',
    1,
    400,
  ),
  IMPORT_INTERRUPTED: row(
    'The import was interrupted.',
    'Run the same command again, and it continues; or take it back with `isobar imports undo`.',
    130,
    503,
  ),
  IMPORT_RUNNING: row(
    'Another import is running.',
    'Wait for the named process to end.',
    1,
    503,
    true,
  ),
  IMPORT_UNKNOWN: row('Unknown import.', 'See `isobar imports` for the numbers.', 2, 404),
  IMPORT_KEPT: row(
    'The import cannot be undone.',
    'Import a corrected file instead: it outranks this import.',
    1,
    503,
  ),
} as const satisfies Record<string, ErrorRow>;

export interface ErrorRow {
  readonly message: string;
  readonly remedy: string;
  readonly exit: number;
  readonly status: number;
  readonly retryable: boolean;
}

export type ErrorCode = keyof typeof ERRORS;

/** An error of the table, with the place and the cause in its text. */
export class IsobarError extends Error {
  readonly code: ErrorCode;
  /** For people and programs: the place, such as a path, a field, a partition. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    text: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(withoutSecrets(text), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'IsobarError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get row(): ErrorRow {
    return ERRORS[this.code];
  }
}

export function isErrorCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof IsobarError && codes.includes(error.code);
}

/** Whether a request was refused for what is written in it. */
export function isRefusedInput(error: unknown): boolean {
  return isErrorCode(error, 'PARAMETER_INVALID', 'REQUEST_INVALID');
}

/** The error itself, or INTERNAL around any other error. */
export function asIsobarError(error: unknown): IsobarError {
  if (error instanceof IsobarError) return error;
  // What was closed on the way out failed, too: that is not the matter.
  if (error instanceof SuppressedError) return asIsobarError(error.suppressed);
  if (error instanceof Error && error.name === 'AbortError') {
    return new IsobarError('ABORTED', error.message, { cause: error });
  }
  return new IsobarError('INTERNAL', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

/** The error as a status shows it: since the same one came, as `before` has it, or since now. */
export function roomError(
  { code, message }: Pick<IsobarError, 'code' | 'message'>,
  before: { readonly code: string; readonly since: string } | null | undefined,
  now: Date,
) {
  const since = before?.code === code ? before.since : now.toISOString();
  return { code, message, remedy: ERRORS[code].remedy, since };
}

/**
 * Errors of the operating system that mean the same wherever a file is written:
 * ENOSPC, EDQUOT → DISK_FULL · EROFS, EACCES, EPERM → DATA_UNWRITABLE · others → `otherwise`.
 */
export function translateFileError(
  error: unknown,
  place: string,
  otherwise: ErrorCode,
): IsobarError {
  if (error instanceof IsobarError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  const text = `${place}: ${error instanceof Error ? error.message : String(error)}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new IsobarError('DISK_FULL', text, { cause: error });
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new IsobarError('DATA_UNWRITABLE', text, { cause: error });
  }
  return new IsobarError(otherwise, text, { cause: error });
}

function row(
  message: string,
  remedy: string,
  exit: number,
  status: number,
  retryable = false,
): ErrorRow {
  return { message, remedy, exit, status, retryable };
}
