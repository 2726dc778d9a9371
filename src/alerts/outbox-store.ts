/** The outbox: messages wait here, on disk, from the moment their incident changed until they are sent. */
import type { Incident, MessageKind } from '../model/alerts.ts';

export interface OutboxEntry {
  /** `AlertMessage.key`. */
  readonly key: string;
  readonly channel: string;
  readonly kind: MessageKind;
  readonly incident: Incident;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly attempts: number;
  /** Not to be sent before; milliseconds since 1970. */
  readonly nextAt: number;
}

export interface OutboxStore {
  /** Those of the channel that are due, oldest first. */
  due(channel: string, now: number, limit: number): readonly OutboxEntry[];
  sent(key: string, at: number): Promise<void>;
  /** It waits until `nextAt`; the problem is shown to operators. */
  failed(key: string, nextAt: number, problem: string): Promise<void>;
  /** It is not sent any more; the fallback channel, if there is one, gets the message instead. */
  givenUp(key: string, at: number, problem: string, fallback: string | null): Promise<void>;
}
