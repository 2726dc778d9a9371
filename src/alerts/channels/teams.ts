/**
 * Microsoft Teams: an adaptive card for a workflow that posts what a webhook receives. All texts are
 * runs of rich text, in which no Markdown means anything. A message has 28 KiB at most.
 */
import type { ConfigOf } from '../../config/alert-channels.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { cut } from '../escape.ts';
import type { MessageText } from '../message-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { openHttp } from './http.ts';

const TEXT_MAX = 500;

type Colour = 'Attention' | 'Warning' | 'Accent' | 'Good';
const COLOURS = { critical: 'Attention', warning: 'Warning', info: 'Accent' } as const;

export function openTeams(config: ConfigOf<'teams'>, context: ChannelContext): Channel {
  const { url } = context.secrets;
  const http = openHttp({ config, url, ...context });
  return channelOf(config, {
    send(message: AlertMessage, signal) {
      const { kind, incident, key } = message;
      const colour = kind === 'resolved' ? 'Good' : COLOURS[incident.severity];
      return http.postJson(url, teamsBody(textOf(context, message), colour), key, signal);
    },
    check: http.connect,
  });
}

export function teamsBody(text: MessageText, color: Colour): object {
  const { warning, facts, evidence, acknowledge, url } = text;
  const card = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    body: [
      block([{ text: text.subject, weight: 'Bolder', size: 'Large', color }]),
      ...(warning === null ? [] : [block([{ text: warning, weight: 'Bolder' }])]),
      block([{ text: text.summary }]),
      ...facts.map(([name, value]) =>
        block([{ text: `${name}: `, weight: 'Bolder' }, { text: value }]),
      ),
      ...(evidence.length === 0 ? [] : [block([{ text: 'Values:', weight: 'Bolder' }])]),
      ...evidence.map((one) => block([{ text: one }])),
      ...(acknowledge === null ? [] : [block([{ text: `Acknowledge: ${acknowledge}` }])]),
    ],
    actions: url === null ? [] : [{ type: 'Action.OpenUrl', title: 'Open the incident', url }],
  };
  return {
    type: 'message',
    attachments: [
      { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card },
    ],
  };
}

interface Run {
  readonly text: string;
  readonly weight?: string;
  readonly size?: string;
  readonly color?: string;
}

function block(runs: readonly Run[]): object {
  return {
    type: 'RichTextBlock',
    spacing: 'Small',
    inlines: runs.map((run) => ({ type: 'TextRun', ...run, text: cut(run.text, TEXT_MAX) })),
  };
}
