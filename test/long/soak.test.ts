/** Minutes at the fastest clock: what lands and goes leaves nothing in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSample, soak } from '../../bench/soak.ts';
import { stormOf } from '../support/storm.ts';

/**
 * What leaks goes beyond that in this time, and grows; the bars themselves are those of `bench soak`.
 * On a quick machine with nothing else to do more lands, and V8 lets more garbage wait: up to 952 MiB.
 */
const MIB_MAX = 1_100;
const GROWTH_MAX = 0.3;

const MINUTES = Number(process.env.ISOBAR_TEST_SOAK_MINUTES ?? stormOf(10, 5));

test(`${MINUTES} minutes at the fastest clock take no more and more memory`, async (t) => {
  const found = await soak({
    minutes: MINUTES,
    settleMinutes: MINUTES * 0.4,
    speed: 100_000,
    sampleSeconds: MINUTES * 2,
    onSample: (sample) => t.diagnostic(formatSample(sample)),
  });
  assert.ok(found.growth < GROWTH_MAX, `${(100 * found.growth).toFixed(1)} % more`);
  assert.ok(found.mostMib < MIB_MAX, `${found.mostMib.toFixed(0)} MiB`);
  assert.ok(found.logLines <= 10 * MINUTES, `${found.logLines} log lines`);
});
