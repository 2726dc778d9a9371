/** A real HTTP server in the provider's place, for tests. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServerWith, type Pair } from '../../../test/support/trust.ts';

interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface TestProvider {
  readonly url: string;
  /** The addresses of the requests so far. */
  readonly requests: URL[];
  /** What the next requests get; a test that writes the answer itself returns null. */
  answer: (url: URL, request: IncomingMessage, response: ServerResponse) => Reply | null;
  stop(): Promise<void>;
}

/** By HTTPS for `localhost` with a pair, else by HTTP. */
export async function startTestProvider(pair?: Pair): Promise<TestProvider> {
  const server = createServerWith(pair, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://provider');
    provider.requests.push(url);
    response.on('error', () => {});
    // Tests have their own clock, and name this header when it matters.
    response.sendDate = false;
    const reply = provider.answer(url, request, response);
    if (reply === null) return;
    response.writeHead(reply.status ?? 200, reply.headers ?? {});
    response.end(reply.body ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const provider: TestProvider = {
    url: pair === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    requests: [],
    answer: () => ({ status: 500 }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;
}
