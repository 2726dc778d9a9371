/** The two errors of a channel, and the network's reasons in words. */

import { IsobarError } from '../../errors.ts';
import { certificateReason } from '../../fetching.ts';
import { oneLine } from '../../printable.ts';
import { maskSecrets } from '../../secrets.ts';
import { cut } from '../escape.ts';

const REASON_MAX = 300;

/** Whose errors they are, and what must not be in them. */
export interface Speaker {
  /** Name of the channel. */
  readonly name: string;
  /** Where it sends to, without secrets: `mail.example.org:587`. */
  readonly receiver: string;
  readonly hidden: readonly string[];
}

export function unavailable(speaker: Speaker, reason: string, retryAfterMs?: number): IsobarError {
  return errorOf('CHANNEL_UNAVAILABLE', speaker, reason, { retryAfterMs });
}

export function refused(speaker: Speaker, reason: string): IsobarError {
  return errorOf('CHANNEL_REFUSED', speaker, reason, {});
}

function errorOf(
  code: 'CHANNEL_UNAVAILABLE' | 'CHANNEL_REFUSED',
  { name, receiver, hidden }: Speaker,
  reason: string,
  { retryAfterMs }: { readonly retryAfterMs?: number | undefined },
): IsobarError {
  // Masked before it is cut: half a secret would not be found.
  const text = cut(oneLine(maskSecrets(reason, hidden)), REASON_MAX);
  const wanted = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new IsobarError(code, `channel ${name}: ${receiver}: ${text}`, {
    details: { channel: name, ...wanted },
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'a host of this name was not found',
  EAI_AGAIN: 'the name of the host cannot be looked up at present',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  ETIMEDOUT: 'the host did not answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'the host did not answer in time',
};

/** The reason in words, by the first code that is known among the error and its causes. */
export function networkReason(error: unknown): string {
  const codes: string[] = [];
  const collect = (found: unknown, depth: number): void => {
    if (typeof found !== 'object' || found === null || depth > 4) return;
    const { code, originalCode, cause, errors } = found as {
      readonly code?: unknown;
      /** That of the system, where nodemailer has put its own in its place. */
      readonly originalCode?: unknown;
      readonly cause?: unknown;
      readonly errors?: unknown;
    };
    for (const one of [originalCode, code]) if (typeof one === 'string') codes.push(one);
    collect(cause, depth + 1);
    if (Array.isArray(errors)) for (const one of errors) collect(one, depth + 1);
  };
  collect(error, 0);
  const certificate = codes.map(certificateReason).find((reason) => reason !== null);
  if (certificate !== undefined) return certificate;
  const known = codes.find((code) => REASONS[code] !== undefined);
  if (known !== undefined) return REASONS[known] ?? '';
  return `the connection failed${codes.length === 0 ? '' : ` (${codes.join(', ')})`}`;
}
