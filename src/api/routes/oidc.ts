/** `/api/oidc/login`, `/api/oidc/callback`: there and back; `/api/oidc/logout`: the provider's own word. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SingleSignOn } from '../../access/oidc.ts';
import { IsobarError } from '../../errors.ts';
import { type ApiAccess, setCookie, setToken, tokenOf } from '../access.ts';
import { queryOf } from '../base-path.ts';
import { clientOf, visitorOf } from '../client.ts';
import type { ApiContext } from '../context.ts';
import { formatProblemPage } from '../login-page.ts';
import { ownPath } from '../own-path.ts';
import { sendProblem } from '../problem.ts';
import { NoQuerySchema, type OidcLoginQuery, OidcLoginQuerySchema } from '../query-schemas.ts';
import { type Server, sendNow } from '../server.ts';

const CALLBACK = '/api/oidc/callback';
const TICKET_COOKIE = '__Host-isobar-login';
const TICKET_PATTERN = new RegExp(`(?:^|;\\s*)${TICKET_COOKIE}=([\\w.-]{1,4000})(?:;|$)`);
const BODY_BYTES_MAX = 16 * 1_024;

type Given = ApiAccess & { readonly oidc: SingleSignOn };

export function addOidcRoutes(app: FastifyInstance, { context }: Server): void {
  const { config } = context;
  const options = {
    exposeHeadRoute: false,
    errorHandler(error: unknown, request: FastifyRequest, reply: FastifyReply) {
      request.failure = error;
      const isPage = request.headers.accept?.includes('text/html') === true;
      const format = (problem: Parameters<typeof formatProblemPage>[0]) =>
        formatProblemPage(problem, config.base_path);
      sendProblem(error, request, reply, context, isPage ? format : undefined);
    },
  };

  const login = { ...options, schema: { querystring: OidcLoginQuerySchema } };
  app.get<{ Querystring: OidcLoginQuery }>('/api/oidc/login', login, async (request, reply) => {
    const { oidc } = demandOidc(context);
    refuseForeignStart(request);
    const to = ownPath(request.query.to ?? '/');
    const page = pageAddress(request, config);
    const { url, ticket, ticketS } = await oidc.begin(`${page.replace(/\/$/, '')}${CALLBACK}`, to);
    setCookie(reply, TICKET_COOKIE, ticket, ticketS);
    return reply.header('cache-control', 'no-store').redirect(url, 303);
  });

  // Providers may add parameters that are not known here.
  app.get(CALLBACK, options, async (request, reply) => {
    const given = demandOidc(context);
    const ticket = TICKET_PATTERN.exec(request.headers.cookie ?? '')?.[1] ?? '';
    // It is good for one answer, whatever that is.
    setCookie(reply, TICKET_COOKIE, null);
    const to = await logInBy(given, ticket, request, reply);
    return reply.header('cache-control', 'no-store').redirect(`${config.base_path}${to}`, 303);
  });

  app.register(async (inner) => addBackChannel(inner, context));
}

/** Resolves with where to go on. */
async function logInBy(
  { access, audit, oidc }: Given,
  ticket: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  const visitor = visitorOf(request);
  const from = visitor.address;
  const note = (who: string | null, target: string | null, error: unknown) =>
    audit.record({ who, from, action: 'login', target, error });
  const finished = await oidc.finish(queryOf(request.url), ticket).catch(async (error: unknown) => {
    const { who = null, begun } = (error as IsobarError).details ?? {};
    // Whoever has begun no login could fill the file otherwise.
    if (begun !== false) await note(typeof who === 'string' ? who : null, 'oidc', error);
    throw error;
  });
  const { identity, to } = finished;
  const { token } = await access.admit(identity, visitor);
  await note(identity.name, `oidc ${identity.subject}`, null);
  // Never the session that the browser had before.
  const before = tokenOf(request);
  if (before !== null) await access.logout(before);
  setToken(reply, token);
  return to;
}

/** Sent by the provider itself, which proves it by its signature. */
function addBackChannel(app: FastifyInstance, context: ApiContext): void {
  app.removeAllContentTypeParsers();
  const type = 'application/x-www-form-urlencoded';
  const options = { parseAs: 'string', bodyLimit: BODY_BYTES_MAX } as const;
  app.addContentTypeParser(type, options, (_, body, done) => done(null, String(body)));
  const schema = { querystring: NoQuerySchema };
  app.post('/api/oidc/logout', { schema }, async (request, reply) => {
    const { access, audit, oidc } = demandOidc(context);
    const token = new URLSearchParams(String(request.body ?? '')).get('logout_token');
    if (token === null) {
      throw new IsobarError('REQUEST_INVALID', `expected a form (${type}) with logout_token`);
    }
    const ended = await oidc.ended(token);
    const count = await access.endProviderSessions(context.config.auth.oidc.issuer, ended);
    const target = `${count} sessions of ${ended.subject ?? ended.providerSession}`;
    const entry = { who: null, from: clientOf(request), action: 'oidc logout', target };
    await audit.record({ ...entry, error: null });
    return sendNow(reply, { data: { ended: count } });
  });
}

function demandOidc({ access }: ApiContext): Given {
  if (access?.oidc) return { ...access, oidc: access.oidc };
  throw new IsobarError('NOT_FOUND', 'this server has no single sign-on');
}

/** Another site must not have a browser begin what its user has not asked for. */
function refuseForeignStart({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  throw new IsobarError('REQUEST_REFUSED', 'a login begins on the page of this server');
}

/** The page as the browser reaches it: `https://weather.example.org/weather/`. */
export function pageAddress(request: FastifyRequest, config: ApiContext['config']): string {
  const { page_url } = config.auth.oidc;
  const address = page_url || `${request.protocol}://${request.host}${config.base_path}`;
  return address.endsWith('/') ? address : `${address}/`;
}
