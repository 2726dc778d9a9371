import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IsobarError } from '../errors.ts';
import type { Log, NewRecord } from '../log/log.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type InvalidRecord, type Observation, RECORD_BYTES_MAX } from '../model/observation.ts';
import { openAppender } from './appender.ts';
import { openTestClock } from './testing/clock.ts';

const record = (city_id: string, response = ''): InvalidRecord => ({
  invalid: 'a test',
  city_id,
  collected_at: '2026-11-23T16:00:00Z',
  source: 'test',
  response,
});

function open() {
  const clock = openTestClock(0);
  const appends: string[][] = [];
  const words: string[] = [];
  let failure: IsobarError | null = null;
  let gate: Promise<void> = Promise.resolve();
  let changes = 0;
  const log: Pick<Log, 'append'> = {
    async append(records: readonly NewRecord[]) {
      await gate;
      if (failure !== null) throw failure;
      if (records.some(({ value }) => value.length > RECORD_BYTES_MAX)) {
        throw new IsobarError('RECORD_TOO_LARGE', 'a record is too large');
      }
      appends.push(records.map(({ key }) => key));
      return [];
    },
  };
  const logger: Logger = {
    ...silentLogger,
    error: (...said: unknown[]) => words.push(said.join()),
  };
  const appender = openAppender({
    log,
    clock,
    random: () => 1,
    logger,
    onChange: () => {
      changes += 1;
    },
  });
  return {
    clock,
    appends,
    words,
    appender,
    changes: () => changes,
    fail: (error: IsobarError | null) => {
      failure = error;
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
  };
}

describe('the appender', () => {
  test('records that wait together go in one append, in their order', async () => {
    const { appender, appends, hold } = open();
    const release = hold();
    const all = ['a', 'b', 'c', 'd'].map((id) => appender.append(record(id)));
    release();
    assert.deepEqual(await Promise.all(all), [true, true, true, true]);
    assert.deepEqual(appends, [['a'], ['b', 'c', 'd']]);
    assert.equal(await appender.append(record('e')), true);
    assert.deepEqual(appends.at(-1), ['e']);
  });

  test('a failure is tried again with the same records, and blocks meanwhile', async () => {
    const { appender, appends, fail, clock, changes } = open();
    fail(new IsobarError('LOG_FULL', 'the log is full'));
    const [a, b] = [appender.append(record('a')), appender.append(record('b'))];
    await clock.advance(0);
    assert.equal(appender.blocked?.code, 'LOG_FULL');
    await clock.advance(3_600_000);
    assert.deepEqual(appends, []);
    fail(null);
    await clock.advance(30_000);
    assert.deepEqual(await Promise.all([a, b]), [true, true]);
    assert.deepEqual(appends.flat(), ['a', 'b']);
    assert.equal(appender.blocked, null);
    assert.equal(changes(), 2);
  });

  test('a record that no log takes goes in as invalid, the others as they are', async () => {
    const { appender, appends, hold } = open();
    const release = hold();
    const first = appender.append(record('first'));
    const large = { ...record('large'), response: 'x'.repeat(RECORD_BYTES_MAX) };
    const { invalid: _, ...observation } = large;
    const all = [
      first,
      appender.append(record('a')),
      appender.append(observation as unknown as Observation),
      appender.append(record('b')),
    ];
    release();
    assert.deepEqual(await Promise.all(all), [true, true, true, true]);
    assert.deepEqual(appends, [['first'], ['a', 'large', 'b']]);
  });

  test('closing waits for the append under way', async () => {
    const { appender, appends, hold } = open();
    const release = hold();
    const a = appender.append(record('a'));
    let closed = false;
    const closing = appender.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(closed, false);
    release();
    await closing;
    assert.equal(await a, true);
    assert.deepEqual(appends, [['a']]);
  });

  test('closing while the log is full tries once more, and names what is lost', async () => {
    const { appender, fail, clock, words } = open();
    fail(new IsobarError('LOG_FULL', 'the log is full'));
    const a = appender.append(record('lost-city'));
    await clock.advance(100_000);
    await appender.close();
    assert.equal(await a, false);
    assert.match(words.join('\n'), /1 records that it did not take, of lost-city/);
    // What comes after that is tried once, too.
    fail(null);
    assert.equal(await appender.append(record('late')), true);
  });
});
