/** Every field of every document that verify reads, each with several wrong values. */
import { after, before, test } from 'node:test';
import {
  assertFound,
  type Field,
  openGarbledPlace,
  type Place,
  wrongValues,
} from '../garbled-documents.ts';

let place: Place;
before(async () => {
  place = await openGarbledPlace();
});
after(() => place[Symbol.asyncDispose]());

test('any field of any kind that says otherwise than the files is found', async () => {
  const kinds = new Map<string, Field>();
  for (const field of place.fields) {
    const document = field.path.replaceAll(/[0-9-]{2,}/g, '#');
    kinds.set(`${document} ${field.keys.join('.').replaceAll(/\d+/g, '#')}`, field);
  }
  for (const field of kinds.values()) {
    for (const to of wrongValues(field.value)) await assertFound(place, field, to);
  }
});
