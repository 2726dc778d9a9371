/**
 * A channel: where messages about incidents go. It sends one message at a time; the outbox calls it,
 * repeats what failed, and gives up.
 */
import type { Incident, MessageKind } from '../model/alerts.ts';

export interface AlertMessage {
  /**
   * The same for every attempt to send it, whichever process makes it. A receiver that honours it
   * takes the message once.
   */
  readonly key: string;
  readonly kind: MessageKind;
  /** The incident when the message was made. */
  readonly incident: Incident;
  /** Address of the incident on the page; null when `alerts.page_url` is not set. */
  readonly url: string | null;
}

export interface Channel extends AsyncDisposable {
  /** Its name in the configuration. */
  readonly name: string;
  /** `email`, `slack`, … */
  readonly type: string;
  /**
   * How often an open incident has to be sent to it again, or the receiver takes it for over; null
   * when once is enough. A message that a later one of the incident replaces need not be sent.
   */
  readonly resendEverySeconds: number | null;
  /**
   * Resolves once the receiver has accepted the message. Rejects with CHANNEL_UNAVAILABLE when a
   * later attempt may succeed (no connection, timeout, 408, 425, 429, 5xx, SMTP 4yz), and with
   * CHANNEL_REFUSED when it will not (wrong credentials, unknown recipient, other 4xx, SMTP 5yz).
   * The text names the channel and the receiver's reason, never a secret. `details.retryAfterMs` is
   * how long the receiver wants not to be asked again, if it says so. An attempt has a limit of its
   * own; when the signal aborts, it ends and rejects with the signal's reason.
   */
  send(message: AlertMessage, signal: AbortSignal): Promise<void>;
  /** Connects and logs in where the protocol allows it without sending; rejects as `send` does. */
  check(signal: AbortSignal): Promise<void>;
}
