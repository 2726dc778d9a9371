import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LeaseStatus } from '../model/status.ts';
import { formatLeases } from './leases.ts';

const NOW = Date.parse('2026-11-24T10:00:30Z');

function lease(
  role: LeaseStatus['role'],
  number: number,
  pid: number,
  change: Partial<LeaseStatus> = {},
): LeaseStatus {
  const command = { collect: 'isobar collect', analyze: 'isobar analyze' }[role as string];
  return {
    role,
    number,
    state: 'live',
    host: pid < 10 ? 'weather-1' : 'weather-2',
    pid,
    command: command ?? 'isobar land',
    since: '2026-11-24T09:00:00.000Z',
    last_sign_at: '2026-11-24T10:00:27.000Z',
    ...change,
  };
}

test('shows one line for each process', () => {
  const silent = { state: 'silent', last_sign_at: '2026-11-24T09:58:30.000Z' } as const;
  const leases = [
    lease('collect', 0, 1),
    lease('land', 0, 2),
    lease('land', 1, 3),
    lease('land', 2, 13, silent),
    lease('partition', 2, 2),
    lease('partition', 0, 2),
    lease('partition', 1, 13, silent),
    lease('maintain', 0, 2, { since: '2026-11-24T08:00:00.000Z' }),
    lease('analyze', 0, 4),
  ];
  assert.equal(
    formatLeases(leases, NOW),
    `\
process         host       pid  does                                         since                 last sign
isobar analyze  weather-1    4  computes the analytics                       2026-11-24T09:00:00Z  3 s ago
isobar collect  weather-1    1  polls the provider                           2026-11-24T09:00:00Z  3 s ago
isobar land     weather-1    2  lands partitions 0, 2; maintains the table   2026-11-24T08:00:00Z  3 s ago
isobar land     weather-1    3  stands by to land                            2026-11-24T09:00:00Z  3 s ago
isobar land     weather-2   13  lands partition 1                            2026-11-24T09:00:00Z  120 s ago, silent
`.replace(/ {3}(?=2026|since)/g, '  '),
  );
  assert.equal(formatLeases([], NOW), '');
});
