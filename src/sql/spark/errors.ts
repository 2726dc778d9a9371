/** Spark's errors → ours. */
import { Code, ConnectError } from '@connectrpc/connect';
import { IsobarError } from '../../errors.ts';
import { causesOf, certificateProblem } from '../../fetching.ts';
import { ErrorInfoSchema } from './proto/google/rpc/error_details_pb.ts';
import type { FetchErrorDetailsResponse } from './proto/spark/connect/base_pb.ts';

/** What Spark says of an error beside its text. */
export interface SparkErrorFacts {
  readonly errorClass: string;
  readonly sqlState: string;
  readonly message: string;
  /** Asks for the rest with FetchErrorDetails; empty when nothing more is available. */
  readonly errorId: string;
}

/** What comes with the error itself; null when it comes from the connection, not from Spark. */
export function factsOf(error: unknown): SparkErrorFacts | null {
  if (!(error instanceof ConnectError)) return null;
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined) {
    // Some come as a text only: `[INVALID_HANDLE.SESSION_CHANGED] The handle …`
    const errorClass = /^\[([A-Z_]+(?:\.[A-Z_]+)*)\]/.exec(error.rawMessage)?.[1];
    if (errorClass === undefined) return null;
    return { errorClass, sqlState: '', message: error.rawMessage, errorId: '' };
  }
  const { errorClass = '', sqlState = '', errorId = '' } = info.metadata;
  return { errorClass, sqlState, message: error.rawMessage, errorId };
}

/** The same with all that Spark knows: the whole text, the class of the root or of its cause. */
export function fullFacts(
  facts: SparkErrorFacts,
  { errors, rootErrorIdx }: FetchErrorDetailsResponse,
): SparkErrorFacts {
  let full = facts;
  const seen = new Set<number>();
  for (let index = rootErrorIdx; index !== undefined && !seen.has(index); ) {
    seen.add(index);
    const error = errors[index];
    if (error === undefined) break;
    if (seen.size === 1 && error.message !== '') full = { ...full, message: error.message };
    const { errorClass, sqlState } = error.sparkThrowable ?? {};
    if (full.errorClass === '' && errorClass !== undefined) {
      full = { ...full, errorClass, sqlState: sqlState ?? '' };
    }
    if (full.sqlState === '' && errorClass === full.errorClass && sqlState !== undefined) {
      full = { ...full, sqlState };
    }
    index = error.causeIdx;
  }
  return full;
}

/** The session is gone with its views: the server was restarted or has let go of it. */
const LOST_SESSION = /^INVALID_HANDLE\.SESSION_|^SESSION_(CLOSED|NOT_FOUND)/;
/** The operation is not known: it never arrived, or the server let go of it. */
const LOST_OPERATION = /^INVALID_HANDLE\.OPERATION_(NOT_FOUND|ABANDONED)/;
const CANCELLED = /^OPERATION_CANCELED|^INVALID_HANDLE\.OPERATION_CANCELED/;

export function isLostSession(error: unknown): boolean {
  return LOST_SESSION.test(factsOf(error)?.errorClass ?? '');
}

export function isLostOperation(error: unknown): boolean {
  return LOST_OPERATION.test(factsOf(error)?.errorClass ?? '');
}

/**
 * Whether the connection was cut, not the work: whoever asks again may get the answer. A cut one
 * looks like Aborted, Canceled, Unavailable or Internal, but never carries Spark's own details.
 */
export function isCut(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return factsOf(error) === null && CUT.includes(error.code);
}

const CUT: readonly Code[] = [
  Code.Aborted,
  Code.Canceled,
  Code.Unavailable,
  Code.Internal,
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.DataLoss,
];

/**
 *   OPERATION_CANCELED                                 → ABORTED
 *   No space left on device, DSQuotaExceeded            → DISK_FULL
 *   no connection, the session or the operation lost,
 *     an executor or the driver lost                    → ENGINE_UNAVAILABLE
 *   Unauthenticated, PermissionDenied                   → ENGINE_REFUSED
 *   PATH_NOT_FOUND                                      → QUERY_FAILED
 *   SQLSTATE 42 (names, syntax), 22 (values), 0A, 21, 54
 *     (unknown features, cardinality, limits), 07, 46   → QUERY_INVALID
 *   others (files, memory, internal errors)             → QUERY_FAILED
 */
export function translate(error: unknown, facts: SparkErrorFacts | null, sql: string): IsobarError {
  if (error instanceof IsobarError) return error;
  const options = { cause: error, details: detailsOf(facts, sql) };
  if (facts === null) {
    return new IsobarError(codeOfTransport(error), textOfTransport(error), options);
  }
  // Spark adds its plan or the Java stack after the first lines.
  const message =
    facts.message.split(/;?\n(?:\s*at |'|\+- |== |JVM stacktrace|Driver stacktrace)/)[0] ?? '';
  return new IsobarError(codeOf(facts), message.trim(), options);
}

function textOfTransport(error: unknown): string {
  for (const { code } of causesOf(error)) {
    const problem = certificateProblem(code ?? '');
    if (problem !== null) return `the certificate of the server ${problem} (${code})`;
  }
  return error instanceof Error ? error.message : String(error);
}

function codeOfTransport(error: unknown): IsobarError['code'] {
  if (isCut(error)) return 'ENGINE_UNAVAILABLE';
  const code = error instanceof ConnectError ? error.code : null;
  const isRefused = code === Code.Unauthenticated || code === Code.PermissionDenied;
  return isRefused ? 'ENGINE_REFUSED' : 'QUERY_FAILED';
}

function codeOf({ errorClass, sqlState, message }: SparkErrorFacts): IsobarError['code'] {
  if (CANCELLED.test(errorClass)) return 'ABORTED';
  if (/No space left on device|DSQuotaExceededException/.test(message)) return 'DISK_FULL';
  if (LOST_SESSION.test(errorClass) || LOST_OPERATION.test(errorClass)) return 'ENGINE_UNAVAILABLE';
  if (LOST_WORKERS.test(message)) return 'ENGINE_UNAVAILABLE';
  if (/^(PATH_NOT_FOUND|FAILED_READ_FILE|CANNOT_READ_FILE)/.test(errorClass)) return 'QUERY_FAILED';
  return /^(42|22|0A|21|54|07|46)/.test(sqlState) ? 'QUERY_INVALID' : 'QUERY_FAILED';
}

const LOST_WORKERS =
  /ExecutorLostFailure|SparkContext (was|has been) (shut down|stopped)|stopped SparkContext|FetchFailed|Checkpoint block .* not found/;

function detailsOf(facts: SparkErrorFacts | null, sql: string): Record<string, unknown> {
  const { errorClass, sqlState } = facts ?? {};
  return {
    sql: sql.slice(0, 2_000),
    ...(errorClass ? { errorClass } : {}),
    ...(sqlState ? { sqlState } : {}),
  };
}
