/** A real OpenID Connect provider (`oidc-provider`) on a free port, where a user is logged in at once. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';

export const CLIENT = { id: 'isobar', secret: 'a secret that the provider knows' } as const;

/** Settings with which isobar logs in at this provider. */
export function signOnSettings({ issuer }: TestProvider): Readonly<Record<string, string>> {
  return {
    'api.auth.mode': 'oidc',
    'api.auth.roles': 'weather=operator',
    'api.auth.oidc.issuer': issuer,
    'api.auth.oidc.client_id': CLIENT.id,
    'api.auth.oidc.client_secret': CLIENT.secret,
  };
}

export interface TestProvider extends AsyncDisposable {
  readonly issuer: string;
  /** Who logs in next, with the claims of that user; null: the user turns back. May be set. */
  user: (Readonly<Record<string, unknown>> & { readonly sub: string }) | null;
  /** Lets this page in, from now on with a new key; until then every request is answered 503. */
  register(page: string): Promise<void>;
  /** Goes away, and comes back with the second call. */
  setAway(away: boolean): void;
}

export async function startProvider(): Promise<TestProvider> {
  const unavailable: RequestListener = (_, response) => response.writeHead(503).end();
  let handler: RequestListener = unavailable;
  let away = false;
  const server = createServer((request, response) => {
    void (away ? unavailable : handler)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let keys = 0;

  const started: TestProvider = {
    issuer,
    user: { sub: 'user-1' },
    async register(page) {
      keys += 1;
      const { privateKey } = await generateKeyPair('RS256', { extractable: true });
      const jwk = { ...(await exportJWK(privateKey)), kid: `key-${keys}`, use: 'sig' };
      const provider = new Provider(
        issuer,
        configure(page, jwk, () => started.user),
      );
      const answer = provider.callback();
      handler = async (request, response) => {
        if (request.url?.startsWith('/interaction/') !== true) return answer(request, response);
        // What a form with name and password comes to.
        const details = await provider.interactionDetails(request, response);
        const { user } = started;
        const result =
          user === null
            ? { error: 'access_denied' }
            : { login: { accountId: user.sub }, consent: {} };
        const { grantId } = details;
        if (user !== null && details.prompt.name === 'consent' && grantId === undefined) {
          const grant = new provider.Grant({ accountId: user.sub, clientId: CLIENT.id });
          grant.addOIDCScope('openid profile');
          Object.assign(result, { consent: { grantId: await grant.save() } });
        }
        await provider.interactionFinished(request, response, result);
      };
    },
    setAway(now) {
      away = now;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return started;
}

function configure(page: string, jwk: JWK, user: () => TestProvider['user']): Configuration {
  return {
    jwks: { keys: [jwk as never] },
    cookies: { keys: ['a key of the test'] },
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [`${page}/api/oidc/callback`],
        post_logout_redirect_uris: [`${page}/`],
        backchannel_logout_uri: `${page}/api/oidc/logout`,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        // Without the question, as with a form that is sent at once.
        logoutSource: (ctx, form) => {
          ctx.body = form;
        },
      },
    },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...user(), sub }) }),
    pkce: { required: () => true },
    // Its own refuses addresses of this machine.
    fetch: (url, { dispatcher: _, ...options }: object & { dispatcher?: unknown } = {}) =>
      fetch(url, options),
    ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 60, IdToken: 600 },
  };
}
