/**
 * The message as it is, by HTTP:
 *
 *     {"key": …, "kind": "opened", "incident": {…}, "url": …}
 *     Idempotency-Key: the key
 *     Isobar-Signature: t=1730383200,v1=hex(HMAC-SHA256(secret, t + "." + body))
 *
 * A receiver compares the signature, refuses a `t` that is minutes old, and takes each key once.
 */
import { createHmac } from 'node:crypto';
import type { ConfigOf } from '../../config/alert-channels.ts';
import type { Channel } from '../channel.ts';
import { type ChannelContext, channelOf } from './context.ts';
import { headerKey, openHttp } from './http.ts';

export function openWebhook(config: ConfigOf<'webhook'>, context: ChannelContext): Channel {
  const { secrets, clock } = context;
  const http = openHttp({ config, url: secrets.url, ...context });
  return channelOf(config, {
    send({ key, kind, incident, url }, signal) {
      const body = JSON.stringify({ key, kind, incident, url });
      const headers = {
        ...secrets.headers,
        'Content-Type': 'application/json',
        'Idempotency-Key': headerKey(key),
        ...(secrets.secret === '' ? {} : signatureOf(secrets.secret, clock(), body)),
      };
      return http.call({ url: secrets.url, headers, body }, signal);
    },
    check: http.connect,
  });
}

function signatureOf(secret: string, at: Date, body: string) {
  const seconds = Math.floor(at.getTime() / 1_000);
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return { 'Isobar-Signature': `t=${seconds},v1=${digest}` };
}
