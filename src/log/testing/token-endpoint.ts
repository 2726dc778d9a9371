/** A token endpoint that signs what brokers can check, and that can be slow, away or unwilling. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TokenRequest {
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

export interface TokenEndpoint extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly TokenRequest[];
  /** All tokens so far. */
  readonly given: readonly string[];
  /** JSON with the public key, as brokers read it. */
  readonly keys: string;
  /** Of the tokens that are given out from now on. */
  lifetimeS: number;
  /** Answers in its own way instead. */
  answer: ((response: ServerResponse) => void) | null;
  /** Signed, for `subject`. */
  token(lifetimeS?: number): string;
}

export const ISSUER = 'https://issuer.test';
export const AUDIENCE = 'kafka';

export async function startTokenEndpoint(subject: string, port = 0): Promise<TokenEndpoint> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const requests: TokenRequest[] = [];
  const given: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { authorization } = request.headers;
    requests.push({ authorization, form: new URLSearchParams(body) });
    if (endpoint.answer !== null) return endpoint.answer(response);
    const access_token = endpoint.token();
    const answer = { access_token, token_type: 'Bearer', expires_in: endpoint.lifetimeS };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const endpoint: TokenEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    requests,
    given,
    keys: JSON.stringify({
      keys: [{ ...publicKey.export({ format: 'jwk' }), kid: '1', alg: 'RS256', use: 'sig' }],
    }),
    lifetimeS: 300,
    answer: null,
    token(lifetimeS = endpoint.lifetimeS) {
      const iat = Date.now() / 1_000;
      const claims = { iss: ISSUER, aud: AUDIENCE, sub: subject, scope: 'log' };
      const head = part({ alg: 'RS256', kid: '1', typ: 'JWT' });
      const signed = `${head}.${part({ ...claims, iat, exp: iat + lifetimeS, jti: `${iat}` })}`;
      const signature = sign('sha256', Buffer.from(signed), privateKey);
      const token = `${signed}.${signature.toString('base64url')}`;
      given.push(token);
      return token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
  return endpoint;
}
