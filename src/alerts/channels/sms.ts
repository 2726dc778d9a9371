/** SMS by a gateway of any kind, a request for each recipient. */
import type { ConfigOf } from '../../config/alert-channels.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { smsText } from '../sms-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { headerKey, openHttp } from './http.ts';
import { oneByOne, openRecipients } from './recipients.ts';

interface Filling {
  readonly to: string;
  readonly text: string;
  readonly key: string;
}

export function openSms(config: ConfigOf<'sms'>, context: ChannelContext): Channel {
  const { url, headers, key } = context.secrets;
  const http = openHttp({ config, url, ...context });
  const recipients = openRecipients();
  return channelOf(config, {
    send: (message: AlertMessage, signal) =>
      recipients.deliver(
        message.key,
        config.to,
        oneByOne((to) => {
          const { type, body } = smsBody(config, {
            to,
            text: smsText(textOf(context, message)),
            key,
          });
          const request = {
            method: config.method,
            url,
            headers: {
              ...headers,
              'Content-Type': type,
              'Idempotency-Key': headerKey(`${message.key}.${to}`),
            },
            body,
          };
          return http.call(request, signal);
        }),
      ),
    check: http.connect,
  });
}

/** The fields are filled in before they are encoded, so that no text can leave its field. */
export function smsBody(
  { format, body }: Pick<ConfigOf<'sms'>, 'format' | 'body'>,
  filling: Filling,
): { readonly type: string; readonly body: string } {
  const filled = fill(body, filling);
  if (format === 'json') return { type: 'application/json', body: JSON.stringify(filled) };
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(filled as object)) form.set(name, String(value));
  return { type: 'application/x-www-form-urlencoded', body: form.toString() };
}

function fill(value: unknown, filling: Filling): unknown {
  if (typeof value === 'string') {
    return value.replace(/\{(to|text|key)\}/g, (_, name: keyof Filling) => filling[name]);
  }
  if (Array.isArray(value)) return value.map((one) => fill(one, filling));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, filling)]));
}
