/** Alerts of a whole pipeline: from the observation to the receiver, and from process to process. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openReceiver } from '../src/alerts/testing/receiver.ts';
import { openPlace, runCommand, serve, until } from './cases/place.ts';
import { type Child, startChild } from './support/child.ts';
import { followParent } from './support/leash.ts';

const PROGRAM = join(import.meta.dirname, '../src/cli/program.ts');

followParent();

/** The made-up weather is warmer than this at all times. */
const ALWAYS = `
  - name: always
    when: { kind: value, variable: temperature_c, above: -60 }
    cities: [london]
    severity: info
    channels: [hook]`;

const fileOf = (url: string, rules = ALWAYS, more = '') => `
channels:
  hook: { type: webhook, url: "${url}/hook" }${more}
rules:${rules}
`;

describe('alerts of a running pipeline', () => {
  test('an incident is opened, sent, acknowledged, silenced and a row of the table', async () => {
    using place = openPlace('', '');
    await using receiver = await openReceiver();
    const data = place.made('data');
    const file = place.write('alerts.yaml', fileOf(receiver.url));
    const flags = {
      ...{ data, 'alerts.file': file, 'alerts.interval_s': '1' },
      // The next observation is never far away.
      ...{ 'simulator.history_days': '0', 'simulator.interval_s': '2' },
    };
    let id = '';
    {
      await using served = await serve(flags);
      await until(
        async () => receiver.received,
        (received) => received.length > 0,
      );
      const [message] = receiver.received.map(({ body }) => JSON.parse(body));
      assert.equal(message.incident.rule, 'always');
      assert.equal(message.incident.simulated, true);
      id = message.incident.incident_id;
      const { data: listed, meta } = await served.json('/api/incidents?rule=always');
      assert.deepEqual([listed.length, listed[0].incident_id, meta.counts.open], [1, id, 1]);
      const method = 'POST';
      const origin = { headers: { origin: served.url } };
      const query = `incident=${id}&by=ann&note=seen`;
      const answer = await served.ask(`/api/acknowledge?${query}`, { method, ...origin });
      assert.equal(JSON.parse(answer.body).data.acknowledged_by, 'ann');
      const foreign = { headers: { origin: 'https://example.org' } };
      const refused = await served.ask(`/api/acknowledge?${query}`, { method, ...foreign });
      assert.equal(refused.status, 403);
      const { data: rules } = await served.json('/api/alert-rules');
      assert.ok(rules.some(({ name }: { name: string }) => name === 'city-silent'));
    }
    const ofData = ['--data', data, '--simulated'];
    const { stdout } = await runCommand([
      'query',
      `SELECT state, acknowledged_by, note FROM incidents WHERE incident_id = '${id}'`,
      ...ofData,
      '--json',
    ]);
    assert.deepEqual(JSON.parse(stdout), [
      { state: 'acknowledged', acknowledged_by: 'ann', note: 'seen' },
    ]);
    const rule = { name: 'lost', when: { kind: 'silent', after: '3h' }, cities: ['atlantis'] };
    const lost = place.write('lost.yaml', JSON.stringify({ rules: [rule] }));
    const named = await runCommand(['alerts', 'rules', ...ofData, '--set', `alerts.file=${lost}`]);
    assert.match(named.stderr, /rule lost: unknown city atlantis/);
    assert.equal(named.exit, 0);
    await runCommand(['index', 'rebuild', ...ofData]);
    const doctor = await runCommand(['doctor', '--data', data, '--set', 'api.port=0']);
    assert.match(doctor.stdout, /ok {4}index .*sqlite answers; version \d/);
    // Again, over the same data: nothing is opened or sent twice.
    const sent = receiver.received.length;
    {
      await using served = await serve(flags);
      await until(
        () => served.json('/api/status'),
        ({ data: status }) => status.alerts.evaluates && status.collector.state === 'live',
      );
      const { meta } = await served.json('/api/incidents?rule=always');
      assert.equal(meta.row_count, 1);
    }
    assert.equal(receiver.received.length, sent);
  });

  test('a rule that has gone ends its incidents', async () => {
    using place = openPlace('', '');
    await using receiver = await openReceiver();
    const flags = {
      data: place.made('data'),
      'alerts.file': place.write('alerts.yaml', fileOf(receiver.url)),
      'alerts.interval_s': '1',
      'simulator.history_days': '1',
    };
    const kinds = () => receiver.received.map(({ body }) => JSON.parse(body).kind);
    {
      await using _ = await serve(flags);
      await until(
        async () => kinds(),
        (found) => found.includes('opened'),
      );
    }
    place.write('alerts.yaml', fileOf(receiver.url, ' []'));
    await using served = await serve(flags);
    await until(
      async () => kinds(),
      (found) => found.includes('resolved'),
    );
    const { data } = await served.json('/api/incidents?rule=always');
    assert.deepEqual(
      data.map(({ state }: { state: string }) => state),
      ['resolved'],
    );
  });

  test('replay says when a rule would have opened, and what it would have sent', async () => {
    using place = openPlace('', '');
    const data = place.made('data');
    const rules = `
  - name: afternoon
    when: { kind: value, variable: temperature_c, above: 28 }
    resolve_after: 10m
    channels: [hook]`;
    const file = place.write('alerts.yaml', fileOf('http://127.0.0.1:9', rules));
    const rows = Array.from({ length: 48 }, (_, hour) => {
      const at = Date.UTC(2026, 5, 1) + hour * 3_600_000;
      const iso = `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
      const temp = hour % 24 >= 12 && hour % 24 < 15 ? 31 : 20;
      return `${at / 1_000},${iso},7200,Rome,41.9,12.5,${temp}`;
    });
    const header = 'dt,dt_iso,timezone,city_name,lat,lon,temp';
    const csv = place.write('rome.csv', `${header}\n${rows.join('\n')}\n`);
    const imported = await runCommand(['import', csv, '--units', 'metric', '--data', data]);
    assert.equal(imported.exit, 0, imported.stderr);
    const set = ['--set', `alerts.file=${file}`, '--data', data];
    const { stdout, stderr } = await runCommand([
      'alerts',
      'replay',
      'afternoon',
      '--json',
      ...set,
    ]);
    assert.equal(stderr, '');
    const replayed = JSON.parse(stdout);
    assert.deepEqual(
      replayed.map(({ incident }: { incident: Record<string, string> }) => [
        incident.opened_at,
        incident.resolved_at,
      ]),
      [
        ['2026-06-01T12:00:00Z', '2026-06-01T16:00:00Z'],
        ['2026-06-02T12:00:00Z', '2026-06-02T16:00:00Z'],
      ],
    );
    assert.equal(replayed[0].messages.length, 2);
    const text = await runCommand(['alerts', 'replay', 'afternoon', '--messages', ...set]);
    assert.match(text.stdout, /would have opened 2 times in 30 days, and sent 4 messages/);
    assert.match(text.stdout, /Rome: temperature 31\.0 °C, above 28\.0 °C/);
    const system = await runCommand(['alerts', 'replay', 'lake-fails', ...set]);
    assert.equal(system.exit, 2);
    assert.match(system.stderr, /no history is kept/);
  });
});

describe('alerts that cannot work', () => {
  test('bad rules end the start with their lines, and doctor names them too', async () => {
    using place = openPlace('', '');
    const bad = place.write('alerts.yaml', fileOf('http://127.0.0.1:9').replace('above', 'abvoe'));
    const set = ['--data', place.made('data'), '--set', `alerts.file=${bad}`];
    const started = await runCommand(['start', ...set, '--port', '0']);
    assert.equal(started.exit, 2);
    assert.match(started.stderr, /alerts\.yaml line 6: rules\.0\.when/);
    const { stdout } = await runCommand(['doctor', ...set]);
    assert.match(stdout, /fail {2}alerts {4}CONFIG_INVALID: .*line 6/);
  });

  test('all secrets that are missing are named at the start, before anything is polled', async () => {
    using place = openPlace('', '');
    const more = `
  mail: { type: email, host: localhost, from: a@example.org, to: [b@example.org], user: a, password_file: /nowhere/mail }
  other: { type: webhook, url: "http://127.0.0.1:9", secret_env: NOT_SET_HERE }`;
    const file = place.write('alerts.yaml', fileOf('http://127.0.0.1:9', ALWAYS, more));
    const set = ['--data', place.made('data'), '--set', `alerts.file=${file}`];
    const { exit, stderr } = await runCommand(['start', ...set, '--port', '0']);
    assert.equal(exit, 2);
    assert.match(stderr, /channels\.mail\.password_file: \/nowhere\/mail: the file does not exist/);
    assert.match(stderr, /channels\.other\.secret_env: the variable NOT_SET_HERE is not set/);
    assert.doesNotMatch(stderr, /polling/);
  });

  test('a silence without a duration or of an unknown city or rule is refused', async () => {
    using place = openPlace('', '');
    const file = place.write('alerts.yaml', fileOf('http://127.0.0.1:9'));
    const set = ['--data', place.made('data'), '--set', `alerts.file=${file}`];
    for (const [args, message] of [
      [['--rule', 'always'], /add --for, such as --for 2h/],
      [['--note', 'later'], /add --for/],
      [['--rule', 'alwys', '--for', '2h'], /alwys; known: .*always/],
      [['--city', 'atlantis', '--for', '2h'], /city: unknown id "atlantis"/],
    ] as const) {
      const { exit, stderr } = await runCommand(['alerts', 'silence', ...args, ...set]);
      assert.deepEqual([exit, message.test(stderr)], [2, true], stderr);
    }
    const { stdout } = await runCommand(['alerts', 'silence', ...set]);
    assert.equal(stdout, '(none)\n');
  });

  test('channels that cannot be reached or refuse are named at doctor, at the start and by test', async () => {
    using place = openPlace('', '');
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    await using receiver = await openReceiver();
    receiver.answer = (_, response) => {
      response.statusCode = 401;
      response.end('who are you?');
    };
    const more = `\n  push: { type: ntfy, url: "${receiver.url}/topic" }`;
    const file = place.write('alerts.yaml', fileOf(`http://127.0.0.1:${port}`, ALWAYS, more));
    const set = ['--data', place.made('data'), '--set', `alerts.file=${file}`];
    const { stdout } = await runCommand(['doctor', ...set]);
    assert.match(stdout, /fail {2}alerts {4}CHANNEL_UNAVAILABLE: .*hook/);
    const tested = await runCommand(['alerts', 'test', 'hook', ...set]);
    assert.equal(tested.exit, 1);
    assert.match(tested.stderr, /A channel for alerts cannot be reached\.\n {2}.*hook/);
    const refused = await runCommand(['alerts', 'test', 'push', ...set]);
    assert.match(refused.stderr, /refuses the message\.\n {2}.*push.*401/);
    await using served = await serve({
      data: place.made('data'),
      'alerts.file': file,
      'simulator.history_days': '0',
    });
    await until(
      async () => served.lines,
      (lines) => lines.some((line) => /CHANNEL_UNAVAILABLE checking channels: .*hook/.test(line)),
    );
  });
});

test('a stand-by takes over when the process that evaluates is killed', async () => {
  using place = openPlace('', '');
  await using receiver = await openReceiver();
  const file = place.write('alerts.yaml', fileOf(receiver.url));
  const set = [
    ...['--data', place.made('data'), '--set', `alerts.file=${file}`],
    ...['--set', 'alerts.interval_s=1', '--set', 'lake.heartbeat_s=1'],
    ...['--set', 'collector.source=simulator', '--set', 'simulator.history_days=0'],
  ];
  const held = async () => {
    const { stdout } = await runCommand(['status', '--simulated', '--json', ...set]);
    const { work } = JSON.parse(stdout);
    return work.leases
      .filter(({ role, state }: Record<string, string>) => role === 'alert' && state === 'live')
      .map(({ pid }: { pid: number }) => pid);
  };
  const children: Child[] = [];
  const begin = (...args: readonly string[]) => {
    const child = startProgram([...args, ...set]);
    children.push(child);
    return child;
  };
  try {
    const first = begin('alerts', 'run');
    await until(held, ([pid]) => pid === first.process.pid);
    const second = begin('alerts', 'run');
    begin('collect');
    await until(
      async () => receiver.received,
      (received) => received.length === 1,
    );
    first.process.kill('SIGKILL');
    await until(held, ([pid]) => pid === second.process.pid);
    const keys = receiver.received.map(({ headers }) => headers['idempotency-key']);
    // It may have died between the sending and its mark.
    assert.equal(new Set(keys).size, 1, keys.join(' '));
  } finally {
    for (const { process: child } of children) child.kill('SIGTERM');
    for (const { ended } of children) await ended;
  }
});

function startProgram(args: readonly string[]): Child {
  return startChild(
    `const { runProgram } = await import(${JSON.stringify(PROGRAM)});` +
      `await runProgram(${JSON.stringify(args)});`,
  );
}
