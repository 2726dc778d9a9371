/** From an error to `application/problem+json` (RFC 9457), in this one place. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { asIsobarError, type ErrorCode, IsobarError, isErrorCode } from '../errors.ts';
import { pathOf } from './base-path.ts';
import { clientOf } from './client.ts';
import type { ApiContext } from './context.ts';
import type { Problem } from './schemas.ts';

export const PROBLEM_TYPE = 'application/problem+json';
/** Faults of this server: callers can do nothing with the text, which may be the engine's own. */
const HIDDEN: ReadonlySet<ErrorCode> = new Set(['INTERNAL', 'QUERY_FAILED']);

/** Answers with the error; what is unexpected goes to people's log, not to the caller. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { logger, config }: Pick<ApiContext, 'logger' | 'config'>,
  format: (problem: Problem) => { readonly type: string; readonly body: string } = asJson,
): FastifyReply {
  const known = translate(error);
  if (HIDDEN.has(known.code)) {
    logger.error(
      { err: error, path: pathOf(request.originalUrl).slice(0, 256), client: clientOf(request) },
      'answering a request: it failed',
    );
  }
  const problem = formatProblem(known, request.originalUrl, config.base_path);
  // Fastify closes after a body that is too large; HTTP/2 has no such header.
  if (request.raw.httpVersionMajor === 2) reply.removeHeader('connection');
  const { retryAfterS = known.row.retryable ? 2 : null } = known.details;
  if (retryAfterS !== null) reply.header('retry-after', String(retryAfterS));
  const { type, body } = format(problem);
  return reply.code(problem.status).header('cache-control', 'no-store').type(type).send(body);
}

function asJson(problem: Problem) {
  return { type: PROBLEM_TYPE, body: JSON.stringify(problem) };
}

export function formatProblem(error: IsobarError, url: string, basePath: string): Problem {
  const { status, message, remedy } = error.row;
  const field = error.details.field;
  return {
    type: `${basePath}/docs#${error.code}`,
    title: message,
    status,
    detail: HIDDEN.has(error.code) ? 'The log of the server has the details.' : error.message,
    code: error.code,
    instance: pathOf(url).slice(0, 256),
    remedy,
    ...(typeof field === 'string' ? { field } : {}),
  };
}

/**
 * Fastify's errors → ours: bodies that are too large → REQUEST_TOO_LARGE; every other 4xx →
 * REQUEST_INVALID; the rest is INTERNAL. Its texts are for developers and stay here.
 */
function translate(error: unknown): IsobarError {
  if (isErrorCode(error, 'QUERY_INVALID')) {
    // Callers give no SQL, so it is ours that is wrong.
    return new IsobarError('QUERY_FAILED', 'the query of this address', { cause: error });
  }
  if (error instanceof IsobarError) return error;
  const { statusCode, code } = error as Partial<FastifyError>;
  if (statusCode === 413 || code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new IsobarError('REQUEST_TOO_LARGE', 'the body is too large', { cause: error });
  }
  if (code === 'FST_ERR_BAD_URL') {
    const text = 'the path has a % that is not followed by the two digits of a UTF-8 byte';
    return new IsobarError('REQUEST_INVALID', text, { cause: error });
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    const text = 'the request cannot be read';
    return new IsobarError('REQUEST_INVALID', text, { cause: error });
  }
  return asIsobarError(error);
}
