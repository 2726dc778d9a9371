import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../test/support/until.ts';
import { IsobarError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { observation, openMemoryLog } from '../table/testing/lake.ts';
import { pause } from '../waiting.ts';
import { startAlertFeed } from './alert-feed.ts';

test('while the log is away nothing waits; once it is back, all is to be read again', async () => {
  const log = openMemoryLog(1);
  let isAway = false;
  let gaps = 0;
  const cities: string[] = [];
  log.put(0, observation('tokyo', 0));
  const feed = await startAlertFeed({
    log: {
      ...log,
      range: async (partition: number) => {
        if (isAway) throw new IsobarError('LOG_UNAVAILABLE', 'asking for the ends');
        return log.range(partition);
      },
      async *follow(signal: AbortSignal) {
        for (; !signal.aborted; await pause(5, signal)) yield;
      },
    },
    from: [0n],
    onObserved: (observed) => cities.push(...observed.map(({ cityId }) => cityId)),
    onGap: () => {
      gaps += 1;
    },
    logger: silentLogger,
  });
  try {
    assert.deepEqual(
      (await feed.waiting()).map(({ cityId }) => cityId),
      ['tokyo'],
    );
    isAway = true;
    assert.deepEqual(await feed.waiting(), []);
    isAway = false;
    log.put(0, observation('lagos', 0));
    await until('what comes after it', () => cities.includes('lagos'));
    assert.equal(gaps, 1);
  } finally {
    await feed.stop();
  }
});
