/** The stream while Spark itself is killed, and the step is killed at random. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../support/random.ts';
import { absent, control, killService, service } from './services.ts';
import { openStreamPlace } from './streaming-place.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? 20_261_130);
const missing = (['kafka', 'hdfs', 'spark'] as const).find((kind) => service(kind) === null);

test(`nothing is lost and nothing counts twice when Spark dies under load (seed ${SEED})`, {
  skip: missing !== undefined && absent(missing),
}, async (t) => {
  const random = createRandom(SEED);
  await using place = await openStreamPlace(random);
  const services = await control();
  await place.append();
  await place.compared(({ compared }) => compared > 0);
  for (let round = 0; round < 3; round += 1) {
    for (let appends = 0; appends < 5; appends += 1) {
      await place.append();
      await delay(1_500 * random());
    }
    if (random() < 0.5) {
      t.diagnostic('the step is killed, too');
      await place.crew.kill(place.stream);
      place.stream = place.crew.start('stream');
    }
    await killService('spark-connect');
    await place.append();
    await services.start('spark-connect');
  }
  const all = await place.hours();
  const found = await place.compared(({ compared, error }) => compared === all && error === null);
  assert.deepEqual([found.differences, found.late, found.state], [0, 0, 'running']);
  await place.crew.stopAll();
});
