import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseCollector } from './cities-share.ts';

test('few cities move when a collector comes or goes', () => {
  const cities = Array.from({ length: 3_000 }, (_, index) => `city-${index}`);
  const share = (collectors: readonly number[]) =>
    cities.map((city) => chooseCollector(city, collectors));
  const two = share([0, 1]);
  const three = share([0, 1, 2]);
  const moved = three.filter((collector, index) => collector !== two[index]);
  assert.ok(moved.every((collector) => collector === 2));
  assert.ok(moved.length > 800 && moved.length < 1_200, String(moved.length));
  assert.ok(three.filter((collector) => collector === 0).length > 800);
  assert.deepEqual(share([1, 0]), two, 'in whatever order they are seen');
  assert.equal(chooseCollector('city', []), null);
});
