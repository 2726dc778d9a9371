import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { traceIdOf } from '../model/trace.ts';
import { observation } from '../table/testing/lake.ts';
import { openRecordingTracer } from '../tracing/testing/recording-tracer.ts';
import { openTestApi, type TestApi, type TestApiOptions, waitFor } from './testing/api.ts';
import { openStream, type Stream, type StreamEvent } from './testing/event-stream.ts';

async function openLiveApi(options: TestApiOptions = {}): Promise<TestApi & { address: string }> {
  const api = await openTestApi(options);
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
  return Object.assign(api, { address });
}

const cityOf = ({ data }: StreamEvent) => data.city_id;
const observationsOf = (stream: Stream) =>
  stream.events.filter(({ event }) => event === 'observation');

test('a viewer receives the current state, new records and new table versions', async () => {
  await using api = await openLiveApi({ observations: [observation('berlin', 0)] });
  const stream = await openStream(api.address);
  assert.equal(stream.response.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(stream.response.headers['cache-control'], 'no-store');
  assert.match(String(stream.response.headers['content-security-policy']), /default-src 'none'/);
  const first = await stream.next('version');
  assert.deepEqual([first.data.table_version, first.data.analytics_version], [0, 1]);
  assert.equal((await stream.next('status')).data.collector.state, 'live');

  api.put(0, observation('berlin', 600, { temperature_c: 12 }), '{"invalid":"dt is missing"}', 'x');
  api.put(0, observation('cairo', 1e9, { collectedAt: 0 }), observation('oslo', 600));
  const come = await stream.next('observation', (event) => cityOf(event) === 'berlin');
  assert.equal(come.data.city, 'BERLIN');
  assert.deepEqual(
    [come.data.observation.temperature_c, come.data.observation.landed, come.data.simulated],
    [12, false, false],
  );
  assert.equal('response' in come.data.observation, false);
  await stream.next('observation', (event) => cityOf(event) === 'oslo');
  assert.ok(
    observationsOf(stream).every((event) => cityOf(event) !== 'cairo'),
    'in the future',
  );
  const { data } = (await api.app.inject('/api/cities?city=berlin')).json();
  assert.deepEqual([data[0].latest.temperature_c, data[0].latest.landed], [12, false]);

  await api.land();
  const moved = await stream.next('version', ({ data }) => data.analytics_version === 2);
  assert.equal(moved.data.observed_to, observation('berlin', 600).observed_at);
  const after = (await api.app.inject('/api/cities?city=berlin')).json();
  assert.deepEqual([after.data[0].latest.temperature_c, after.data[0].latest.landed], [12, true]);

  api.status = { ...api.status, log: { ...api.status.log, full: true } };
  const full = await stream.next('status', ({ data }) => data.log_full);
  assert.ok(full.id > '');
  stream.close();
});

test('a record that the landing rejects is not shown any longer', async () => {
  await using api = await openLiveApi({ observations: [observation('berlin', 0)] });
  const stream = await openStream(api.address);
  await stream.next('status');
  api.put(0, observation('berlin', 600, { temperature_c: 12, import_row: 0 }));
  await stream.next('observation');
  const temperature = async () => {
    const { data } = (await api.app.inject('/api/cities?city=berlin')).json();
    return data[0].latest.temperature_c;
  };
  assert.equal(await temperature(), 12);
  await api.land();
  assert.equal(await temperature(), 10);
  stream.close();
});

test('a viewer that reconnects receives what it missed once, and then new events', async () => {
  await using api = await openLiveApi({ observations: [observation('berlin', 0)] });
  const stream = await openStream(api.address);
  await stream.next('status');
  api.put(0, observation('berlin', 600));
  api.put(1, observation('cairo', 600));
  await stream.next('observation', (event) => cityOf(event) === 'cairo');
  const { id } = stream.events.at(-1) ?? { id: '' };
  stream.close();

  for (let minute = 20; minute < 30; minute += 1)
    api.put(minute % 2, observation('oslo', minute * 60));
  await api.land();
  const again = await openStream(api.address, '', id);
  await again.next('version', ({ data }) => data.analytics_version === 2);
  api.put(0, observation('berlin', 6_000));
  await again.next('observation', (event) => cityOf(event) === 'berlin');
  const seen = observationsOf(again);
  assert.deepEqual(seen.map(cityOf), [...Array(10).fill('oslo'), 'berlin']);
  assert.deepEqual(
    [...new Set(seen.slice(0, 10).map(({ data }) => data.observation.landed))],
    [true],
  );
  assert.ok(again.events.every(({ event }) => event !== 'reset'));

  // A position that is up to date: nothing is sent twice, not even the version.
  const { position } = (await api.app.inject('/api/status')).json().meta;
  const third = await openStream(api.address, `?since=${position}`);
  await third.next('status');
  assert.deepEqual(
    third.events.map(({ event }) => event),
    ['status'],
  );
  // Any event's id will do, also one in the middle of a replay.
  const middle = await openStream(api.address, '', seen[4]?.id);
  const times = (events: readonly StreamEvent[]) =>
    events.map(({ data }) => data.observation.observed_at).sort();
  await waitFor('the rest', () => observationsOf(middle).length === 6);
  assert.deepEqual(times(observationsOf(middle)), times(seen.slice(5)));
  for (const one of [again, third, middle]) one.close();
});

test('a foreign, a lost or a too old position gets reset, and what comes after', async () => {
  await using api = await openLiveApi({ observations: [observation('berlin', 0)] });
  api.put(0, ...Array.from({ length: 1_200 }, (_, n) => observation('berlin', 600 + n)));
  await waitFor('the tail', async () => {
    const { meta } = (await api.app.inject('/api/status')).json();
    return meta.position.includes('.1201-0.');
  });
  const { position } = (await api.app.inject('/api/status')).json().meta;
  const [log] = position.split('.');
  for (const since of [
    'nonsense',
    '000000000000.1-0.0.1',
    `${log}.1.0.1`,
    `${log}.0-0.0.1`,
    `${log}.9000-0.0.1`,
  ]) {
    const stream = await openStream(api.address, '', since);
    const reset = await stream.next('reset');
    assert.equal(reset.id, position, since);
    assert.equal((await stream.next('version')).data.table_version, 0);
    assert.deepEqual(observationsOf(stream), [], since);
    stream.close();
  }
  // A thousand are sent.
  const stream = await openStream(api.address, '', `${log}.201-0.0.1`);
  await waitFor('a thousand', () => observationsOf(stream).length === 1_000);
  api.put(1, observation('oslo', 0));
  await stream.next('observation', (event) => cityOf(event) === 'oslo');
  assert.ok(stream.events.every(({ event }) => event !== 'reset'));
  stream.close();
});

test('a position of a server that is ahead is not sent back', async () => {
  await using api = await openLiveApi({ observations: [observation('berlin', 0)] });
  const { position } = (await api.app.inject('/api/status')).json().meta;
  const stream = await openStream(api.address, '', position.replace(/\.0\.1$/, '.7.9'));
  await stream.next('status');
  assert.ok(stream.events.every(({ event }) => event !== 'version'));
  stream.close();
});

test('a viewer of some cities receives the events of these only', async () => {
  await using api = await openLiveApi();
  const stream = await openStream(api.address, '?city=cairo&city=oslo');
  await stream.next('status');
  api.put(0, observation('berlin', 0), observation('cairo', 0), observation('oslo', 0));
  await stream.next('observation', (event) => cityOf(event) === 'oslo');
  assert.deepEqual(observationsOf(stream).map(cityOf), ['cairo', 'oslo']);
  stream.close();
  const unknown = await openStream(api.address, '?city=rome');
  assert.equal(unknown.response.statusCode, 404);
});

test('sends a reset when more comes at once than can be sent', async () => {
  await using api = await openLiveApi();
  const stream = await openStream(api.address);
  await stream.next('status');
  api.put(0, ...Array.from({ length: 6_000 }, (_, n) => observation('berlin', n)));
  const reset = await stream.next('reset');
  assert.match(reset.data.reason, /more events came at once/);
  await stream.next(
    'observation',
    ({ data }) => data.observation.observed_at === observation('x', 5_999).observed_at,
  );
  assert.ok(observationsOf(stream).length <= 500);
  stream.close();
});

test('a log that cannot be read at first is followed as soon as it can', async () => {
  let broken = true;
  await using api = await openLiveApi({
    change: (context) => {
      const { log } = context;
      assert.ok(log);
      const range: typeof log.range = (partition) =>
        broken ? Promise.reject(new Error('away')) : log.range(partition);
      return { ...context, log: { ...log, range } };
    },
  });
  const stream = await openStream(api.address);
  await stream.next('status');
  broken = false;
  await stream.next('reset');
  api.put(0, observation('berlin', 0));
  await stream.next('observation');
  stream.close();
});

test('rejects viewers beyond api.events_max until another one leaves', async () => {
  await using api = await openLiveApi({
    change: (context) => ({ ...context, config: { ...context.config, events_max: 2 } }),
  });
  const [one, two] = [await openStream(api.address), await openStream(api.address)];
  const three = await openStream(api.address);
  assert.equal(three.response.statusCode, 503);
  assert.match(String(three.response.headers['content-type']), /^application\/problem\+json/);
  one.close();
  await waitFor('room', async () => {
    const four = await openStream(api.address);
    four.close();
    return four.response.statusCode === 200;
  });
  two.close();
});

test('stopping says bye and does not wait for viewers, also not for one that does not read', async () => {
  const api = await openLiveApi();
  const stream = await openStream(api.address);
  await stream.next('status');
  const idle = connect(Number(new URL(api.address).port), '127.0.0.1');
  idle.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await new Promise((resolve) => idle.once('data', resolve));
  const deaf = await openStream(api.address);
  deaf.response.pause();
  const begin = performance.now();
  await api[Symbol.asyncDispose]();
  assert.ok(performance.now() - begin < 2_000, `${performance.now() - begin} ms`);
  await stream.ended;
  assert.equal(stream.events.at(-1)?.event, 'bye');
  idle.destroy();
});

test('one that does not read is dropped, and the others go on', async () => {
  await using api = await openLiveApi();
  const deaf = await openStream(api.address);
  deaf.response.pause();
  const stream = await openStream(api.address);
  await stream.next('status');
  const dropped = async () =>
    /viewers_dropped_total 1$/m.test((await api.app.inject('/metrics')).body);
  let sent = 0;
  await waitFor('the drop', async () => {
    const burst = Array.from({ length: 400 }, () => {
      sent += 1;
      return observation('berlin', sent, { condition: 'c'.repeat(2_000) });
    });
    api.put(0, ...burst);
    await waitFor('the burst', () => observationsOf(stream).length === sent);
    return dropped();
  });
  assert.ok(stream.events.every(({ event }) => event !== 'reset'));
  stream.close();
  deaf.close();
});

test('a live observation that was sent has a span with its trace, an imported one has none', async () => {
  const tracer = openRecordingTracer();
  await using api = await openLiveApi({ change: (context) => ({ ...context, tracer }) });
  const unseen = observation('oslo', 0);
  api.put(0, unseen);
  const [one, other] = [await openStream(api.address), await openStream(api.address)];
  const seen = observation('berlin', 600);
  const imported = observation('rome', 0, { source: 'import:a', import_id: 1, import_row: 1 });
  api.put(0, imported, seen);
  for (const stream of [one, other]) {
    const { data } = await stream.next('observation', ({ data }) => data.city_id === 'berlin');
    assert.equal(data.observation.trace_id, traceIdOf(seen));
    assert.ok(
      stream.events.some((event) => event.data.observation?.trace_id === traceIdOf(imported)),
    );
  }
  const spans = tracer.spans.map(({ step, traceId, attributes }) => [
    step,
    traceId,
    attributes?.['isobar.viewers'],
  ]);
  assert.deepEqual(spans, [['serve.event', traceIdOf(seen), 2]]);
  one.close();
  other.close();
});
