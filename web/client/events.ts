/** The event stream: one connection, reopened when lost, closed while hidden or paused. */
import type { ObservationEvent } from '../../src/api/status-schemas.ts';
import type { StreamState } from '../header/connection.ts';

export interface StreamHandlers {
  /** Several at once when they come fast; at most once for each drawn frame. */
  onObservations(events: readonly ObservationEvent[]): void;
  /** There is a new version of the table or of the analytics. */
  onVersion(): void;
  /** A room's state has changed. */
  onStatus(): void;
  /** What was missed cannot be sent: everything has to be fetched again. */
  onReset(): void;
  onState(state: StreamState): void;
}

export interface Stream {
  /** Goes on where it was, or at this position when it never was anywhere. */
  open(position: string | null): void;
  close(): void;
}

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

export function createStream(handlers: StreamHandlers): Stream {
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let delay = RETRY_MS_MIN;
  let position: string | null = null;
  let queue: ObservationEvent[] = [];

  function connect(): void {
    const query = position === null ? '' : `?since=${encodeURIComponent(position)}`;
    const opened = new EventSource(`api/events${query}`);
    source = opened;
    opened.onopen = () => {
      delay = RETRY_MS_MIN;
      handlers.onState('open');
    };
    opened.onerror = () => {
      handlers.onState('lost');
      // The browser's own retrying ends at an error status; ours goes on.
      opened.close();
      retry = setTimeout(connect, delay);
      delay = Math.min(RETRY_MS_MAX, delay * 2);
    };
    listen(opened, 'observation', (data) => {
      queue.push(data as ObservationEvent);
      if (queue.length === 1) requestAnimationFrame(flush);
    });
    listen(opened, 'version', () => handlers.onVersion());
    listen(opened, 'status', () => handlers.onStatus());
    listen(opened, 'reset', () => handlers.onReset());
  }

  function listen(opened: EventSource, name: string, handle: (data: unknown) => void): void {
    opened.addEventListener(name, (event: MessageEvent<string>) => {
      if (event.lastEventId !== '') position = event.lastEventId;
      let data: unknown;
      try {
        data = JSON.parse(event.data);
      } catch {
        // Something between here and the server changed it: what it said is asked for.
        handlers.onReset();
        return;
      }
      handle(data);
    });
  }

  function flush(): void {
    const events = queue;
    queue = [];
    if (events.length > 0) handlers.onObservations(events);
  }

  return {
    open(start) {
      if (source !== null) return;
      position ??= start;
      handlers.onState('connecting');
      connect();
    },
    close() {
      clearTimeout(retry);
      source?.close();
      source = null;
    },
  };
}
