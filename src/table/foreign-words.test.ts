import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignRows } from './foreign.ts';

const DELETION = { version: 4, operation: 'DELETE', engine: 'delta-rs', at: null };

test('the commands that resolve a foreign change name the data root and the table', () => {
  const messageOf = (table: string, simulated: boolean) =>
    foreignRows(`table/${table}`, [DELETION], { 'isobar.simulated': String(simulated) }).message;
  assert.match(
    messageOf('observations', false),
    /`isobar table accept-foreign 4`, or go back with `isobar table restore 3`$/,
  );
  assert.match(
    messageOf('cities', true),
    /accept-foreign 4 --table cities --simulated`.*restore 3 --table cities --simulated`$/,
  );
});
