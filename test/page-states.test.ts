/** The page when something is missing, late or gone: it says so, and keeps what it had. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Request, Route } from 'playwright-core';
import {
  eventually,
  findViolations,
  isQuiet,
  PANELS,
  type ServedPage,
  servePage,
  takePicture,
  textOf,
  untilFilled,
} from './support/served-page.ts';

let served: ServedPage;

before(async () => {
  // News come every two seconds.
  served = await servePage({ 'simulator.interval_s': '10' });
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
});

const PROBLEM = {
  status: 503,
  contentType: 'application/problem+json',
  body: JSON.stringify({
    title: 'Too many requests wait already.',
    detail: 'Here.',
    remedy: 'Try again in a moment.',
  }),
};

test('a panel shows skeleton, error, data, error over data, stale and empty', async (t) => {
  const page = await served.newPage(t);
  let behave: 'hold' | 'fail' | 'pass' | 'stale' = 'hold';
  const held: Route[] = [];
  await page.route('**/api/city-statistics*', async (route) => {
    if (behave === 'hold') return void held.push(route);
    if (behave === 'fail') return route.fulfill(PROBLEM);
    if (behave === 'pass') return route.continue();
    const response = await route.fetch({ headers: {} });
    const answer = await response.json();
    Object.assign(answer.meta, { stale: true, reason: 'the last run failed' });
    return route.fulfill({ response, json: answer, headers: { etag: 'W/"stale"' } });
  });
  await page.goto(`${served.pipeline.url}/`);
  const panel = page.locator('#statistics');
  await panel.locator('.skeleton').waitFor();
  behave = 'fail';
  for (const route of held.splice(0)) await route.fulfill(PROBLEM);
  await panel.getByText('Too many requests wait already.').waitFor();
  assert.deepEqual(await findViolations(page), []);
  // Held, since an answer to a question of the page's own would take the button away.
  behave = 'hold';
  await panel.getByRole('button', { name: 'Try again' }).click();
  await eventually('it asks again', async () => held.length > 0);
  behave = 'pass';
  for (const route of held.splice(0)) await route.continue();
  await panel.locator('tbody tr').first().waitFor();
  behave = 'fail';
  await panel.getByText(/This was right at \d\d:\d\d/).waitFor();
  assert.equal(await panel.locator('tbody tr').count(), 5, 'the last good data stays');
  behave = 'stale';
  await panel.getByText('▲ stale').waitFor();
  assert.equal(await panel.locator('tbody tr').count(), 5);
  const past = '?from=1999-01-01T00:00:00Z&to=1999-01-02T00:00:00Z';
  await page.goto(`${served.pipeline.url}/${past}`);
  behave = 'pass';
  for (const id of ['chart-temperature_c', 'chart-humidity_pct', 'trends', 'rows']) {
    await page.locator(`#${id} .state`).getByRole('button', { name: 'Widen to 7 d' }).waitFor();
  }
  await takePicture(page, 'page-empty.png', { fullPage: true });
  assert.deepEqual(await findViolations(page), []);
  await page.locator('#chart-temperature_c').getByRole('button', { name: 'Widen to 7 d' }).click();
  await untilFilled(page);
  const failures = served.browser.takeProblems().filter((text) => !text.includes('status of 503'));
  assert.deepEqual(failures, []);
});

/** Those whose answers say how old they are. */
const AGED = PANELS.filter((id) => !['map', 'cities'].includes(id));

test('every panel has a skeleton, an error, data, and data that is said to be stale', async (t) => {
  const page = await served.newPage(t);
  let behave: 'hold' | 'fail' | 'pass' | 'stale' = 'hold';
  const held: Route[] = [];
  await page.route(/\/api\/(?!events)/, async (route) => {
    if (behave === 'hold') return void held.push(route);
    if (behave === 'fail') return route.fulfill(PROBLEM);
    if (behave === 'pass') return route.continue();
    const response = await route.fetch({ headers: {} });
    const answer = await response.json();
    answer.meta = { ...answer.meta, stale: true, reason: 'the last run failed' };
    return route.fulfill({ response, json: answer, headers: { etag: `W/"${Math.random()}"` } });
  });
  const seen = async (what: string, selector: string, ids: readonly string[] = PANELS) => {
    for (const id of ids) {
      const found = page.locator(`#${id} ${selector}`);
      await eventually(`${what}: ${id}`, async () => (await found.count()) > 0);
    }
    await takePicture(page, `state-${what}.png`, { fullPage: true });
    assert.deepEqual(await findViolations(page), [], what);
  };
  await page.goto(`${served.pipeline.url}/`);
  await seen('skeleton', '.skeleton', ['map', 'cities']);
  behave = 'fail';
  for (const route of held.splice(0)) await route.fulfill(PROBLEM);
  await seen('error', '.state .alert', ['map', 'cities']);
  behave = 'pass';
  await page.locator('#map').getByRole('button', { name: 'Try again' }).click();
  await untilFilled(page);
  behave = 'stale';
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  await seen('stale', '.age-note.alert', AGED);
  behave = 'hold';
  await page.getByRole('button', { name: '3 d', exact: true }).click();
  await seen('outdated', '.updating', ['chart-temperature_c', 'statistics', 'trends']);
  behave = 'fail';
  for (const route of held.splice(0)) await route.fulfill(PROBLEM);
  await seen('failed-later', '.notice .alert', ['chart-temperature_c', 'statistics', 'trends']);
  // What it still asks fails, too.
  await page.close();
  served.browser.takeProblems();
});

test('in a range without observations every panel says so', async (t) => {
  const past = '?from=1999-01-01T00:00:00Z&to=1999-01-02T00:00:00Z';
  const page = await served.openPage(t, past);
  for (const id of AGED) await page.locator(`#${id} .state p`).first().waitFor();
  assert.deepEqual(await findViolations(page), []);
  isQuiet(served);
});

test('while a longer range is on its way, what is not known yet is not called a gap', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  const held: Route[] = [];
  await page.route(
    /series\?.*variable=temperature_c&points=(?!96)/,
    (route) => void held.push(route),
  );
  await page.getByRole('button', { name: '30 d' }).click();
  await page.locator('#chart-temperature_c .updating').waitFor();
  await page.locator('#chart-humidity_pct[aria-busy="false"]').waitFor();
  assert.doesNotMatch(await textOf(page, '#chart-temperature_c .plot'), /no data/);
  for (const route of held) await route.continue();
  await untilFilled(page);
  isQuiet(served);
});

test('an empty folder says what is missing, everywhere', async (t) => {
  const flags = { data: join(served.folder, 'empty'), 'collector.source': 'none' };
  await using empty = await served.start(flags);
  const page = await served.newPage(t);
  await page.goto(`${empty.url}/`);
  await page.locator('#cities').getByText('No city is watched').waitFor();
  await page.locator('#rows').getByText('nothing to show').waitFor();
  await page.locator('#anomalies .state').waitFor();
  const skeletons = page.locator('.skeleton');
  await eventually('no skeleton stays', async () => (await skeletons.count()) === 0);
  assert.deepEqual(await findViolations(page), []);
  await page.close();
  isQuiet(served);
});

test('without the stream it polls, and it says so; a hidden or paused page keeps no stream', async (t) => {
  const viewers = async () => {
    const text = await (await fetch(`${served.pipeline.url}/metrics`)).text();
    return Number(/^isobar_api_event_viewers (\d+)/m.exec(text)?.[1]);
  };
  await eventually('no other viewer', async () => (await viewers()) === 0);
  const page = await served.openPage(t);
  await eventually('one looks', async () => (await viewers()) === 1);
  await page.getByRole('button', { name: 'Pause' }).click();
  await eventually('paused', async () => (await viewers()) === 0);
  assert.match(await textOf(page, '#state'), /Paused/);
  await page.getByRole('button', { name: 'Resume' }).click();
  await eventually('resumed', async () => (await viewers()) === 1);
  await page.evaluate(setHidden(true));
  await eventually('hidden', async () => (await viewers()) === 0);
  await page.evaluate(setHidden(false));
  await eventually('seen again', async () => (await viewers()) === 1);
  await eventually('live', async () => /Live/.test(await textOf(page, '#state')));
  isQuiet(served);

  const other = await served.newPage(t);
  await other.route('**/api/events*', (route) => route.fulfill({ status: 503, body: '' }));
  await other.goto(`${served.pipeline.url}/`);
  await untilFilled(other);
  await eventually('polling', async () => /Polling/.test(await textOf(other, '#state')));
  served.browser.takeProblems();
});

/** In the page: as if another tab were in front, or no longer. */
const setHidden = (hidden: boolean) => `
  Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));`;

test('when nothing comes any more the page says so by itself', async (t) => {
  const page = await served.newPage(t);
  let isStale = false;
  await page.route(/\/api\/(?!events)/, async (route) => {
    if (!isStale || route.request().url().endsWith('/api/status')) return route.continue();
    const response = await route.fetch({ headers: {} });
    const answer = await response.json();
    answer.meta = { ...answer.meta, stale: true, reason: 'the newest observation is old' };
    return route.fulfill({ response, json: answer, headers: { etag: '"stale"' } });
  });
  // No event and no new version reports it.
  await page.route('**/api/events*', (route) => void route);
  await page.clock.install();
  await page.goto(`${served.pipeline.url}/`);
  await untilFilled(page);
  assert.equal(await page.locator('.age-note').count(), 0);
  isStale = true;
  await page.clock.fastForward(61_000);
  await eventually('stale', async () => /Stale/.test(await textOf(page, '#state')));
  await page.clock.fastForward(10_000);
  for (const id of AGED) await page.locator(`#${id} .age-note.alert`).waitFor();
  served.browser.takeProblems();
});

test('a page that one comes back to asks one question, and only news bring more', async (t) => {
  const data = join(served.folder, 'history');
  const main = join(import.meta.dirname, '../src/cli/main.ts');
  const fixture = join(import.meta.dirname, '../src/import/fixtures/kaggle');
  execFileSync(process.execPath, [main, 'import', fixture, '--data', data], { stdio: 'ignore' });
  await using history = await served.start({ data, 'collector.source': 'none' });
  await history.settle();
  const page = await served.newPage(t);
  await page.goto(`${history.url}/`);
  await untilFilled(page);
  await page.waitForLoadState('networkidle');
  for (const leave of ['Pause', 'hide'] as const) {
    if (leave === 'hide') await page.evaluate(setHidden(true));
    else await page.getByRole('button', { name: leave }).click();
    const asked: string[] = [];
    const note = (request: Request) => asked.push(new URL(request.url()).pathname);
    page.on('request', note);
    if (leave === 'hide') await page.evaluate(setHidden(false));
    else await page.getByRole('button', { name: 'Resume' }).click();
    // The status is read once the stream is open.
    await eventually('the status', async () => asked.includes('/api/status'));
    page.off('request', note);
    assert.deepEqual(asked.toSorted(), ['/api/cities', '/api/events', '/api/status'], leave);
  }
  await page.close();
  isQuiet(served);
});

test('when the server is gone the last good data stays, and it is back when the server is', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  const { port } = new URL(served.pipeline.url ?? '');
  await served.pipeline[Symbol.asyncDispose]();
  await eventually('offline', async () => /Offline/.test(await textOf(page, '#state')));
  assert.equal(await page.locator('.card .pill').count(), 5);
  assert.equal(await page.locator('#chart-temperature_c path.line').count(), 3);
  await takePicture(page, 'page-offline.png');
  assert.deepEqual(await findViolations(page), []);
  served.pipeline = await served.start({ 'api.port': port });
  await eventually('live again', async () => /Live/.test(await textOf(page, '#state')));
  served.browser.takeProblems();
  assert.deepEqual(served.browser.foreign, []);
});
