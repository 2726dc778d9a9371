/** A receiver on this machine that records requests and answers as it is told to. */
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServerWith, type Pair } from '../../../test/support/trust.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  /** What it does with the next requests; by default it answers 200. */
  answer: (request: Received, response: ServerResponse) => void;
}

export async function openReceiver(pair?: Pair): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServerWith(pair, async (request, response) => {
    let body = '';
    try {
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
    } catch {
      return;
    }
    const { method = '', url: path = '', headers } = request;
    const whole = { method, path, headers, body };
    received.push(whole);
    receiver.answer(whole, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http${pair === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: (_, response) => {
      response.end('ok');
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
