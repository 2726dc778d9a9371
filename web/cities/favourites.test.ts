import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFavourites } from './favourites.ts';

function keeperOf(text: string | null) {
  const kept = { text };
  return {
    kept,
    getItem: () => kept.text,
    setItem: (_: string, value: string) => {
      kept.text = value;
    },
  };
}

test('favourites are kept, and taken back', () => {
  const keeper = keeperOf(null);
  const favourites = createFavourites(keeper);
  favourites.toggle('tokyo');
  favourites.toggle('oslo');
  favourites.toggle('tokyo');
  assert.deepEqual([...createFavourites(keeper).ids.value], ['oslo']);
});

test('ignores favourites that are malformed or cannot be read', () => {
  for (const text of ['{', '{}', '[1, null, "oslo"]', 'null']) {
    const ids = [...createFavourites(keeperOf(text)).ids.value];
    assert.deepEqual(ids, text.includes('oslo') ? ['oslo'] : []);
  }
  const refusing = {
    getItem() {
      throw new Error('denied');
    },
    setItem() {
      throw new Error('full');
    },
  };
  const favourites = createFavourites(refusing);
  favourites.toggle('oslo');
  assert.equal(favourites.ids.value.has('oslo'), true);
});
