/** What the brokers and the client's library say, as the port says it. */
import { type ErrorCode, IsobarError } from '../errors.ts';
import { certificateProblem, isTlsFailure } from '../fetching.ts';
import { maskSecrets } from '../secrets.ts';
import { CLUSTER, lackedBy } from './kafka-permissions.ts';

/**
 * What is at the bottom of an error → what the port says, the first line that fits:
 *
 *     an error of ours                                              as it is
 *     a certificate, its name or age; TLS on one side only          LOG_TLS
 *     SASL refused, mechanism unknown                               LOG_LOGIN_REFUSED
 *     …_AUTHORIZATION_FAILED                                        LOG_FORBIDDEN
 *     SECURITY_DISABLED                                             LOG_NO_AUTHORIZER
 *     INVALID_TOPIC_EXCEPTION, INVALID_REPLICATION_FACTOR,
 *     INVALID_CONFIG, POLICY_VIOLATION, MESSAGE_TOO_LARGE           LOG_TOPIC_UNFIT
 *     all others: refused, reset, timed out, no leader …            LOG_UNAVAILABLE
 *
 * The library's errors hold the connection's options: only their text is kept, without secrets.
 */
export function translateKafkaError(error: unknown, context: ErrorContext): IsobarError {
  if (error instanceof IsobarError) return error;
  const leaves = leavesOf(error);
  for (const leaf of leaves) if (leaf instanceof IsobarError) return leaf;
  const { place, secrets } = context;
  const [code, leaf] = classify(leaves);
  if (code === 'LOG_FORBIDDEN') return forbidden(error, leaf, context);
  const hint = textOf(leaf) === CLOSED ? CLOSED_HINT : '';
  const text = maskSecrets(`${place}: ${textOf(leaf)}${hint}`, secrets);
  return new IsobarError(code, text, { details: { place } });
}

export interface ErrorContext {
  /** Where, and what was attempted. */
  readonly place: string;
  readonly secrets: readonly string[];
  /** The names that a refusal is about. */
  readonly topic: string;
  readonly group: string;
}

/** Names the operation and the resource, as permissions do. */
function forbidden(error: unknown, leaf: Leaf | undefined, context: ErrorContext): IsobarError {
  const { place, topic, group } = context;
  const refusal = apiIdOf(leaf ?? {});
  const lacked = lackedBy(requestOf(error) ?? '', refusal);
  if (lacked === null) {
    return new IsobarError('LOG_FORBIDDEN', `${place}: ${refusal}`, { details: { place } });
  }
  const { operation, resource_type } = lacked;
  const resource_name = { topic, group, cluster: CLUSTER }[resource_type];
  const resource =
    resource_type === 'cluster' ? 'the cluster' : `${resource_type} ${resource_name}`;
  const text = `${place}: the user lacks ${operation} on ${resource} (${refusal})`;
  const details = { place, operation, resource_type, resource_name };
  return new IsobarError('LOG_FORBIDDEN', text, { details });
}

/** The request of the protocol that failed: `Produce`. */
function requestOf(error: unknown, depth = 0): string | null {
  if (error === null || typeof error !== 'object' || depth > 10) return null;
  const { request, message, errors, cause } = error as Leaf;
  if (typeof request === 'string') return request;
  const named = /while executing API (\w+)\(v/.exec(String(message ?? ''))?.[1];
  if (named !== undefined) return named;
  for (const below of [...(Array.isArray(errors) ? errors : []), cause]) {
    const found = requestOf(below, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** Whether it only says that a connection is closed, and not why. */
export function isMereClosing(error: unknown): boolean {
  const leaves = leavesOf(error);
  return leaves.length > 0 && leaves.every((leaf) => textOf(leaf) === CLOSED);
}

/** Whether trying again, perhaps at another broker, may help. */
export function isPassing(error: unknown): boolean {
  const leaves = leavesOf(error);
  if (leaves.some((leaf) => leaf instanceof IsobarError)) {
    return leaves.some((leaf) => leaf instanceof IsobarError && leaf.row.retryable);
  }
  return classify(leaves)[0] === 'LOG_UNAVAILABLE';
}

/** Whether one of the errors at the bottom is this one of the protocol. */
export function isProtocolError(error: unknown, ...ids: readonly string[]): boolean {
  return leavesOf(error).some((leaf) => ids.includes(apiIdOf(leaf)));
}

/** The topic is not there, whichever way it is said. */
export function isTopicMissing(error: unknown): boolean {
  if (isProtocolError(error, 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID')) return true;
  return leavesOf(error).some((leaf) => textOf(leaf).startsWith('Unknown topic '));
}

interface Leaf {
  /** Of errors that are made here. */
  readonly request?: unknown;
  readonly code?: unknown;
  readonly apiId?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** What the library says when a broker hangs up: also on those who speak otherwise than expected. */
const CLOSED = 'Connection closed';
const CLOSED_HINT = ' by the broker; if it stays so, the port may expect TLS, or a login';

const UNFIT = new Set([
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'POLICY_VIOLATION',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
]);
const LOGIN = new Set(['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM']);
const ONE_SIDED = /requires TLS|supports TLS|secure TLS connection/;

function classify(leaves: readonly Leaf[]): [ErrorCode, Leaf | undefined] {
  const found = (test: (leaf: Leaf) => boolean) => leaves.find(test);
  const tls = found(
    (leaf) => isTlsFailure(String(leaf.code ?? '')) || ONE_SIDED.test(textOf(leaf)),
  );
  if (tls !== undefined) return ['LOG_TLS', tls];
  const login = found((leaf) => LOGIN.has(apiIdOf(leaf)));
  if (login !== undefined) return ['LOG_LOGIN_REFUSED', login];
  // A login that was cut off says nothing about the password.
  const unproven = found((leaf) => leaf.code === 'PLT_KFK_AUTHENTICATION');
  const cut = found((leaf) => leaf.code === 'PLT_KFK_NETWORK');
  if (unproven !== undefined && cut === undefined) return ['LOG_LOGIN_REFUSED', unproven];
  const refused = found((leaf) => apiIdOf(leaf).endsWith('_AUTHORIZATION_FAILED'));
  if (refused !== undefined) return ['LOG_FORBIDDEN', refused];
  const open = found((leaf) => apiIdOf(leaf) === 'SECURITY_DISABLED');
  if (open !== undefined) return ['LOG_NO_AUTHORIZER', open];
  const unfit = found((leaf) => UNFIT.has(apiIdOf(leaf)));
  if (unfit !== undefined) return ['LOG_TOPIC_UNFIT', unfit];
  return ['LOG_UNAVAILABLE', leaves.at(-1)];
}

/** The errors at the bottom of a nested one, the last attempt's last. */
function leavesOf(error: unknown, depth = 0): Leaf[] {
  if (error === null || typeof error !== 'object') return [];
  const leaf = error as Leaf;
  const below = [...(Array.isArray(leaf.errors) ? leaf.errors : []), leaf.cause];
  const found = depth > 10 ? [] : below.flatMap((one) => leavesOf(one, depth + 1));
  // An authentication error says more than the closed connection below it.
  if (leaf.code === 'PLT_KFK_AUTHENTICATION') return [leaf, ...found];
  return found.length === 0 || ONE_SIDED.test(textOf(leaf)) ? [leaf, ...found] : found;
}

function apiIdOf(leaf: Leaf): string {
  return typeof leaf.apiId === 'string' ? leaf.apiId : '';
}

function textOf(leaf: Leaf | undefined): string {
  if (leaf === undefined) return 'no answer';
  const code = String(leaf.code ?? '');
  if (isTlsFailure(code)) return `${tlsReason(code)} (${code})`;
  const id = apiIdOf(leaf);
  const message = typeof leaf.message === 'string' ? leaf.message : String(leaf.code ?? leaf);
  return id === '' ? message : `${id} (${message})`;
}

/** In our words: those of OpenSSL are addresses and places in its source. */
function tlsReason(code: string): string {
  if (/ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA/.test(code)) {
    return 'the brokers want a certificate of ours, or do not take the one that was shown';
  }
  const problem = certificateProblem(code);
  return problem === null ? 'the handshake failed' : `the certificate of the broker ${problem}`;
}
