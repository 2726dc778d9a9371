import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIsobarError, IsobarError } from './errors.ts';

test('an error that closing adds does not hide the one that matters', async () => {
  const failing = async () => {
    await using closing = {
      async [Symbol.asyncDispose]() {
        throw new Error('the connection was closed already');
      },
    };
    assert.ok(closing);
    throw new IsobarError('DRILL_FAILED', 'nothing came');
  };
  const error = await failing().catch(asIsobarError);
  assert.deepEqual([error?.code, error?.message], ['DRILL_FAILED', 'nothing came']);
});
