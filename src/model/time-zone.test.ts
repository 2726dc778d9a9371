import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTimeZone } from './time-zone.ts';

test('zones are those of IANA and fixed offsets, not abbreviations that mean several zones', () => {
  for (const name of ['Europe/Berlin', 'UTC', 'gmt', 'CET', 'EST', 'EST5EDT', '+01:00', 'Eire']) {
    assert.equal(isTimeZone(name), true, name);
  }
  // The runtime takes BST for Dhaka and AST for Anchorage.
  for (const name of ['BST', 'bst', 'AST', 'IST', 'CST', 'PST', 'NST', 'SST', 'UTC+1', '']) {
    assert.equal(isTimeZone(name), false, name);
  }
});
