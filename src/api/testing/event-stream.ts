/** The stream of events, as a browser follows it, for this room's tests. */
import assert from 'node:assert/strict';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { waitFor } from './api.ts';

export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the data.
  readonly data: any;
}

export interface Stream {
  readonly events: StreamEvent[];
  readonly comments: string[];
  readonly response: IncomingMessage;
  readonly ended: Promise<void>;
  /** The first event of this kind that fits, waited for. */
  next(event: string, fits?: (event: StreamEvent) => boolean): Promise<StreamEvent>;
  close(): void;
}

/** Follows the events as a browser does. */
export async function openStream(
  address: string,
  query = '',
  lastEventId: string | null = null,
  more: Readonly<Record<string, string>> = {},
): Promise<Stream> {
  const headers = { ...more, ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }) };
  let request: ClientRequest | null = null;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request = get(`${address}/api/events${query}`, { headers }, resolve).on('error', reject);
  });
  const events: StreamEvent[] = [];
  const comments: string[] = [];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => line.split(/: (.*)/s, 2)) as [string, string][],
      );
      const data = fields.get('data');
      if (data === undefined) comments.push(block);
      else
        events.push({
          id: fields.get('id') ?? '',
          event: fields.get('event') ?? '',
          data: JSON.parse(data),
        });
    }
  });
  response.on('error', () => {});
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  return {
    events,
    comments,
    response,
    ended,
    async next(event, fits = () => true) {
      const found = await waitFor(`${event} among ${JSON.stringify(events)}`, () =>
        events.find((one) => one.event === event && fits(one)),
      );
      assert.ok(found);
      return found;
    },
    close: () => request?.destroy(),
  };
}
