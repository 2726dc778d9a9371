/** The page in a real browser, served by the real program, with the network cut but for loopback. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import axe, { type AxeResults } from 'axe-core';
import type { Page, Route } from 'playwright-core';
import { loadConfig } from '../src/config/load.ts';
import { silentLogger } from '../src/logger.ts';
import { type Pipeline, ROLES, startPipeline } from '../src/pipeline.ts';
import { type Browser, openBrowser } from './browser.ts';

const ROOT = join(import.meta.dirname, '..');
const ARTEFACTS = join(ROOT, 'artefacts');
const PANELS = [
  'cities',
  'temperature',
  'humidity',
  'trends',
  'statistics',
  'anomalies',
  'pipeline',
  'rows',
];
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 320, height: 700 };
const KIB = 1_024;

type Scheme = 'light' | 'dark';

let folder: string;
let pipeline: Pipeline;
let browser: Browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-page-'));
  // The page as its source is now, and not in the way of other tests that serve web/dist.
  const vite = join(ROOT, 'node_modules/.bin/vite');
  const built = ['build', 'web', '--outDir', join(folder, 'page'), '--logLevel', 'error'];
  execFileSync(process.execPath, [vite, ...built, '--emptyOutDir'], { cwd: ROOT });
  mkdirSync(ARTEFACTS, { recursive: true });
  pipeline = await start();
  await pipeline.settle();
  browser = await openBrowser();
});

after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await pipeline?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function start(flags: Readonly<Record<string, string>> = {}): Promise<Pipeline> {
  const { config } = loadConfig({
    file: null,
    env: {},
    flags: { data: join(folder, 'data'), 'api.port': '0', ...flags },
    defaults: {
      'table.landing_age_s': 1,
      'analytics.refresh_delay_s': 0.1,
      'simulator.interval_s': 5,
      'collector.delay_s': 0,
    },
  });
  return startPipeline({
    config,
    roles: ROLES,
    logger: silentLogger,
    version: '0.0.0',
    command: 'isobar test',
    webFolder: join(folder, 'page'),
  });
}

/** A page that is closed at the end of its test, so that its stream does not hold a connection. */
async function newPage(t: TestContext, size = WIDE): Promise<Page> {
  const page = await browser.newPage(size);
  t.after(() => page.close());
  return page;
}

async function openPage(t: TestContext, query = '', size = WIDE, scheme: Scheme = 'light') {
  const page = await newPage(t, size);
  await page.emulateMedia({ colorScheme: scheme });
  await page.goto(`${pipeline.url}/${query}`);
  return page;
}

/** Waits until every panel shows data, and both charts are drawn. */
async function untilFilled(page: Page): Promise<void> {
  for (const id of PANELS) {
    await page.waitForSelector(`#${id}[aria-busy="false"]`, { timeout: 30_000 });
  }
  for (const id of ['temperature', 'humidity']) {
    await page.waitForSelector(`#${id} [data-drawn] .main-svg .scatterlayer path.js-line`);
  }
}

async function eventually(what: string, isRight: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isRight()); tries += 1) {
    assert.ok(tries < 300, `not within 30 s: ${what}`);
    await delay(100);
  }
}

/** What axe finds, one line each; the page's policy forbids scripts, so it goes in from outside. */
async function findViolations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const asked = JSON.stringify({ runOnly: tags });
  const { violations } = (await page.evaluate(`axe.run(document, ${asked})`)) as AxeResults;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

function isQuiet(): void {
  assert.deepEqual(browser.takeProblems(), []);
  assert.deepEqual(browser.foreign, []);
}

const textOf = async (page: Page, selector: string) =>
  (await page.locator(selector).first().textContent()) ?? '';

for (const scheme of ['light', 'dark'] as const) {
  for (const size of [NARROW, { width: 768, height: 1_000 }, WIDE]) {
    test(`all panels are filled, ${scheme}, ${size.width} px`, async (t) => {
      const page = await openPage(t, '', size, scheme);
      await untilFilled(page);
      assert.equal(await page.locator('.card').count(), 5);
      assert.match(await textOf(page, '#state'), /Live/);
      assert.match(await textOf(page, '.badge-simulated'), /Simulated/);
      assert.match(await textOf(page, '.freshness'), /data through .+ · checked .+/);
      assert.equal(await page.locator('#trends .bar').count(), 24);
      assert.equal(await page.locator('#statistics tbody tr').count(), 5);
      assert.equal(await page.locator('#pipeline .step').count(), 5);
      assert.equal(await page.locator('#rows tbody tr').count(), 15);
      const isWider = await page.evaluate(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth',
      );
      assert.equal(isWider, false, 'the page scrolls sideways');
      await page.mouse.move(0, 0);
      const path = join(ARTEFACTS, `page-${scheme}-${size.width}.png`);
      await page.screenshot({ path, fullPage: true });
      assert.deepEqual(await findViolations(page), []);
      isQuiet();
    });
  }
}

test('an observation is on the screen within a second of being collected (p95)', async (t) => {
  const page = await openPage(t);
  await untilFilled(page);
  await page.evaluate(WATCH_CARDS);
  const seen = () => page.evaluate('globalThis.seen') as Promise<Seen[]>;
  await eventually('twenty observations', async () => (await seen()).length >= 20);
  const shown = await seen();
  await pipeline.settle();
  const answer = await fetch(`${pipeline.url}/api/raw-data?limit=500`);
  const { data } = (await answer.json()) as { data: Record<string, string>[] };
  const waits = shown.flatMap(({ city, observedAt, at }) => {
    const row = data.find((one) => one.city_id === city && one.observed_at === observedAt);
    return row === undefined ? [] : at - Date.parse(row.collected_at ?? '');
  });
  waits.sort((a, b) => a - b);
  assert.ok(waits.length >= 20, `${waits.length} of ${shown.length} found`);
  const p95 = waits[Math.ceil(waits.length * 0.95) - 1] ?? Number.NaN;
  t.diagnostic(`collected → on the screen: p95 ${p95} ms of ${waits.length}`);
  assert.ok(p95 < 1_000, `p95 ${p95} ms of ${waits.join()}`);
  isQuiet();
});

/** In the page: notes when each card has been drawn with another observation. */
const WATCH_CARDS = `
  globalThis.seen = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const { city, observedAt } = target.dataset;
      requestAnimationFrame(() => seen.push({ city, observedAt, at: Date.now() }));
    }
  }).observe(document.querySelector('.cards'), {
    subtree: true,
    attributeFilter: ['data-observed-at'],
  });`;

interface Seen {
  readonly city: string;
  readonly observedAt: string;
  readonly at: number;
}

test('what is chosen is in the address, goes back, and shows the same in another window', async (t) => {
  const page = await openPage(t);
  await untilFilled(page);
  await page.getByRole('button', { name: '30 d' }).click();
  await page.getByRole('button', { name: '°F' }).click();
  await page.getByRole('button', { name: 'UTC', exact: true }).first().click();
  await page.getByRole('button', { name: 'Dark' }).click();
  await page.getByRole('button', { name: 'Tokyo', exact: true }).click();
  const { search } = new URL(page.url());
  assert.match(search, /range=30d/);
  assert.match(search, /city=tokyo/);
  assert.match(search, /units=f&tz=utc&theme=dark/);
  const pressed = async (at: Page) => at.locator('button[aria-pressed="true"]').allInnerTexts();
  const other = await openPage(t, search);
  await untilFilled(other);
  assert.deepEqual(await pressed(other), await pressed(page));
  assert.match(await textOf(other, '#temperature .subtitle'), /^°F · UTC/);
  await page.goBack();
  assert.doesNotMatch(page.url(), /tokyo/);
  assert.equal(await page.locator('.card.compared').count(), 3);
  isQuiet();
});

test('a city is chosen with the keyboard alone, and a row shows where it comes from', async (t) => {
  const page = await openPage(t);
  await untilFilled(page);
  const sydney = page.locator('#cities').getByRole('button', { name: 'Sydney', exact: true });
  for (let tabs = 0; tabs < 60; tabs += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate('document.activeElement.textContent')) === 'Sydney') break;
  }
  await page.keyboard.press('Enter');
  assert.equal(await sydney.getAttribute('aria-pressed'), 'true');
  await page.waitForSelector('#rows[aria-busy="false"]');
  await page
    .getByRole('button', { name: /^Origin of/ })
    .first()
    .click();
  const origin = await textOf(page, '.origin');
  assert.match(origin, /partition/);
  assert.match(origin, /"main": \{/);
  await page.locator('#temperature').getByRole('button', { name: 'Table' }).click();
  assert.ok((await page.locator('#temperature tbody tr').count()) > 50);
  assert.deepEqual(await findViolations(page), []);
  await page.getByRole('button', { name: 'Older' }).click();
  await eventually('page 2', async () => /page 2/.test(await textOf(page, '.pages')));
  isQuiet();
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
  const page = await newPage(t);
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
  await page.goto(`${pipeline.url}/`);
  const panel = page.locator('#statistics');
  await panel.locator('.skeleton').waitFor();
  behave = 'fail';
  for (const route of held) await route.fulfill(PROBLEM);
  await panel.getByText('Too many requests wait already.').waitFor();
  assert.deepEqual(await findViolations(page), []);
  behave = 'pass';
  await panel.getByRole('button', { name: 'Try again' }).click();
  await panel.locator('tbody tr').first().waitFor();
  behave = 'fail';
  await panel.getByText(/This was right at \d\d:\d\d/).waitFor();
  assert.equal(await panel.locator('tbody tr').count(), 5, 'the last good data stays');
  behave = 'stale';
  await panel.getByText('▲ stale').waitFor();
  assert.equal(await panel.locator('tbody tr').count(), 5);
  const past = '?from=1999-01-01T00:00:00Z&to=1999-01-02T00:00:00Z';
  await page.goto(`${pipeline.url}/${past}`);
  behave = 'pass';
  for (const id of ['temperature', 'humidity', 'trends', 'rows']) {
    await page.locator(`#${id} .state`).getByRole('button', { name: 'Widen to 7 d' }).waitFor();
  }
  await page.screenshot({ path: join(ARTEFACTS, 'page-empty.png'), fullPage: true });
  assert.deepEqual(await findViolations(page), []);
  await page.locator('#temperature').getByRole('button', { name: 'Widen to 7 d' }).click();
  await untilFilled(page);
  const failures = browser.takeProblems().filter((text) => !text.includes('status of 503'));
  assert.deepEqual(failures, []);
});

test('dragging over a chart chooses that time for the whole page', async (t) => {
  const page = await openPage(t);
  await untilFilled(page);
  const box = await page.locator('#temperature .plot').boundingBox();
  assert.ok(box !== null);
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.3, y);
  await page.locator('#temperature .tooltip').waitFor();
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=.+&to=/);
  const { searchParams } = new URL(page.url());
  const hours =
    (Date.parse(searchParams.get('to') ?? '') - Date.parse(searchParams.get('from') ?? '')) / 3.6e6;
  assert.ok(hours > 30 && hours < 45, `${hours} h of seven days`);
  await untilFilled(page);
  assert.equal(await page.locator('.ranges [aria-pressed="true"]').count(), 0);
  await page.goBack();
  assert.equal(await page.locator('.ranges [aria-pressed="true"]').textContent(), '7 d');
  isQuiet();
});

test('an empty folder says what is missing, everywhere', async (t) => {
  const flags = { data: join(folder, 'empty'), 'collector.source': 'none' };
  await using empty = await start(flags);
  const page = await newPage(t);
  await page.goto(`${empty.url}/`);
  await page.locator('#cities').getByText('No city is watched').waitFor();
  await page.locator('#rows').getByText('nothing to show').waitFor();
  await page.locator('#anomalies .state').waitFor();
  assert.equal(await page.locator('.skeleton').count(), 0);
  assert.deepEqual(await findViolations(page), []);
  isQuiet();
});

test('without the stream it polls, and it says so; a hidden or paused page keeps no stream', async (t) => {
  const viewers = async () => {
    const text = await (await fetch(`${pipeline.url}/metrics`)).text();
    return Number(/^isobar_api_event_viewers (\d+)/m.exec(text)?.[1]);
  };
  await eventually('nobody else looks', async () => (await viewers()) === 0);
  const page = await openPage(t);
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
  isQuiet();

  const other = await newPage(t);
  await other.route('**/api/events*', (route) => route.fulfill({ status: 503, body: '' }));
  await other.goto(`${pipeline.url}/`);
  await untilFilled(other);
  await eventually('polling', async () => /Polling/.test(await textOf(other, '#state')));
  browser.takeProblems();
});

/** In the page: as if another tab were in front, or no longer. */
const setHidden = (hidden: boolean) => `
  Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));`;

test('when the server is gone the last good data stays, and it is back when the server is', async (t) => {
  const page = await openPage(t);
  await untilFilled(page);
  const { port } = new URL(pipeline.url ?? '');
  await pipeline[Symbol.asyncDispose]();
  await eventually('offline', async () => /Offline/.test(await textOf(page, '#state')));
  assert.equal(await page.locator('.card .pill').count(), 5);
  assert.equal(await page.locator('#temperature path.js-line').count(), 3);
  await page.screenshot({ path: join(ARTEFACTS, 'page-offline.png') });
  assert.deepEqual(await findViolations(page), []);
  pipeline = await start({ 'api.port': port });
  await eventually('live again', async () => /Live/.test(await textOf(page, '#state')));
  browser.takeProblems();
  assert.deepEqual(browser.foreign, []);
});

test('the page is small', () => {
  const assets = join(folder, 'page', 'assets');
  const sizes = readdirSync(assets)
    .filter((name) => name.endsWith('.gz'))
    .map((name) => ({ name, bytes: statSync(join(assets, name)).size }));
  const first = sizes.filter(({ name }) => !name.startsWith('plotly'));
  const script = first.filter(({ name }) => name.endsWith('.js.gz'));
  const sum = (files: typeof sizes) => files.reduce((total, { bytes }) => total + bytes, 0);
  assert.ok(sum(script) > 0 && sizes.length > first.length, 'Plotly is a chunk of its own');
  assert.ok(sum(script) <= 45 * KIB, `application script ${sum(script)}`);
  const html = statSync(join(folder, 'page', 'index.html.gz')).size;
  assert.ok(sum(first) + html <= 100 * KIB, `first load ${sum(first) + html}`);
});
