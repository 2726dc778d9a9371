import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../config/load.ts';
import { checkBudget, judgeBudget } from './doctor-budget.ts';

const folder = mkdtempSync(join(tmpdir(), 'isobar-doctor-'));
after(() => rmSync(folder, { recursive: true }));

const DEFAULT = { per_minute: 60, per_day: 1_000, per_month: 31_000 };
const KEY = '0123456789abcdef0123456789abcdef';

const check = (flags: Readonly<Record<string, string>>, key = KEY) =>
  checkBudget(loadConfig({ file: null, env: { ISOBAR_OPENWEATHER_KEY: key }, flags }).config);

test('the defaults have enough calls', async () => {
  assert.deepEqual(await check({}), [
    {
      check: 'budget',
      verdict: 'ok',
      text: '5 cities ask for 720 calls a day, every 600 s; the budget has 1,000',
      remedy: '',
    },
  ]);
});

test('a short interval asks for more than the budget has: how much, and what to do', async () => {
  const [finding] = await check({ 'collector.interval_s': '60' });
  assert.equal(finding?.verdict, 'warn');
  assert.equal(
    finding?.text,
    '5 cities ask for 7,200 calls a day, every 60 s; collector.budget.per_day leaves 1,000, which ' +
      'are spread evenly, so that 13 % of the observations are asked for',
  );
  assert.equal(
    finding?.remedy,
    'Set collector.interval_s to 432 or more, or raise collector.budget, if your plan with the ' +
      'provider allows more.',
  );
});

test('what the remedy names is enough, and one less is not', () => {
  for (const [cities, interval, budget] of [
    [7, 60, DEFAULT],
    [300, 600, DEFAULT],
    [40, 60, { ...DEFAULT, per_day: 100_000, per_month: 1_000_000 }],
    [11, 60, { ...DEFAULT, per_day: 100_000, per_month: 3_000_000, per_minute: 2 }],
  ] as const) {
    const { verdict, remedy } = judgeBudget(cities, interval, budget);
    assert.equal(verdict, 'warn');
    const least = Number(/to (\d+) or more/.exec(remedy)?.[1]);
    assert.equal(judgeBudget(cities, least, budget).verdict, 'ok', remedy);
    assert.equal(judgeBudget(cities, least - 1, budget).verdict, 'warn', remedy);
    const most = Number(/[Ww]atch ([\d,]+) cit/.exec(remedy)?.[1]?.replaceAll(',', '') ?? 0);
    if (most > 0) assert.equal(judgeBudget(most, interval, budget).verdict, 'ok', remedy);
    assert.equal(judgeBudget(most + 1, interval, budget).verdict, 'warn', remedy);
  }
});

test('the narrowest limit counts, and is named', () => {
  const wide = { per_minute: 1_000, per_day: 100_000, per_month: 3_000_000 };
  assert.equal(judgeBudget(100, 600, wide).verdict, 'ok');
  const month = judgeBudget(100, 600, { ...wide, per_month: 31_000 });
  assert.match(month.text, /collector\.budget\.per_month leaves 1,000,/);
  const minute = judgeBudget(100, 600, { ...wide, per_minute: 1 });
  assert.match(minute.text, /collector\.budget\.per_minute leaves 1,440,/);
  // A day has no interval that is long enough.
  const { remedy } = judgeBudget(5_000, 86_400, DEFAULT);
  assert.match(remedy, /^Watch 1,000 cities at most, or raise/);
});

test('without a provider there is nothing to say, and a list that cannot be read is named', async () => {
  assert.deepEqual(await check({ 'collector.interval_s': '60' }, ''), []);
  assert.deepEqual(await check({ 'collector.source': 'simulator' }), []);
  assert.deepEqual(await check({ 'collector.source': 'none' }), []);
  const path = join(folder, 'cities.csv');
  const [missing] = await check({ 'collector.cities': path });
  assert.deepEqual([missing?.check, missing?.verdict], ['budget', 'fail']);
  const rows = Array.from({ length: 20 }, (_, at) => `City ${at},XX,${at},${at}`);
  writeFileSync(path, ['name,country,latitude,longitude', ...rows].join('\n'));
  const [many] = await check({ 'collector.cities': path });
  assert.match(many?.text ?? '', /^20 cities ask for 2,880 calls a day, every 600 s/);
});
