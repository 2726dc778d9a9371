/** Bodies of JSON: only a few addresses take one, each in a context of its own. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { IsobarError } from '../errors.ts';

const BYTES_MAX = 16 * 1_024;

/** The addresses of this context take a body of JSON, and of nothing else. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'string', bodyLimit: BYTES_MAX } as const;
  app.addContentTypeParser('application/json', options, (_, body, done) => {
    done(null, parseJson(String(body)));
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The body as the schema has it; throws REQUEST_INVALID for another, with what was expected. */
export function demandBody<T extends TSchema>(
  { body }: FastifyRequest,
  schema: T,
  expected: string,
): Static<T> {
  if (Value.Check(schema, body)) return body as Static<T>;
  const text = `expected a body ${expected} of type application/json`;
  throw new IsobarError('REQUEST_INVALID', text);
}
