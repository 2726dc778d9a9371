/**
 * Alertmanager, API v2. An alert is known by its labels. It ends at `endsAt`: while the incident is
 * open that is some time after the sending, so that it has to be sent again (`resend_every`), as
 * Prometheus does; at its end it is the time of that.
 */
import type { ConfigOf } from '../../config/alert-channels.ts';
import { secondsOf } from '../../model/alerts.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { plainText } from '../message-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { headerKey, openHttp } from './http.ts';

/** Sendings that may fail in a row before an open alert ends; and the least time, in seconds. */
const RESENDS_MISSED = 4;
const LEAST_S = 300;

export function openAlertmanager(
  config: ConfigOf<'alertmanager'>,
  context: ChannelContext,
): Channel {
  const { clock, secrets } = context;
  const http = openHttp({ config, url: config.url, ...context });
  const base = config.url.replace(/\/+$/, '');
  const headers = authorizationOf(config, secrets);
  const every = secondsOf(config.resend_every);
  const channel = {
    send(message: AlertMessage, signal: AbortSignal) {
      const now = clock().getTime();
      const openUntil = now + Math.max(LEAST_S, RESENDS_MISSED * every) * 1_000;
      const { resolved_at } = message.incident;
      const end = message.kind === 'resolved' ? (resolved_at ?? now) : openUntil;
      const request = {
        url: `${base}/api/v2/alerts`,
        headers: {
          ...headers,
          'Content-Type': 'application/json',
          'Idempotency-Key': headerKey(message.key),
        },
        body: JSON.stringify([alertOf(message, new Date(end), context)]),
      };
      return http.call(request, signal);
    },
    check: (signal: AbortSignal) =>
      http.call({ method: 'GET', url: `${base}/api/v2/status`, headers }, signal),
  };
  return channelOf(config, channel, every);
}

function authorizationOf(
  { user }: ConfigOf<'alertmanager'>,
  { password, token }: ChannelContext['secrets'],
): Readonly<Record<string, string>> {
  if (token !== '') return { Authorization: `Bearer ${token}` };
  if (user === undefined) return {};
  const encoded = Buffer.from(`${user}:${password}`).toString('base64');
  return { Authorization: `Basic ${encoded}` };
}

function alertOf(message: AlertMessage, endsAt: Date, context: ChannelContext): object {
  const { incident } = message;
  const text = textOf(context, message);
  const { incident_id, city_id, city } = incident;
  return {
    labels: withoutEmpty({
      alertname: incident.rule,
      severity: incident.severity,
      // Two incidents of one rule and no city are two alerts.
      incident_id,
      city_id,
      job: 'isobar',
      simulated: incident.simulated ? 'true' : null,
    }),
    annotations: withoutEmpty({
      summary: text.subject,
      description: plainText(text),
      city: city === null ? null : (text.facts.find(([name]) => name === 'City')?.[1] ?? null),
    }),
    startsAt: incident.began_at,
    endsAt: endsAt.toISOString(),
    ...(message.url === null ? {} : { generatorURL: message.url }),
  };
}

/** Alertmanager takes no label without a value, and no text that is not UTF-8. */
function withoutEmpty(values: Readonly<Record<string, string | null>>): Record<string, string> {
  const kept = Object.entries(values).filter(
    (entry): entry is [string, string] => entry[1] !== null && entry[1] !== '',
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, value.toWellFormed()]));
}
