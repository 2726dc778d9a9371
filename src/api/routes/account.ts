/** `/api/password`, `/api/sessions`, `/api/end-sessions`: what users do with their own account. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Account } from '../../access/account.ts';
import { IsobarError } from '../../errors.ts';
import { setToken, tokenOf } from '../access.ts';
import {
  EndSessionsBodySchema,
  PasswordBodySchema,
  type SessionsAnswer,
} from '../access-schemas.ts';
import { visitorOf } from '../client.ts';
import type { ApiContext } from '../context.ts';
import { demandBody } from '../json-body.ts';
import { type EndSessionsQuery, EndSessionsQuerySchema, NoQuerySchema } from '../query-schemas.ts';
import { parseAllowedHosts, refuseOtherSites } from '../security.ts';
import { type Server, sendNow } from '../server.ts';
import { sessionAnswer } from '../session-answer.ts';

/** In a context that takes JSON. What was done is noted as every change is, without what was sent. */
export function addAccountRoutes(app: FastifyInstance, { context }: Server): void {
  const names = parseAllowedHosts(context.config.allowed_hosts);
  const schema = { querystring: NoQuerySchema };

  app.post('/api/password', { schema }, async (request, reply) => {
    refuseOtherSites(request, names);
    const { account, token } = demandSession(context, request);
    const expected = '{"old_password": "…", "new_password": "…"}';
    const body = demandBody(request, PasswordBodySchema, expected);
    const change = { oldPassword: body.old_password, newPassword: body.new_password };
    const changed = await account.changePassword(token, change, visitorOf(request));
    setToken(reply, changed.token);
    return sendNow(reply, sessionAnswer(context, changed.principal));
  });

  app.get('/api/sessions', { schema }, (request, reply) => {
    const { account, token } = demandSession(context, request);
    const answer: SessionsAnswer = { data: [...account.sessions(token)] };
    return sendNow(reply, answer);
  });

  const ending = { schema: { querystring: EndSessionsQuerySchema } };
  app.post<{ Querystring: EndSessionsQuery }>(
    '/api/end-sessions',
    ending,
    async (request, reply) => {
      refuseOtherSites(request, names);
      const { account, token } = demandSession(context, request);
      const body = demandBody(request, EndSessionsBodySchema, '{"password": "…"}');
      const what = { session: request.query.session ?? null, password: body.password ?? null };
      const ended = await account.endOthers(token, what, visitorOf(request));
      return sendNow(reply, { data: { ended } });
    },
  );
}

function demandSession(
  { access }: ApiContext,
  request: FastifyRequest,
): { readonly account: Account; readonly token: string } {
  const token = tokenOf(request);
  // A cookie beside the login that a proxy passes on does not count.
  if (access === null || access.proxied || token === null) {
    throw new IsobarError('NOT_FOUND', 'this server keeps no sessions');
  }
  return { account: access.access.account, token };
}
