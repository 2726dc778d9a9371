/** The page over long ranges and for a long time, in a real browser. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import {
  eventually,
  findViolations,
  isQuiet,
  type ServedPage,
  servePage,
  takePicture,
  textOf,
  untilFilled,
  WIDE,
} from '../support/served-page.ts';

const ROOT = join(import.meta.dirname, '../..');
const HISTORY = join(ROOT, '../shared/data/historical-hourly-weather');
/** With how many cities have observations in it: ten of them end a month before the others. */
const RANGES = { '24 h': 26, '3 d': 26, '7 d': 26, '30 d': 26, '1 y': 36, All: 36 };

let served: ServedPage;

before(async () => {
  served = await servePage();
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
});

test('five years of 36 cities fill every panel at every range', {
  skip: !existsSync(HISTORY) && 'the history is not beside the project',
}, async (t) => {
  const data = join(served.folder, 'history');
  const isobar = [join(ROOT, 'src/cli/main.ts'), 'import', HISTORY, '--data', data];
  execFileSync(process.execPath, isobar, { stdio: 'ignore' });
  await using history = await served.start({ data, 'collector.source': 'none' });
  await history.settle();
  const page = await served.newPage(t, WIDE);
  await page.goto(`${history.url}/`);
  await untilFilled(page);
  assert.match(await textOf(page, '#state'), /History/);
  await page.getByRole('link', { name: 'Pipeline', exact: true }).click();
  assert.match(await textOf(page, '.facts'), /36 cities with history only/);
  await page.goBack();
  await untilFilled(page);
  for (const [range, cityCount] of Object.entries(RANGES)) {
    await page.locator('.ranges').getByRole('button', { name: range, exact: true }).click();
    await untilFilled(page);
    for (const id of ['chart-temperature_c', 'chart-humidity_pct']) {
      const lines = page.locator(`#${id} path.line`);
      await eventually(`${id} has lines`, async () => (await lines.count()) >= 3);
    }
    assert.equal(await page.locator('#statistics tbody tr').count(), cityCount, range);
    assert.ok((await page.locator('#trends .bar').count()) === 24, range);
    // In a few days there may be nothing unusual.
    const bare = page.locator('.panel:not(#anomalies) :is(.state, .notice)');
    assert.equal(await bare.count(), 0, `${range}: no panel is empty`);
    await takePicture(page, `history-${range.replaceAll(' ', '')}.png`);
    assert.deepEqual(await findViolations(page), [], range);
  }
  isQuiet(served);
});

const SPEED = 500;
const DAY_S = 86_400 / SPEED;

test(`a day at ${SPEED} × leaves no more behind than an hour of it`, async (t) => {
  const data = join(served.folder, 'fast');
  const flags = { data, 'simulator.speed': String(SPEED), 'simulator.interval_s': '600' };
  await using fast = await served.start(flags);
  await fast.settle();
  const page = await served.newPage(t, WIDE);
  await page.goto(`${fast.url}/?range=24h`);
  await untilFilled(page);
  await delay((DAY_S / 6) * 1_000);
  const early = await measure(page);
  await delay(((DAY_S * 5) / 6) * 1_000);
  const late = await measure(page);
  const said = `${JSON.stringify(early)} → ${JSON.stringify(late)}`;
  t.diagnostic(said);
  assert.ok(late.observations > early.observations + 300, `too little came: ${said}`);
  assert.ok(late.heap < early.heap * 1.3 + 2_000_000, `the heap grows: ${said}`);
  assert.ok(late.nodes < early.nodes * 1.2 + 200, `the document grows: ${said}`);
  assert.ok(late.listeners < early.listeners * 1.2 + 50, `listeners stay behind: ${said}`);
  isQuiet(served);
});

interface Left {
  readonly heap: number;
  readonly nodes: number;
  readonly listeners: number;
  /** Rows of the table so far. */
  readonly observations: number;
}

/** What is left once all that can go has gone. */
async function measure(page: Page): Promise<Left> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.enable');
  // What a first collection lets go of may be all that holds something else.
  for (let turn = 0; turn < 3; turn += 1) await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  const read = (name: string) => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
  await session.detach();
  const status = (await page.evaluate(`fetch('api/status').then((answer) => answer.json())`)) as {
    readonly data: { readonly table: { readonly rows: number } };
  };
  return {
    heap: read('JSHeapUsedSize'),
    nodes: read('Nodes'),
    listeners: read('JSEventListeners'),
    observations: status.data.table.rows,
  };
}
