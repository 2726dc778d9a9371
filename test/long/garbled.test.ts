/** Every field of every document that verify reads, each with a wrong value of some kind. */
import { after, before, test } from 'node:test';
import {
  assertFound,
  type Field,
  openGarbledPlace,
  type Place,
  wrongValues,
} from '../support/garbled-documents.ts';
import { createRandom } from '../support/random.ts';
import { someOf } from '../support/storm.ts';

let place: Place;
before(async () => {
  place = await openGarbledPlace();
});
after(() => place[Symbol.asyncDispose]());

test('a field of each kind that says otherwise than the files is found', async (t) => {
  const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`ISOBAR_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const kinds = new Map<string, Field>();
  for (const field of place.fields) {
    // Commits lie below a checkpoint or above it.
    const isCommit = /_delta_log\/\d+\.json$/.test(field.path);
    const document = isCommit ? field.path : field.path.replaceAll(/[0-9-]{2,}/g, '#');
    kinds.set(`${document} ${field.keys.join('.').replaceAll(/\d+/g, '#')}`, field);
  }
  for (const field of someOf([...kinds.values()], 30, seed)) {
    const wrong = wrongValues(field.value);
    await assertFound(place, field, wrong[Math.floor(random() * wrong.length)]);
  }
});
