/** A real Alertmanager takes our messages, sends them on by itself, and ends them when we say so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openChannel } from '../../src/alerts/open-channel.ts';
import { openMailServer } from '../../src/alerts/testing/mail-server.ts';
import { messageOf } from '../../src/alerts/testing/messages.ts';
import { configOf } from '../../src/alerts/testing/open.ts';
import { openReceiver } from '../../src/alerts/testing/receiver.ts';
import { resolveSecrets } from '../../src/config/channel-secrets.ts';
import { findAlertmanager, startAlertmanager } from '../support/alertmanager.ts';
import { rejects } from '../support/rejects.ts';
import { until } from '../support/until.ts';

const { signal } = new AbortController();
const program = await findAlertmanager();

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly status: { readonly state: string };
}

test('an alert is seen, sent on, kept while it is sent again, and resolved', {
  skip: program === null && 'neither Alertmanager nor the tools of Debian are here',
}, async () => {
  if (program === null) return;
  await using receiver = await openReceiver();
  await using mail = await openMailServer({ disabledCommands: ['AUTH', 'STARTTLS'] });
  await using manager = await startAlertmanager(program, {
    global: { smtp_smarthost: `127.0.0.1:${mail.port}`, smtp_require_tls: false, smtp_from: FROM },
    route: { receiver: 'both', group_wait: '0s', group_interval: '1s', group_by: ['...'] },
    receivers: [
      {
        name: 'both',
        webhook_configs: [{ url: `${receiver.url}/from-alertmanager`, send_resolved: true }],
        email_configs: [{ to: 'ops@example.org', send_resolved: true }],
      },
    ],
  });
  await using channel = await open(manager.url);
  await until('it is up', () =>
    channel.check(signal).then(
      () => true,
      () => false,
    ),
  );
  assert.equal(channel.resendEverySeconds, 10);

  const began = new Date(Date.now() - 60_000).toISOString();
  const opened = messageOf({}, { began_at: began, city: 'New <York> "\n' });
  await channel.send(opened, signal);
  const [alert, ...more] = await alerts(manager.url);
  assert.deepEqual(more, []);
  assert.deepEqual(alert?.labels, {
    alertname: 'heat',
    severity: 'critical',
    incident_id: 'inc-5f2c9a7b',
    city_id: 'new-york',
    job: 'isobar',
  });
  assert.equal(alert?.status.state === 'active' || alert?.status.state === 'unprocessed', true);
  assert.equal(Date.parse(alert?.startsAt ?? ''), Date.parse(began));
  assert.equal(alert?.generatorURL, opened.url);
  assert.ok(Date.parse(alert?.endsAt ?? '') > Date.now() + 200_000);

  await until('its webhook has it', () => receiver.received.length > 0);
  const firing = JSON.parse(receiver.received[0]?.body ?? '');
  assert.equal(firing.status, 'firing');
  assert.match(firing.alerts[0].annotations.summary, /^CRITICAL heat, New <York> "\\n: Temp/);
  await until('its e-mail has it', () => mail.mails.length > 0);
  assert.match(mail.mails[0]?.subject ?? '', /FIRING/);

  // Sent again, it is the same alert, which lasts longer.
  await channel.send({ ...opened, key: 'again', kind: 'repeated' }, signal);
  const [again, ...others] = await alerts(manager.url);
  assert.deepEqual(others, []);
  assert.ok(Date.parse(again?.endsAt ?? '') > Date.parse(alert?.endsAt ?? ''));
  assert.equal(again?.startsAt, alert?.startsAt);

  const resolved = messageOf(
    { key: 'resolved', kind: 'resolved' },
    { began_at: began, state: 'resolved', resolved_at: new Date().toISOString() },
  );
  await channel.send(resolved, signal);
  await until('it is gone', async () => (await alerts(manager.url)).length === 0);
  const last = () => JSON.parse(receiver.received.at(-1)?.body ?? '{}');
  await until('its webhook has the end', () => last().status === 'resolved');
  await until('its e-mail has the end', () => /RESOLVED/.test(mail.mails.at(-1)?.subject ?? ''));
});

test('what Alertmanager cannot take is refused', {
  skip: program === null && 'neither Alertmanager nor the tools of Debian are here',
}, async () => {
  if (program === null) return;
  await using manager = await startAlertmanager(program, {
    route: { receiver: 'none' },
    receivers: [{ name: 'none' }],
  });
  await using channel = await open(manager.url);
  await until('it is up', () =>
    channel.check(signal).then(
      () => true,
      () => false,
    ),
  );
  const future = new Date(Date.now() + 86_400_000).toISOString();
  const error = await rejects(
    channel.send(messageOf({}, { began_at: future }), signal),
    'CHANNEL_REFUSED',
  );
  assert.match(error.message, /answers 400: .*start time must be before end time/);
  await using elsewhere = await open(`${manager.url}/elsewhere`);
  await rejects(elsewhere.check(signal), 'CHANNEL_REFUSED');
});

const FROM = 'alertmanager@example.org';

function open(url: string) {
  const config = configOf({ type: 'alertmanager', url, resend_every: '10s' }, 'manager');
  return openChannel(config, {
    secrets: resolveSecrets(config, {}),
    clock: () => new Date(),
    timeZoneOf: () => null,
  });
}

async function alerts(url: string): Promise<Alert[]> {
  const answer = await fetch(`${url}/api/v2/alerts`);
  return (await answer.json()) as Alert[];
}
