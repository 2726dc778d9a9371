/** SMS by Twilio, a request for each recipient. */
import type { ConfigOf } from '../../config/alert-channels.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { smsText } from '../sms-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { headerKey, openHttp } from './http.ts';
import { oneByOne, openRecipients } from './recipients.ts';

export function openTwilio(config: ConfigOf<'twilio'>, context: ChannelContext): Channel {
  const { account, from, to } = config;
  const http = openHttp({ config, ...context, url: config.url });
  const recipients = openRecipients();
  const base = `${config.url.replace(/\/+$/, '')}/2010-04-01/Accounts/${account}`;
  const encoded = Buffer.from(`${account}:${context.secrets.token}`).toString('base64');
  const headers = { Authorization: `Basic ${encoded}` };
  const sender = from.startsWith('MG') ? { MessagingServiceSid: from } : { From: from };
  return channelOf(config, {
    send: (message: AlertMessage, signal) =>
      recipients.deliver(
        message.key,
        to,
        oneByOne((recipient) => {
          const body = new URLSearchParams({
            To: recipient,
            ...sender,
            Body: smsText(textOf(context, message)),
          }).toString();
          const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
          const key = { 'Idempotency-Key': headerKey(`${message.key}.${recipient}`) };
          const request = {
            url: `${base}/Messages.json`,
            headers: { ...headers, ...type, ...key },
          };
          return http.call({ ...request, body }, signal);
        }),
      ),
    check: (signal) => http.call({ method: 'GET', url: `${base}.json`, headers }, signal),
  });
}
