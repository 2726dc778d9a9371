import assert from 'node:assert/strict';
import { type ErrorCode, type IsobarError, isErrorCode } from '../../src/errors.ts';

/** Rejects with one of these codes; resolves with the error. */
export async function rejects(
  promise: Promise<unknown>,
  ...codes: readonly ErrorCode[]
): Promise<IsobarError> {
  const [result] = await Promise.allSettled([promise]);
  if (result.status === 'fulfilled') assert.fail(`resolved, expected ${codes.join(' or ')}`);
  const { reason } = result;
  if (!isErrorCode(reason, ...codes)) throw reason;
  return reason;
}
