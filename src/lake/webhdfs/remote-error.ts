/**
 * What can go wrong between us and HDFS. No message holds more of an address than host and port:
 * queries carry tokens.
 */

import { refusedTicketReason } from './kerberos-reasons.ts';

const MESSAGE_MAX = 500;

/** A file stands where a folder was wanted. */
export const NO_FOLDER = 'ParentNotDirectoryException';

/**
 * The server's own refusal. HDFS names its Java exception in the body:
 * `{"RemoteException": {"exception": "StandbyException", "javaClassName": …, "message": …}}`.
 */
export class RemoteError extends Error {
  /** `StandbyException`; empty when the answer did not come from WebHDFS. */
  readonly exception: string;
  readonly status: number;
  /** Whether an earlier try of the same request, without an answer, may have been carried out. */
  readonly isUncertain: boolean;

  constructor(status: number, exception: string, message: string, isUncertain = false) {
    super(message);
    this.name = 'RemoteError';
    this.status = status;
    this.exception = exception;
    this.isUncertain = isUncertain;
  }

  is(...exceptions: readonly string[]): boolean {
    return exceptions.includes(this.exception);
  }

  /** The same with the knowledge that an earlier try may have been carried out. */
  afterUncertainty(): RemoteError {
    return new RemoteError(this.status, this.exception, this.message, true);
  }
}

/** No answer came, or not all of it. */
export class NoReplyError extends Error {
  /** `ECONNREFUSED`, `ETIMEDOUT`, … */
  readonly code: string;
  /** Whether the request may have reached the server. */
  readonly mayHaveActed: boolean;

  constructor(code: string, message: string, mayHaveActed: boolean, cause?: unknown) {
    super(message, { cause });
    this.name = 'NoReplyError';
    this.code = code;
    this.mayHaveActed = mayHaveActed;
  }
}

/** The encrypted connection could not be trusted or made: nothing was asked. */
export class TlsError extends NoReplyError {
  constructor(code: string, message: string, cause?: unknown) {
    super(code, message, false, cause);
    this.name = 'TlsError';
  }
}

/** We cannot say who we are; the message says what to do. */
export class LoginError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LoginError';
  }
}

/** No server did it within the time that we wait; `troubles` holds the error of each server. */
export class DeadlineError extends Error {
  readonly troubles: readonly Error[];

  constructor(message: string, troubles: readonly Error[]) {
    super(`${message}: ${troubles.map((one) => one.message).join('; ')}`, { cause: troubles[0] });
    this.name = 'DeadlineError';
    this.troubles = troubles;
  }
}

/** A redirect to where we do not go. */
export class RedirectError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RedirectError';
  }
}

/** Reads a refusal; the message is its first line, since DataNodes send the whole Java stack. */
export function parseRemoteError(status: number, text: string): RemoteError {
  const found = remoteException(text);
  if (found === null) {
    const reason = status === 401 || status === 403 ? refusedTicketReason(text) : null;
    return new RemoteError(status, '', reason ?? `HTTP ${status}`);
  }
  const [line = ''] = found.message.split('\n');
  const message = `${found.exception}: ${line.trim().slice(0, MESSAGE_MAX)}`;
  // For a file in the place of a folder, users other than administrators get a permission error.
  const exception = line.includes('(is not a directory)') ? NO_FOLDER : found.exception;
  return new RemoteError(status, exception, message);
}

function remoteException(text: string): { exception: string; message: string } | null {
  try {
    const { exception, javaClassName, message } = JSON.parse(text).RemoteException;
    const named = String(exception ?? javaClassName ?? '');
    // Some answers name only the wrapper here, and the exception itself in the class.
    const inner = named === 'RemoteException' ? String(javaClassName ?? named) : named;
    return { exception: inner.split(/[.$]/).at(-1) ?? '', message: String(message ?? '') };
  } catch {
    return null;
  }
}
