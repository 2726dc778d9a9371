import { type ErrorCode, IsobarError } from '../errors.ts';
import { AnswerError } from './webhdfs/answers.ts';
import {
  DeadlineError,
  LoginError,
  NoReplyError,
  RedirectError,
  RemoteError,
  TlsError,
} from './webhdfs/remote-error.ts';

/**
 * What HDFS says → what the port says:
 *
 *     FileNotFoundException; ParentNotDirectoryException when
 *     reading                                                   LAKE_MISSING
 *     FileAlreadyExistsException, ParentNotDirectoryException,
 *     "… must both be directories": a file and a folder want
 *     one name                                                  LAKE_EXISTS
 *     AccessControlException                                    LAKE_FORBIDDEN
 *     HTTP 401, SecurityException, InvalidToken,
 *     HTTP 403 without an exception, AuthorizationException,
 *     no ticket for Kerberos                                    LAKE_LOGIN_REFUSED
 *     a certificate, its name or age; TLS on one side only      LAKE_TLS
 *     NSQuotaExceededException, DSQuotaExceededException, …     LAKE_QUOTA
 *     SafeModeException for longer than the timeout             LAKE_SAFE_MODE
 *     "could only be written to 0 of …", no DataNode is left    LAKE_NO_DATANODE
 *     "Requested replication factor …", HadoopIllegalArgument   LAKE_POLICY
 *     a redirect to where we may not go                         LAKE_REDIRECT
 *     all others, no answer, and one that is not WebHDFS's      LAKE_UNAVAILABLE
 */
export function translate(error: unknown, place: string): unknown {
  const code = codeOf(error);
  // Whoever cancelled gets his own reason back.
  if (code === null) return error;
  const { message } = error as Error;
  return new IsobarError(code, `${place}: ${message}`, { cause: error });
}

function codeOf(error: unknown): ErrorCode | null {
  if (error instanceof RedirectError) return 'LAKE_REDIRECT';
  if (error instanceof LoginError) return 'LAKE_LOGIN_REFUSED';
  if (error instanceof TlsError) return 'LAKE_TLS';
  if (error instanceof NoReplyError || error instanceof AnswerError) return 'LAKE_UNAVAILABLE';
  if (error instanceof RemoteError) return codeOfRefusal(error);
  if (!(error instanceof DeadlineError)) return null;
  // A refusal by one server is more specific than a missing answer from another.
  const codes = error.troubles.flatMap((one) =>
    one instanceof RemoteError ? [codeOfRefusal(one)] : one instanceof TlsError ? TLS : [],
  );
  return codes.find((code) => code !== 'LAKE_UNAVAILABLE') ?? 'LAKE_UNAVAILABLE';
}

const TLS: readonly ErrorCode[] = ['LAKE_TLS'];

const CODES: Readonly<Record<string, ErrorCode>> = {
  FileNotFoundException: 'LAKE_MISSING',
  FileAlreadyExistsException: 'LAKE_EXISTS',
  ParentNotDirectoryException: 'LAKE_EXISTS',
  AccessControlException: 'LAKE_FORBIDDEN',
  AuthorizationException: 'LAKE_LOGIN_REFUSED',
  SecurityException: 'LAKE_LOGIN_REFUSED',
  InvalidToken: 'LAKE_LOGIN_REFUSED',
  NSQuotaExceededException: 'LAKE_QUOTA',
  DSQuotaExceededException: 'LAKE_QUOTA',
  QuotaByStorageTypeExceededException: 'LAKE_QUOTA',
  SafeModeException: 'LAKE_SAFE_MODE',
  HadoopIllegalArgumentException: 'LAKE_POLICY',
};

function codeOfRefusal(error: RemoteError): ErrorCode {
  const known = CODES[error.exception];
  if (known !== undefined) return known;
  if (error.status === 401 || (error.status === 403 && error.exception === '')) {
    return 'LAKE_LOGIN_REFUSED';
  }
  const { message } = error;
  if (/must both be directories/.test(message)) return 'LAKE_EXISTS';
  if (/could only be written to \d+ of|Failed to find datanode/.test(message)) {
    return 'LAKE_NO_DATANODE';
  }
  return /[Rr]eplication factor|storage policy/.test(message) ? 'LAKE_POLICY' : 'LAKE_UNAVAILABLE';
}
