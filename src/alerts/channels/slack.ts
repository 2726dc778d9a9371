/**
 * Slack: blocks of plain text, in which no markup means anything; only the link is markup, and it is
 * ours. Limits: 150 characters in a header, 3,000 in a text, 2,000 in a field, 10 fields.
 */
import type { ConfigOf } from '../../config/alert-channels.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { cut, escapeSlack } from '../escape.ts';
import type { MessageText } from '../message-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { openHttp } from './http.ts';

const HEADER_MAX = 150;
const TEXT_MAX = 3_000;
const FIELD_MAX = 2_000;
const FIELDS_MAX = 10;

export function openSlack(config: ConfigOf<'slack'>, context: ChannelContext): Channel {
  const { url } = context.secrets;
  const http = openHttp({ config, url, ...context });
  return channelOf(config, {
    send: (message: AlertMessage, signal) =>
      http.postJson(url, slackBody(textOf(context, message)), message.key, signal),
    check: http.connect,
  });
}

export function slackBody(text: MessageText): object {
  const { facts, evidence, acknowledge } = text;
  const fields = Array.from({ length: Math.ceil(facts.length / FIELDS_MAX) }, (_, at) => ({
    type: 'section',
    fields: facts
      .slice(at * FIELDS_MAX, (at + 1) * FIELDS_MAX)
      .map(([name, value]) => plain(`${name}: ${value}`, FIELD_MAX)),
  }));
  return {
    // What notifications show.
    text: cut(text.subject, TEXT_MAX, escapeSlack),
    mrkdwn: false,
    unfurl_links: false,
    blocks: [
      { type: 'header', text: plain(text.subject, HEADER_MAX) },
      ...(text.warning === null ? [] : [section(text.warning)]),
      section(text.summary),
      ...fields,
      ...(evidence.length === 0 ? [] : [section(`Values:\n${evidence.join('\n')}`)]),
      ...(text.url === null ? [] : [linkTo(text.url)]),
      ...(acknowledge === null
        ? []
        : [{ type: 'context', elements: [plain(`Acknowledge: ${acknowledge}`, TEXT_MAX)] }]),
    ],
  };
}

const plain = (text: string, max: number) => ({
  type: 'plain_text',
  text: cut(text, max, escapeSlack),
  emoji: false,
});
const section = (text: string) => ({ type: 'section', text: plain(text, TEXT_MAX) });

function linkTo(url: string): object {
  const target = escapeSlack(url.replaceAll('|', '%7C'));
  return { type: 'section', text: { type: 'mrkdwn', text: `<${target}|Open the incident>` } };
}
