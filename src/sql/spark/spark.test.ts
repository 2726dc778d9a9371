/** What a real Spark does not do on demand; what it does is tried in test/cluster/spark.test.ts. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeTrust } from '../../../test/support/trust.ts';
import { IsobarError, isErrorCode } from '../../errors.ts';
import { openSparkEngine, type SparkOptions } from './spark.ts';
import { completeAnswer, openTestServer, rowsAnswer, sparkError } from './testing/server.ts';

const SECRET = 'a-very-secret-token';

function open(address: string, change: Partial<SparkOptions> = {}) {
  return openSparkEngine({
    ...{ address, token: '', user: 'isobar', timeoutSeconds: 5, properties: '' },
    ...change,
  });
}

const xs = (rows: readonly object[]) => rows.map((row) => (row as { x: unknown }).x);

test('picks up after the last answer when the connection is cut', async () => {
  const asked: (string | undefined)[] = [];
  await using server = await openTestServer({
    async *executePlan() {
      yield rowsAnswer('1', [1, 2]);
      yield rowsAnswer('2', [3]);
      setTimeout(() => server.cut(), 20);
      await delay(60_000, undefined, { ref: false });
    },
    async *reattachExecute({ lastResponseId }) {
      asked.push(lastResponseId);
      yield rowsAnswer('3', [4]);
      // Servers end streams by themselves; that does not end the answer.
      if (asked.length === 1) return;
      yield completeAnswer('4');
    },
  });
  await using engine = open(server.address);
  await using session = await engine.session();
  assert.deepEqual(xs(await session.query('SELECT 1')), [1, 2, 3, 4, 4]);
  assert.deepEqual(asked, ['2', '3']);
});

test('begins again what never arrived', async () => {
  let begun = 0;
  await using server = await openTestServer({
    async *executePlan() {
      begun += 1;
      if (begun === 1) {
        server.cut();
        return;
      }
      yield rowsAnswer('1', [1]);
      yield completeAnswer('2');
    },
    // biome-ignore lint/correctness/useYield: the protocol wants a stream.
    async *reattachExecute() {
      throw sparkError('INVALID_HANDLE.OPERATION_NOT_FOUND');
    },
  });
  await using engine = open(server.address);
  await using session = await engine.session();
  assert.deepEqual(xs(await session.query('SELECT 1')), [1]);
  assert.equal(begun, 2);
});

test('gives up what is lost in the middle instead of doing it twice', async () => {
  let begun = 0;
  await using server = await openTestServer({
    async *executePlan() {
      begun += 1;
      yield rowsAnswer('1', [1]);
      setTimeout(() => server.cut(), 20);
      await delay(60_000, undefined, { ref: false });
    },
    // biome-ignore lint/correctness/useYield: the protocol wants a stream.
    async *reattachExecute() {
      throw sparkError('INVALID_HANDLE.OPERATION_NOT_FOUND');
    },
  });
  await using engine = open(server.address);
  await using session = await engine.session();
  await assert.rejects(session.query('SELECT 1'), (e) => isErrorCode(e, 'ENGINE_UNAVAILABLE'));
  assert.equal(begun, 1);
});

test('waits for a silent statement as long as the server lives', async () => {
  let reattached = 0;
  await using server = await openTestServer({
    async *executePlan() {
      yield rowsAnswer('1', [1]);
      await delay(60_000, undefined, { ref: false });
    },
    async *reattachExecute() {
      reattached += 1;
      if (reattached < 3) await delay(60_000, undefined, { ref: false });
      yield completeAnswer('2');
    },
  });
  await using engine = open(server.address, { timeoutSeconds: 0.5 });
  await using session = await engine.session();
  assert.deepEqual(xs(await session.query('SELECT 1')), [1]);
  assert.equal(reattached, 3);
});

test('gives up a server that is gone within the time limit, and says so', async () => {
  const server = await openTestServer({
    async *executePlan() {
      yield rowsAnswer('1', [1]);
      setTimeout(() => void server[Symbol.asyncDispose](), 20);
      await delay(60_000, undefined, { ref: false });
    },
  });
  await using engine = open(server.address, { timeoutSeconds: 0.5 });
  await using session = await engine.session();
  const startedAt = Date.now();
  await assert.rejects(session.query('SELECT 1'), (e) => isErrorCode(e, 'ENGINE_UNAVAILABLE'));
  assert.ok(Date.now() - startedAt < 5_000);
  await assert.rejects(session.query('SELECT 1'), (e) => isErrorCode(e, 'ENGINE_UNAVAILABLE'));
});

test('begins a new session when the server was restarted', async () => {
  const sessions: string[] = [];
  await using server = await openTestServer({
    async *executePlan({ sessionId, clientObservedServerSideSessionId }) {
      sessions.push(sessionId);
      assert.equal(clientObservedServerSideSessionId, 'first');
      if (sessions.length === 1) throw sparkError('INVALID_HANDLE.SESSION_CHANGED');
      yield rowsAnswer('1', [1]);
      yield completeAnswer('2');
    },
  });
  await using engine = open(server.address);
  await using session = await engine.session();
  await assert.rejects(session.query('SELECT 1'), (e) => isErrorCode(e, 'ENGINE_UNAVAILABLE'));
  assert.deepEqual(xs(await session.query('SELECT 1')), [1]);
  assert.equal(new Set(sessions).size, 2);
});

test('does not take an answer that cannot be read for a cut connection', async () => {
  await using server = await openTestServer({
    async *executePlan() {
      const value = { data: Buffer.from('no Arrow') };
      yield { responseId: '1', responseType: { case: 'arrowBatch' as const, value } };
      yield completeAnswer('2');
    },
    async *reattachExecute() {
      yield completeAnswer('2');
    },
  });
  await using engine = open(server.address);
  await using session = await engine.session();
  await assert.rejects(session.query('SELECT 1'), (e) => isErrorCode(e, 'QUERY_FAILED'));
});

test('logs in with the token and never shows it in an error', async () => {
  const seen: (string | null)[] = [];
  await using server = await openTestServer({
    config(_, { requestHeader }) {
      seen.push(requestHeader.get('authorization'));
      throw sparkError('', 'Invalid authentication token');
    },
  });
  for (const [address, token] of [
    [server.address, SECRET],
    [`${server.address}/;token=${SECRET}`, ''],
  ] as const) {
    await using engine = open(address, { token });
    await using session = await engine.session();
    await assert.rejects(session.query('SELECT 1'), (error) => {
      assert.ok(error instanceof IsobarError);
      return !JSON.stringify([error, error.message, error.details]).includes(SECRET);
    });
  }
  assert.deepEqual(seen, [`Bearer ${SECRET}`, `Bearer ${SECRET}`]);
});

test('sets properties, and refuses those that only a start of Spark can change', async () => {
  const set = new Map<string, string>();
  await using server = await openTestServer({
    config({ operation }) {
      const { opType } = operation ?? { opType: undefined };
      const pairs = [];
      if (opType?.case === 'isModifiable') {
        for (const key of opType.value.keys) {
          pairs.push({ key, value: String(key.startsWith('spark.sql.')) });
        }
      }
      if (opType?.case === 'set') {
        for (const { key, value = '' } of opType.value.pairs) set.set(key, value);
      }
      if (opType?.case === 'getOption') {
        for (const key of opType.value.keys) {
          const value = key === 'spark.executor.memory' ? '1g' : set.get(key);
          pairs.push(value === undefined ? { key } : { key, value });
        }
      }
      return { serverSideSessionId: 'first', pairs };
    },
    async *executePlan() {
      yield rowsAnswer('1', [1]);
      yield completeAnswer('2');
    },
  });
  const properties = 'spark.sql.a=1,2, spark.sql.b = x=y, spark.executor.memory=1g';
  await using engine = open(server.address, { properties });
  await using session = await engine.session();
  await session.query('SELECT 1');
  assert.equal(set.get('spark.sql.a'), '1,2');
  assert.equal(set.get('spark.sql.b'), 'x=y');
  assert.equal(set.get('spark.sql.session.timeZone'), 'UTC');
  assert.equal(engine.facts.version, '4.2.0');
  assert.equal(engine.facts.properties['spark.executor.memory'], '1g');
  assert.equal(engine.facts.properties['spark.sql.b'], 'x=y');
  await using other = open(server.address, { properties: 'spark.executor.memory=2g' });
  await using refused = await other.session();
  await assert.rejects(
    refused.query('SELECT 1'),
    (e) => isErrorCode(e, 'CONFIG_INVALID') && /memory is 1g.*wanted: 2g/.test(String(e)),
  );
});

test('trusts the authority that it was given, and no other', async () => {
  using trust = makeTrust();
  const { pair, authority: authorityFile, other } = trust;
  const answers = {
    async *executePlan() {
      yield rowsAnswer('1', [1]);
      yield completeAnswer('2');
    },
  };
  await using server = await openTestServer(answers, pair);
  const ask = async (address: string, more: Partial<SparkOptions>) => {
    await using engine = open(address, more);
    await using session = await engine.session();
    return xs(await session.query('SELECT 1'));
  };
  assert.deepEqual(await ask(server.address, { authorityFile }), [1]);
  const plain = server.address.replace('/;use_ssl=true', '');
  for (const [address, more] of [
    [server.address, {}],
    [server.address, { authorityFile: other }],
    [plain, { authorityFile }],
  ] as const) {
    await assert.rejects(ask(address, more), (e) => isErrorCode(e, 'ENGINE_UNAVAILABLE'));
  }
  writeFileSync(other, 'nonsense');
  assert.throws(() => open(server.address, { authorityFile: other }), { code: 'CONFIG_INVALID' });
});
