/** The stream on the real services: its sums are those of the table, also after kills. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../support/random.ts';
import { absent, service } from './services.ts';
import { openStreamPlace } from './streaming-place.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? 20_261_130);
const missing = (['kafka', 'hdfs', 'spark'] as const).find((kind) => service(kind) === null);
const LATE = 3;

test(`the sums of a stream that is killed are those of the table (seed ${SEED})`, {
  skip: missing !== undefined && absent(missing),
}, async () => {
  const random = createRandom(SEED);
  await using place = await openStreamPlace(random);
  for (let round = 0; round < 12; round += 1) {
    await place.append();
    if (round % 4 === 3) {
      await place.crew.kill(place.stream);
      place.stream = place.crew.start('stream');
    }
  }
  const all = await place.hours();
  const first = await place.compared(({ compared }) => compared === all);
  assert.deepEqual([first.differences, first.late], [0, 0], first.error?.message);

  // Later than the watermark allows, which has come to the newest of all by now.
  for (let count = 0; count < LATE; count += 1) await place.appendLate(9 + count / 4);
  const second = await place.compared(({ late }) => late > 0);
  assert.deepEqual([second.differences, second.late], [0, LATE]);
  assert.equal(second.restarts, 0);
  await place.crew.stopAll();
});
