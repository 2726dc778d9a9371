/** An issuer over HTTP that does what a test asks: signs anything, changes its keys, fails. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { createServerWith, type Pair } from '../../../test/support/trust.ts';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  /** As PEM, as attackers have it. */
  readonly publicPem: string;
}

export interface TestIssuer extends AsyncDisposable {
  readonly url: string;
  /** What its JWKS shows; may be set. */
  keys: readonly SigningKey[];
  /** How often the JWKS was fetched. */
  readonly fetches: number;
  /** Answers instead of the issuer's own; null where it goes on itself. */
  answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  /** The answer of the token endpoint. */
  idToken: string;
}

export async function makeKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { kid, privateKey, jwk, publicPem: await exportSPKI(publicKey) };
}

/** A token that says this, signed by the key; its header may say anything. */
export async function signToken(
  claims: JWTPayload,
  key: SigningKey,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const protectedHeader = { alg: key.jwk.alg ?? 'RS256', kid: key.kid, ...header };
  return new SignJWT(claims).setProtectedHeader(protectedHeader).sign(key.privateKey);
}

/**
 * The issuer of a file of tests, which closes after them, and keys of these names; it shows the first.
 */
export async function issuerOfFile<const K extends readonly string[]>(...kids: K) {
  const made = await Promise.all(kids.map((kid) => makeKey(kid)));
  const issuer = await startIssuer(made.slice(0, 1));
  after(() => issuer[Symbol.asyncDispose]());
  return { issuer, keys: made as { [I in keyof K]: SigningKey } };
}

/** On a free port of this machine. */
export async function startIssuer(keys: readonly SigningKey[], pair?: Pair): Promise<TestIssuer> {
  const server = createServerWith(pair, (request, response) => {
    if (issuer.answer?.(request, response)) return;
    const path = request.url?.split('?')[0];
    if (path === '/jwks') {
      issuer.fetches += 1;
      send(response, { keys: issuer.keys.map(({ jwk }) => jwk) });
    } else if (path === '/.well-known/openid-configuration') send(response, discovery());
    else if (path === '/token') {
      const access = { access_token: 'opaque', token_type: 'bearer', expires_in: 60 };
      send(response, { ...access, id_token: issuer.idToken });
    } else send(response, {}, 404);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http${pair === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const discovery = () => ({
    issuer: url,
    jwks_uri: `${url}/jwks`,
    authorization_endpoint: `${url}/auth`,
    token_endpoint: `${url}/token`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
  });
  const issuer = {
    ...{ url, keys, fetches: 0, answer: null as TestIssuer['answer'], idToken: '' },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}

function send(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
