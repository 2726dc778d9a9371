/**
 * ntfy: a message as JSON, sent to the server's root with the topic in it. A message above 4,096 bytes
 * would become an attachment.
 */
import type { ConfigOf } from '../../config/alert-channels.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { cutBytes } from '../escape.ts';
import { plainText } from '../message-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { headerKey, openHttp } from './http.ts';
import { refused } from './refusal.ts';

const TITLE_BYTES_MAX = 250;
const MESSAGE_BYTES_MAX = 4_000;
/** From 1 to 5; 3 is usual. */
const PRIORITIES = { critical: 5, warning: 4, info: 3 } as const;
const TAGS = {
  critical: 'rotating_light',
  warning: 'warning',
  info: 'information_source',
} as const;

export function openNtfy(config: ConfigOf<'ntfy'>, context: ChannelContext): Channel {
  const { url, token, hidden } = context.secrets;
  const http = openHttp({ config, url, ...context });
  const { origin, pathname, host } = new URL(url);
  const [, topic = ''] = /^\/([A-Za-z0-9_-]{1,64})\/?$/.exec(pathname) ?? [];
  const headers = token === '' ? {} : { Authorization: `Bearer ${token}` };

  async function call(path: string, body: object | null, key: string, signal: AbortSignal) {
    if (topic === '') {
      const speaker = { name: config.name, receiver: host, hidden };
      throw refused(speaker, 'the address names no topic; expected https://ntfy.sh/TOPIC');
    }
    const json = { 'Content-Type': 'application/json', 'Idempotency-Key': headerKey(key) };
    await http.call(
      body === null
        ? { method: 'GET', url: origin + path, headers }
        : { url: origin + path, headers: { ...headers, ...json }, body: JSON.stringify(body) },
      signal,
    );
  }

  return channelOf(config, {
    send: (message: AlertMessage, signal) =>
      call('/', { topic, ...ntfyBody(message, context) }, message.key, signal),
    // Every request's token is looked at, this one's too.
    check: (signal) => call('/v1/health', null, '', signal),
  });
}

export function ntfyBody(message: AlertMessage, context: ChannelContext): object {
  const text = textOf(context, message);
  const { severity } = message.incident;
  const isResolved = message.kind === 'resolved';
  return {
    title: cutBytes(text.subject, TITLE_BYTES_MAX),
    message: cutBytes(plainText(text), MESSAGE_BYTES_MAX),
    priority: isResolved ? 3 : PRIORITIES[severity],
    tags: [isResolved ? 'white_check_mark' : TAGS[severity]],
    ...(text.url === null ? {} : { click: text.url }),
  };
}
