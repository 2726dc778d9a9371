/** A real HTTP server in the place of a receiver of OTLP, for tests. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServerWith, type Pair } from '../../../test/support/trust.ts';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  /** By their keys, as numbers, texts and booleans. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status?: { readonly code: number };
}

export interface TestReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  readonly resources: Readonly<Record<string, unknown>>[];
  /** Of the requests that came whole. */
  readonly bodies: string[];
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Answers the next requests; one that does nothing never answers. */
  answer: (response: ServerResponse) => void;
}

export async function startReceiver(port = 0, pair?: Pair): Promise<TestReceiver> {
  const server = createServerWith(pair, async (request, response) => {
    response.on('error', () => {});
    receiver.requests.push({ path: request.url ?? '', headers: request.headers });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    receiver.bodies.push(body);
    receiver.answer(response);
    if (response.statusCode !== 200) return;
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      receiver.resources.push(readAttributes(resource.attributes));
      for (const span of scopeSpans.flatMap(({ spans }: { spans: Attributed[] }) => spans)) {
        receiver.spans.push({ ...span, attributes: readAttributes(span.attributes) });
      }
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const receiver: TestReceiver = {
    url: `http${pair === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    resources: [],
    bodies: [],
    requests: [],
    answer: (response) => response.writeHead(200, JSON_TYPE).end('{}'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

const JSON_TYPE = { 'content-type': 'application/json' };

interface Attributed {
  readonly attributes: readonly Attribute[];
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

function readAttributes(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      'intValue' in value ? Number(value.intValue) : Object.values(value)[0],
    ]),
  );
}
