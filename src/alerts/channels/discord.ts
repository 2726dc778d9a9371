/**
 * Discord: one embed, with all Markdown escaped and without mentions. Limits: 2,000 characters of
 * content, 256 of a title, 2,000 of the description, 25 fields of 256 and 1,024, 6,000 in all.
 */
import type { ConfigOf } from '../../config/alert-channels.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { cut, escapeDiscord } from '../escape.ts';
import { colourOf, type MessageText } from '../message-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { openHttp } from './http.ts';

const CONTENT_MAX = 400;
const DESCRIPTION_MAX = 2_000;
const NAME_MAX = 256;
const VALUE_MAX = 250;

export function openDiscord(config: ConfigOf<'discord'>, context: ChannelContext): Channel {
  const { url } = context.secrets;
  const http = openHttp({ config, url, ...context });
  // Without it, Discord answers before it has looked at the message.
  const waiting = new URL(url);
  waiting.searchParams.set('wait', 'true');
  return channelOf(config, {
    send(message: AlertMessage, signal) {
      const body = discordBody(textOf(context, message), colourOf(message));
      return http.postJson(waiting.href, body, message.key, signal);
    },
    // The webhook describes itself.
    check: (signal) => http.call({ method: 'GET', url }, signal),
  });
}

export function discordBody(text: MessageText, color: number): object {
  const { warning, summary, facts, evidence, acknowledge, url } = text;
  const lines = [
    ...(warning === null ? [] : [warning]),
    summary,
    ...(evidence.length === 0 ? [] : ['', 'Values:', ...evidence]),
    ...(acknowledge === null ? [] : ['', `Acknowledge: ${acknowledge}`]),
  ];
  return {
    content: cut(text.subject, CONTENT_MAX, escapeDiscord),
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: 'Incident',
        ...(url === null ? {} : { url }),
        color,
        description: cut(lines.join('\n'), DESCRIPTION_MAX, escapeDiscord),
        fields: facts.map(([name, value]) => ({
          name: cut(name, NAME_MAX, escapeDiscord),
          value: cut(value, VALUE_MAX, escapeDiscord),
          inline: true,
        })),
      },
    ],
  };
}
