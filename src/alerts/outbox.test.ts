import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../test/support/random.ts';
import { stormOf } from '../../test/support/storm.ts';
import { IsobarError } from '../errors.ts';
import { pause } from '../waiting.ts';
import type { AlertMessage, Channel } from './channel.ts';
import { checkChannels } from './check-channels.ts';
import { type Outbox, type OutboxOptions, startOutbox } from './outbox.ts';
import { openMemoryStore } from './testing/memory-store.ts';
import { INCIDENT } from './testing/messages.ts';
import { open } from './testing/open.ts';
import { openReceiver, type Received, type Receiver } from './testing/receiver.ts';

const DELAYS = { least: 5, most: 40 };
const FOREVER_MS = 3_600_000;
const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

interface Place extends AsyncDisposable {
  readonly store: ReturnType<typeof openMemoryStore>;
  readonly lines: string[];
  readonly outbox: Outbox;
  stop(): Promise<void>;
}

function start(
  channels: readonly { channel: Channel; giveUpAfterMs?: number; fallback?: string }[],
  options: Partial<OutboxOptions> = {},
  store = openMemoryStore(),
): Place {
  const stopping = new AbortController();
  const lines: string[] = [];
  const note = (level: string) => (details: object | string, text?: string) => {
    lines.push(`${level} ${text ?? details}`);
  };
  const outbox = startOutbox({
    store,
    channels: channels.map(({ channel, giveUpAfterMs = FOREVER_MS, fallback = null }) => {
      return { channel, giveUpAfterMs, fallback };
    }),
    logger: { info: note('info'), warn: note('warn') },
    urlOf: ({ incident_id }) => `https://weather.example.org/#incident=${incident_id}`,
    delays: DELAYS,
    signal: stopping.signal,
    ...options,
  });
  const stop = async () => {
    stopping.abort();
    await outbox.ended;
  };
  return { store, lines, outbox, stop, [Symbol.asyncDispose]: stop };
}

const webhook = (receiver: Receiver, name: string, timeout = '10s') =>
  open({ type: 'webhook', url: `${receiver.url}/${name}`, timeout }, {}, name);
const keyOf = ({ body }: Received): string => (JSON.parse(body) as AlertMessage).key;
const keysOf = (receiver: Receiver): string[] => receiver.received.map(keyOf);

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, what);
    await pause(2);
  }
}

test('messages go out in order, with the address of their incident, when it is woken', async () => {
  await using receiver = await openReceiver();
  await using channel = await webhook(receiver, 'a');
  await using place = start([{ channel }]);
  // It sleeps for a minute when nothing waits.
  await pause(20);
  for (const key of ['k1', 'k2', 'k3']) place.store.add('a', key);
  place.outbox.wake();
  await until('all are sent', () => place.store.waiting() === 0);
  assert.deepEqual(keysOf(receiver), ['k1', 'k2', 'k3']);
  const { url } = JSON.parse(receiver.received[0]?.body ?? '') as AlertMessage;
  assert.equal(url, `https://weather.example.org/#incident=${INCIDENT.incident_id}`);
  assert.deepEqual(place.lines, []);
});

test('a failing channel says so once, keeps its order and says when it works again', async () => {
  await using receiver = await openReceiver();
  let failures = 3;
  receiver.answer = (_, response) => {
    response.statusCode = failures > 0 ? 503 : 200;
    failures -= 1;
    response.end('down for maintenance');
  };
  await using channel = await webhook(receiver, 'a');
  const store = openMemoryStore();
  for (const key of ['k1', 'k2']) store.add('a', key);
  await using place = start([{ channel }], {}, store);
  await until('it fails', () => place.outbox.states[0]?.failing !== null);
  assert.match(place.outbox.states[0]?.failing?.problem ?? '', /channel a: .* answers 503: down/);
  await until('all are sent', () => store.waiting() === 0);
  assert.deepEqual(keysOf(receiver), ['k1', 'k1', 'k1', 'k1', 'k2']);
  await until('it works', () => place.outbox.states[0]?.failing === null);
  assert.equal(place.lines.length, 2, place.lines.join('\n'));
  assert.match(place.lines[0] ?? '', /^warn sending an alert, it is tried again: channel a: /);
  assert.match(place.lines[1] ?? '', /^info channel a works again; it failed since /);
});

test('what is refused is given up at once and goes to the fallback', async () => {
  await using receiver = await openReceiver();
  receiver.answer = ({ path }, response) => {
    response.statusCode = path === '/a' ? 404 : 200;
    response.end();
  };
  await using first = await webhook(receiver, 'a');
  await using second = await webhook(receiver, 'b');
  await using place = start([{ channel: first, fallback: 'b' }, { channel: second }]);
  place.store.add('a', 'k1');
  place.outbox.wake();
  await until('both are done', () => place.store.waiting() === 0);
  assert.deepEqual(keysOf(receiver), ['k1', 'k1>b']);
  assert.equal(place.store.entry('k1')?.state, 'given_up');
  assert.match(place.store.entry('k1')?.problem ?? '', /answers 404/);
  assert.match(place.lines[0] ?? '', /the message is given up: channel a/);
});

test('what cannot be sent for long enough is given up and goes to the fallback', async () => {
  await using receiver = await openReceiver();
  receiver.answer = ({ path }, response) => {
    response.statusCode = path === '/a' ? 500 : 200;
    response.end();
  };
  await using first = await webhook(receiver, 'a');
  await using second = await webhook(receiver, 'b');
  const started = Date.now();
  let passedMs = 0;
  await using place = start(
    [{ channel: first, fallback: 'b', giveUpAfterMs: 60_000 }, { channel: second }],
    { clock: () => new Date(started + passedMs) },
    openMemoryStore(() => started),
  );
  place.store.add('a', 'k1');
  place.outbox.wake();
  await until('it was tried', () => place.store.entry('k1')?.attempts === 1);
  assert.equal(place.store.entry('k1')?.state, 'waiting');
  passedMs = 60_000;
  place.outbox.wake();
  await until('both are done', () => place.store.waiting() === 0);
  assert.equal(place.store.entry('k1')?.state, 'given_up');
  assert.equal(keysOf(receiver).at(-1), 'k1>b');
});

test('Retry-After is waited for, an hour at most', async () => {
  await using receiver = await openReceiver();
  for (const [header, leastMs] of [
    ['120', 120_000],
    ['999999', 3_600_000],
    ['Wed, 31 Jul 2024 18:25:05 GMT', 300_000],
  ] as const) {
    receiver.answer = (_, response) => {
      response.writeHead(429, { 'Retry-After': header }).end();
    };
    await using channel = await webhook(receiver, 'a');
    const now = Date.now();
    await using place = start([{ channel }], { clock: () => new Date(now) });
    place.store.add('a', 'k1');
    place.outbox.wake();
    await until('it was tried', () => place.store.entry('k1')?.attempts === 1);
    assert.equal(place.store.entry('k1')?.nextAt, now + leastMs, header);
  }
});

test('a hanging receiver delays no other channel, and stopping does not wait for it', async () => {
  await using hanging = await openReceiver();
  await using receiver = await openReceiver();
  hanging.answer = () => {};
  await using slow = await webhook(hanging, 'slow', '2m');
  await using fast = await webhook(receiver, 'fast');
  await using place = start([{ channel: slow }, { channel: fast }]);
  for (let at = 0; at < 20; at++) {
    place.store.add('slow', `s${at}`);
    place.store.add('fast', `f${at}`);
  }
  place.outbox.wake();
  await until('the fast one has all', () => receiver.received.length === 20);
  await until('the slow one was asked', () => hanging.received.length === 1);
  const startedAt = performance.now();
  await place.stop();
  assert.ok(performance.now() - startedAt < 5_000);
  assert.equal(place.store.entry('s0')?.attempts, 0, 'a cancelled attempt is not a failed one');
  assert.deepEqual(place.lines, []);
});

test('a message that was sent is not sent again because the store cannot note it', async () => {
  await using receiver = await openReceiver();
  await using channel = await webhook(receiver, 'a');
  const store = openMemoryStore();
  let failures = 2;
  const full = {
    ...store,
    async sent(key: string, at: number) {
      failures -= 1;
      if (failures >= 0) throw new IsobarError('DISK_FULL', 'outbox.sqlite: no space left');
      await store.sent(key, at);
    },
  };
  store.add('a', 'k1');
  await using place = start([{ channel }], { store: full }, store);
  await until('it is noted', () => store.waiting() === 0);
  assert.deepEqual(keysOf(receiver), ['k1']);
  assert.deepEqual(place.lines, ['warn reading the outbox: outbox.sqlite: no space left']);
});

test('a time that a wrong clock wrote does not hold a message back for years', async () => {
  await using receiver = await openReceiver();
  await using channel = await webhook(receiver, 'a');
  const store = openMemoryStore();
  store.add('a', 'k1', { nextAt: Date.now() + 400 * 86_400_000 });
  await using _ = start([{ channel }], {}, store);
  await until('it is sent', () => store.waiting() === 0);
});

test('each channel is checked, and each problem is its own', async () => {
  await using receiver = await openReceiver();
  receiver.answer = (_, response) => {
    response.writeHead(401).end('{"message": "bad token"}');
  };
  await using good = await webhook(receiver, 'good');
  await using away = await open({ type: 'webhook', url: 'http://127.0.0.1:1/' }, {}, 'away');
  const account = `AC${'0'.repeat(32)}`;
  const phones = { from: '+441632960960', to: ['+441632960961'] };
  const twilio = { type: 'twilio', url: receiver.url, account, token_env: 'T', ...phones };
  await using refusing = await open(twilio, { T: 'token' }, 'refusing');
  const found = await checkChannels([good, away, refusing], new AbortController().signal);
  assert.deepEqual(
    found.map(({ name, problem }) => [name, problem?.code ?? null]),
    [
      ['good', null],
      ['away', 'CHANNEL_UNAVAILABLE'],
      ['refusing', 'CHANNEL_REFUSED'],
    ],
  );
  assert.ok(
    receiver.received.every(({ method }) => method === 'GET'),
    'nothing was sent',
  );
});

/** How a receiver behaves for a while: what it does with one request. */
type Mood = (receiver: Receiver, random: () => number) => Receiver['answer'];
const MOODS: Readonly<Record<string, Mood>> = {
  well: () => (_, response) => {
    response.end('ok');
  },
  failing: () => (_, response) => {
    response.writeHead(503).end();
  },
  hanging: () => () => {},
  /** It takes the message, and the answer is lost. */
  forgetful: () => (_, response) => {
    response.destroy();
  },
  flapping: (_, random) => (_request, response) => {
    response.writeHead(random() < 0.5 ? 500 : 200).end();
  },
};

test(`every message arrives, once for each key, in order (seed ${SEED})`, async () => {
  const random = createRandom(SEED);
  const messages = stormOf(400, 60);
  const names = ['a', 'b', 'c', 'd'];
  await using stack = new AsyncDisposableStack();
  const receivers = await Promise.all(names.map(async () => stack.use(await openReceiver())));
  const channels = await Promise.all(
    names.map(async (name, at) => {
      const receiver = receivers[at] as Receiver;
      return { channel: stack.use(await webhook(receiver, name, '1s')) };
    }),
  );
  let place = start(channels);
  const { store } = place;
  const made: Record<string, string[]> = { a: [], b: [], c: [], d: [] };
  const moods = Object.values(MOODS);
  for (let at = 0; at < messages; at++) {
    const name = names[Math.floor(random() * names.length)] ?? 'a';
    store.add(name, `k${at}`);
    made[name]?.push(`k${at}`);
    place.outbox.wake();
    if (random() < 0.2) {
      // The last one always works, and must not be delayed by the others.
      const receiver = receivers[Math.floor(random() * 3)] as Receiver;
      const mood = moods[Math.floor(random() * moods.length)] ?? MOODS.well;
      receiver.answer = mood?.(receiver, random) ?? receiver.answer;
    }
    if (random() < 0.05) {
      await place.stop();
      place = start(channels, {}, store);
    }
    await pause(random() * 10);
  }
  await until('the one that works has all', () => store.waiting('d') === 0);
  for (const receiver of receivers) receiver.answer = (_, response) => response.end('ok');
  await until('all are sent', () => store.waiting() === 0);
  await place.stop();
  for (const [at, name] of names.entries()) {
    const got = keysOf(receivers[at] as Receiver);
    assert.deepEqual([...new Set(got)], made[name], `channel ${name}: each once, in order`);
  }
});
