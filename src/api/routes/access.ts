/** `/api/login`, `/api/logout`, `/api/session`. */
import type { FastifyInstance } from 'fastify';
import { IsobarError } from '../../errors.ts';
import { setToken, tokenOf } from '../access.ts';
import { LoginBodySchema } from '../access-schemas.ts';
import { visitorOf } from '../client.ts';
import { acceptJson, demandBody } from '../json-body.ts';
import { NoQuerySchema } from '../query-schemas.ts';
import { parseAllowedHosts, refuseOtherSites } from '../security.ts';
import { type Server, sendNow } from '../server.ts';
import { sessionAnswer, takesPasswords } from '../session-answer.ts';
import { addAccountRoutes } from './account.ts';
import { pageAddress } from './oidc.ts';

export function addAccessRoutes(app: FastifyInstance, server: Server): void {
  const { context } = server;
  const names = parseAllowedHosts(context.config.allowed_hosts);
  const schema = { querystring: NoQuerySchema };
  const given = context.access;

  app.get('/api/session', { schema }, (request, reply) => {
    const { principal } = request;
    return sendNow(reply, sessionAnswer(context, principal));
  });

  // Their own context: only these addresses take a body.
  app.register(async (inner) => {
    acceptJson(inner);
    addAccountRoutes(inner, server);
    inner.post('/api/login', { schema }, async (request, reply) => {
      refuseOtherSites(request, names);
      if (given === null || !takesPasswords(context)) {
        throw new IsobarError('NOT_FOUND', 'this server takes no passwords');
      }
      const expected = '{"name": "…", "password": "…"}';
      const { name, password } = demandBody(request, LoginBodySchema, expected);
      const visitor = visitorOf(request);
      const login = given.access.login(name, password, visitor);
      // Another name may be a password that was typed into the wrong field.
      const who = given.access.hasUser(name) ? name : null;
      const noted = (error: unknown) =>
        given.audit.record({
          ...{ who, from: visitor.address, action: 'login', target: null },
          error,
        });
      const { token, principal } = await login.catch(async (error: unknown) => {
        await noted(error);
        throw error;
      });
      await noted(null);
      // Never the session that the browser had before.
      const before = tokenOf(request);
      if (before !== null) await given.access.logout(before);
      setToken(reply, token);
      return sendNow(reply, sessionAnswer(context, principal));
    });
  });

  app.post('/api/logout', { schema }, async (request, reply) => {
    refuseOtherSites(request, names);
    const token = tokenOf(request);
    const { access, oidc = null } = given ?? {};
    let next: string | null = null;
    if (access !== undefined && token !== null) {
      const idToken = access.idToken(token);
      await access.logout(token);
      const page = pageAddress(request, context.config);
      next = idToken === null ? null : ((await oidc?.logoutUrl(idToken, page)) ?? null);
    }
    setToken(reply, null);
    return sendNow(reply, sessionAnswer(context, null, next));
  });
}
