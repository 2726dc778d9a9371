import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Product } from '../answers.ts';
import { deflateTail } from '../splicing.ts';
import { formatAnswer, formatTooLarge, parseAnswer } from './stored-answer.ts';

const FACTS = {
  sources: ['simulator'],
  observedFrom: '2024-10-31T14:00:00Z',
  observedTo: null,
  newest: null,
  computedAt: null,
  coveragePct: 99.5,
  rowCount: 3,
  note: null,
  more: { next_cursor: null, not_enough_values: ['oslo'] },
};

async function productOf(text: string, deflated: boolean): Promise<Product> {
  const tail = Buffer.from(text, 'utf8');
  return { facts: FACTS, tail, deflated: deflated ? await deflateTail(tail) : null };
}

test('what was stored is what is read, compressed or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      async (text, key, deflated) => {
        const product = await productOf(text, deflated);
        assert.deepEqual(await parseAnswer(key, await formatAnswer(key, product)), product);
      },
    ),
  );
  assert.equal(await parseAnswer('key', formatTooLarge('key')), 'too large');
});

test('bytes that were cut, changed or added, or answer another question, are never an answer', async () => {
  const value = await formatAnswer('key', await productOf('{"data":[1,2,3]}'.repeat(9), true));
  assert.equal(await parseAnswer('other', value), null);
  for (let length = 0; length < value.length; length += 1) {
    assert.equal(await parseAnswer('key', value.subarray(0, length)), null, `cut to ${length}`);
  }
  assert.equal(await parseAnswer('key', Buffer.concat([value, Buffer.from('x')])), null);
  for (let at = 0; at < value.length; at += 1) {
    const changed = Buffer.from(value);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    assert.equal(await parseAnswer('key', changed), null, `changed at ${at}`);
  }
});

/** With a digest that fits. */
function signed(head: unknown, body = ''): Buffer {
  const text = Buffer.from(typeof head === 'string' ? head : JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const rest = Buffer.concat([length, text, Buffer.from(body)]);
  return Buffer.concat([createHash('sha256').update(rest).digest(), rest]);
}

test('another shape is never an answer, even where its digest fits', async () => {
  const head = { key: 'key', facts: FACTS, length: 4, deflated: false };
  assert.ok((await parseAnswer('key', signed(head, 'tail'))) !== null);
  const others: readonly (readonly [unknown, string])[] = [
    [head, 'tai'],
    [{ ...head, deflated: true }, 'tail'],
    [{ ...head, length: -1 }, ''],
    [{ ...head, length: 1e12 }, 'tail'],
    [{ ...head, facts: { ...FACTS, rowCount: '3' } }, 'tail'],
    [{ ...head, facts: { ...FACTS, note: undefined } }, 'tail'],
    [{ ...head, facts: { ...FACTS, more: { next_cursor: { toString: 1 } } } }, 'tail'],
    [{ ...head, facts: { ...FACTS, newest: 'yesterday' } }, 'tail'],
    [{ ...head, more: 1 }, 'tail'],
    ['{"key":"key"', ''],
    [[], ''],
    [null, ''],
  ];
  for (const [other, body] of others) {
    assert.equal(await parseAnswer('key', signed(other, body)), null, JSON.stringify(other));
  }
  const beyond = signed(head, 'tail');
  beyond.writeUInt32BE(4_000_000_000, 32);
  createHash('sha256').update(beyond.subarray(32)).digest().copy(beyond);
  assert.equal(await parseAnswer('key', beyond), null);
});
