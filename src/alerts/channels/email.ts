/**
 * E-mail over SMTP. Encryption is required, never only tried. The `Message-ID` is made from the key,
 * so that a mail program shows a message once that was sent twice; all later ones of an incident
 * answer the first, so that they are one thread.
 *
 *     4yz, no connection, no STARTTLS, a certificate that is not trusted    CHANNEL_UNAVAILABLE
 *     5yz, login refused                                                    CHANNEL_REFUSED
 */
import { createHash } from 'node:crypto';
import { authoritiesOf, type ConfigOf } from '../../config/alert-channels.ts';
import { IsobarError, isErrorCode } from '../../errors.ts';
import { secondsOf } from '../../model/alerts.ts';
import { within } from '../../waiting.ts';
import type { AlertMessage, Channel } from '../channel.ts';
import { plainText } from '../message-text.ts';
import { type ChannelContext, channelOf, textOf } from './context.ts';
import { htmlOf } from './email-html.ts';
import { openRecipients, type Settle } from './recipients.ts';
import { networkReason, refused, type Speaker, unavailable } from './refusal.ts';

const ANSWER_BYTES_MAX = 64 * 1024;

export async function openEmail(
  config: ConfigOf<'email'>,
  context: ChannelContext,
): Promise<Channel> {
  const { createTransport } = await import('nodemailer');
  const speaker: Speaker = {
    name: config.name,
    receiver: `${config.host}:${config.port}`,
    hidden: [...context.secrets.hidden, ...wireForms(config.user, context.secrets.password)],
  };
  const timeoutMs = secondsOf(config.timeout) * 1_000;
  const transport = createTransport(transportOptions(config, context, timeoutMs));
  const recipients = openRecipients();

  /** Ends by its own limit, or with the signal; then its connection is closed. */
  async function attempt<T>(signal: AbortSignal, run: (ending: AbortSignal) => Promise<T>) {
    signal.throwIfAborted();
    const over = new AbortController();
    const late = () => unavailable(speaker, `no answer within ${config.timeout}`);
    try {
      return await within(timeoutMs, run(over.signal), signal, late);
    } catch (error) {
      signal.throwIfAborted();
      throw translate(speaker, error);
    } finally {
      over.abort();
    }
  }

  async function sendTo(
    mail: object,
    left: readonly string[],
    settle: Settle,
    signal: AbortSignal,
  ) {
    const envelope = { from: senderOf(config), to: [...left] };
    const { accepted, rejectedErrors } = await attempt(signal, async (ending) => {
      const sent = transport.sendMail({ ...mail, envelope, signal: ending });
      return outcomeOf(await sent.catch(rejectedOnly));
    });
    for (const recipient of accepted) settle(recipient, null);
    let later: Error | undefined;
    for (const error of rejectedErrors) {
      const translated = translate(speaker, error);
      if (isErrorCode(translated, 'CHANNEL_UNAVAILABLE')) later ??= translated;
      else settle(error.recipient ?? '', translated);
    }
    if (later !== undefined) throw later;
  }

  return channelOf(config, {
    send(message, signal) {
      const mail = mailOf(config, context, message);
      return recipients.deliver(message.key, config.to, (left, settle) =>
        sendTo(mail, left, settle, signal),
      );
    },
    check: (signal) =>
      attempt(signal, async () => {
        await transport.verify();
      }),
  });
}

function transportOptions(
  config: ConfigOf<'email'>,
  { secrets }: ChannelContext,
  timeoutMs: number,
) {
  const { host, port, security, user } = config;
  const authorities = authoritiesOf(config);
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: secrets.password }, forceAuth: true }),
    tls: { minVersion: 'TLSv1.2' as const, ...(authorities && { ca: authorities }) },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    maxResponseSize: ANSWER_BYTES_MAX,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function mailOf(config: ConfigOf<'email'>, context: ChannelContext, message: AlertMessage) {
  const text = textOf(context, message);
  const first = messageId(config, `${message.incident.incident_id} ${config.name} first`);
  const isFirst = message.kind === 'opened';
  return {
    from: config.from,
    to: [...config.to],
    subject: text.subject,
    messageId: isFirst ? first : messageId(config, message.key),
    ...(isFirst ? {} : { inReplyTo: first, references: [first] }),
    date: context.clock(),
    ...(message.incident.severity === 'critical' ? { priority: 'high' as const } : {}),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    text: plainText(text),
    html: htmlOf(text),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** The same for every attempt, whichever process makes it. */
function messageId(config: ConfigOf<'email'>, of: string): string {
  const digest = createHash('sha256').update(of).digest('hex').slice(0, 32);
  return `<${digest}@${senderOf(config).split('@')[1]}>`;
}

/** `Weather <isobar@example.org>` → `isobar@example.org` */
function senderOf({ from }: ConfigOf<'email'>): string {
  return /<(.+)>$/.exec(from)?.[1] ?? from;
}

/** Login and password as AUTH PLAIN and LOGIN send them, which a server may repeat. */
function wireForms(user: string | undefined, password: string): string[] {
  if (user === undefined || password === '') return [];
  return [password, `\0${user}\0${password}`].map((text) => Buffer.from(text).toString('base64'));
}

/** What nodemailer's errors carry. */
interface MailError {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
  readonly recipient?: string;
  readonly rejectedErrors?: readonly MailError[];
  readonly message?: string;
}

/** A message that all recipients were refused for is one with none accepted. */
function rejectedOnly(error: MailError): MailError {
  if (error.rejectedErrors === undefined || error.rejectedErrors.length === 0) throw error;
  return error;
}

function outcomeOf(sent: object) {
  const { accepted = [], rejectedErrors = [] } = sent as {
    readonly accepted?: readonly string[];
    readonly rejectedErrors?: readonly MailError[];
  };
  return { accepted, rejectedErrors };
}

function translate(speaker: Speaker, error: unknown): IsobarError {
  if (error instanceof IsobarError) return error;
  const { code = '', responseCode, response, message = '' } = error as MailError;
  if (code === 'ETLS') {
    const isTrust = /certificate|altnames/i.test(message);
    const words = isTrust
      ? 'its certificate is not of an authority that is trusted; tls_authority names its authority'
      : 'it offers no encryption (STARTTLS), which is required';
    return unavailable(speaker, words);
  }
  if (responseCode !== undefined) {
    const answer = `it answers ${response ?? responseCode}`;
    return responseCode >= 500 ? refused(speaker, answer) : unavailable(speaker, answer);
  }
  if (code === 'EAUTH' || code === 'ENOAUTH')
    return refused(speaker, 'it offers no login that fits');
  if (code === 'EENVELOPE') return refused(speaker, 'it refuses the sender or the recipient');
  if (code === 'ETIMEDOUT') return unavailable(speaker, 'no answer in time');
  if (code === 'EDNS') return unavailable(speaker, 'a host of this name was not found');
  return unavailable(speaker, networkReason(error));
}
