/** A service over HTTP on this machine, whose answers a test chooses; and readings of probes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServerWith, type Pair } from '../../../test/support/trust.ts';
import type { EngineKind, FigureValues } from '../../model/engine-figures.ts';
import type { EngineProbe } from '../engine-probe.ts';

export interface TestService extends AsyncDisposable {
  readonly url: string;
  /** Paths that were asked for, with their queries. */
  readonly asked: string[];
  /** May be set. An object is sent as JSON, a text as it is. */
  answer: (path: string, response: ServerResponse, request: IncomingMessage) => unknown;
}

export async function startService(
  answer: TestService['answer'],
  pair?: Pair,
): Promise<TestService> {
  const server = createServerWith(pair, (request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    service.asked.push(path);
    const value = service.answer(path, response, request);
    if (value === undefined || response.writableEnded) return;
    response.end(typeof value === 'string' ? value : JSON.stringify(value));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const service: TestService = {
    url: `http${pair === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return service;
}

export interface TestProbe<K extends EngineKind> extends EngineProbe<K> {
  /** May be set. */
  next: (signal: AbortSignal) => Promise<Partial<FigureValues<K>>>;
  reads: number;
  closed: boolean;
}

/** A probe whose readings a test chooses; figures that it leaves out are null. */
export function testProbe<K extends EngineKind>(
  kind: K,
  names: readonly string[],
  next: TestProbe<K>['next'],
): TestProbe<K> {
  const probe: TestProbe<K> = {
    kind,
    address: `test:${kind}`,
    next,
    reads: 0,
    closed: false,
    async read(signal) {
      probe.reads += 1;
      const given = await probe.next(signal);
      const none = Object.fromEntries(names.map((name) => [name, null]));
      return { figures: { ...none, ...given } as FigureValues<K>, parts: [] };
    },
    async [Symbol.asyncDispose]() {
      probe.closed = true;
    },
  };
  return probe;
}
