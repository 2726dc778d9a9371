/** What every engine gets besides its own configuration. */
import type { ChannelConfig } from '../../config/alert-channels.ts';
import type { ChannelSecrets } from '../../config/channel-secrets.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { type MessageText, messageText } from '../message-text.ts';

export interface ChannelContext {
  readonly secrets: ChannelSecrets;
  readonly clock: () => Date;
  /** The time zone of a city; null when it is not known. */
  readonly timeZoneOf: (cityId: string) => string | null;
}

export function textOf({ timeZoneOf }: ChannelContext, message: AlertMessage): MessageText {
  const { city_id } = message.incident;
  return messageText(message, city_id === null ? null : timeZoneOf(city_id));
}

/** A channel that holds nothing between two messages. */
export function channelOf(
  { name, type }: Pick<ChannelConfig, 'name' | 'type'>,
  { send, check }: Pick<Channel, 'send' | 'check'>,
  resendEverySeconds: number | null = null,
): Channel {
  return { name, type, resendEverySeconds, send, check, async [Symbol.asyncDispose]() {} };
}
