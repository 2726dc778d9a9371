/** From an error to `application/problem+json` (RFC 9457), in this one place. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { asIsobarError, IsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Problem } from './schemas.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Answers with the error; what is unexpected goes to people's log, not to the caller. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): FastifyReply {
  const known = translate(error);
  if (known.code === 'INTERNAL' || known.code === 'QUERY_FAILED') {
    logger.error({ err: error, path: pathOf(request.url) }, 'answering a request: it failed');
  }
  const problem = formatProblem(known, request.url);
  if (known.row.retryable) reply.header('retry-after', '2');
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problem));
}

export function formatProblem(error: IsobarError, url: string): Problem {
  const { status, message, remedy } = error.row;
  const unexpected = error.code === 'INTERNAL';
  const field = error.details.field;
  return {
    type: `/docs#${error.code}`,
    title: message,
    status,
    detail: unexpected ? 'The log of the server says what.' : error.message,
    code: error.code,
    instance: pathOf(url),
    remedy,
    ...(typeof field === 'string' ? { field } : {}),
  };
}

/**
 * Fastify's errors → ours: failed validation → PARAMETER_INVALID with the field; bodies that are
 * too large → REQUEST_TOO_LARGE; every other 4xx → REQUEST_INVALID; the rest is INTERNAL.
 */
function translate(error: unknown): IsobarError {
  if (error instanceof IsobarError) return error;
  const { validation, statusCode, message, code } = error as Partial<FastifyError>;
  if (validation?.[0] !== undefined) {
    const [first] = validation;
    const extra = first.params.additionalProperty;
    const field = typeof extra === 'string' ? extra : (first.instancePath.split('/')[1] ?? '');
    const text =
      typeof extra === 'string' ? 'is no parameter of this address' : explain(first.params, first);
    return new IsobarError('PARAMETER_INVALID', `${field.slice(0, 64)}: ${text}`, {
      details: { field: field.slice(0, 64) },
    });
  }
  if (statusCode === 413 || code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new IsobarError('REQUEST_TOO_LARGE', message ?? '', { cause: error });
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new IsobarError('REQUEST_INVALID', message ?? '', { cause: error });
  }
  return asIsobarError(error);
}

function explain(
  parameters: Readonly<Record<string, unknown>>,
  rule: { readonly message?: string },
): string {
  const allowed = parameters.allowedValues;
  if (Array.isArray(allowed)) return `must be one of ${allowed.join(', ')}`;
  return rule.message ?? 'is not valid';
}

function pathOf(url: string): string {
  return url.split('?')[0]?.slice(0, 256) ?? '';
}
