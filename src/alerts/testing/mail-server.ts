/** A mail server on this machine that keeps what it gets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { makeCertificate } from './certificate.ts';

export const USER = 'isobar';
export const PASSWORD = 'correct horse battery';

const certificate = makeCertificate();

export interface MailServer extends AsyncDisposable {
  readonly port: number;
  readonly mails: ParsedMail[];
  /** The recipients of each transaction. */
  readonly recipients: string[][];
  /** Of a channel that can send to it. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
}

export async function openMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-mail-'));
  const authority = join(folder, 'authority.pem');
  writeFileSync(authority, certificate.cert);
  const mails: ParsedMail[] = [];
  const recipients: string[][] = [];
  const server = new SMTPServer({
    ...certificate,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth({ username, password }, _session, done) {
      if (username === USER && password === PASSWORD) done(null, { user: USER });
      else done(Object.assign(new Error(`no such user ${username}`), { responseCode: 535 }));
    },
    onData(stream, session, done) {
      simpleParser(stream).then((mail) => {
        mails.push(mail);
        recipients.push(session.envelope.rcptTo.map(({ address }) => address));
        done();
      }, done);
    },
    ...options,
  });
  // A client that goes away in the middle is what some tests are about.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    mails,
    recipients,
    settings: {
      type: 'email',
      host: 'localhost',
      port,
      tls_authority: authority,
      user: USER,
      password_env: 'PASSWORD',
      from: 'Weather <isobar@example.org>',
      to: ['ops@example.org'],
      timeout: '5s',
    },
    env: { PASSWORD },
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
