/** The page as the real program serves it, and a browser that looks at it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import axe, { type AxeResults } from 'axe-core';
import type { Locator, Page, PageScreenshotOptions } from 'playwright-core';
import { loadConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/logger.ts';
import { type Pipeline, ROLES, startPipeline } from '../../src/pipeline/pipeline.ts';
import { type Browser, openBrowser } from './browser.ts';
import { madeOnce } from './made-once.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Pictures of panels, and with ISOBAR_TEST_PICTURES of each view, are kept here. */
export const ARTEFACTS = join(ROOT, 'artefacts');
export const PANELS = [
  'map',
  'cities',
  'chart-temperature_c',
  'chart-humidity_pct',
  'trends',
  'heat',
  'wind',
  'statistics',
  'anomalies',
  'rows',
] as const;
export const WIDE = { width: 1440, height: 900 };
type Scheme = 'light' | 'dark';
type Flags = Readonly<Record<string, string>>;

export interface ServedPage extends AsyncDisposable {
  /** Holds the data. */
  readonly folder: string;
  readonly browser: Browser;
  /** What serves at the moment. */
  pipeline: Pipeline;
  /** Starts another one. */
  start(flags?: Flags): Promise<Pipeline>;
  /** A page that is closed with its test, so that its stream does not hold a connection. */
  newPage(t: TestContext, size?: typeof WIDE): Promise<Page>;
  openPage(t: TestContext, query?: string, size?: typeof WIDE, scheme?: Scheme): Promise<Page>;
}

/** The flags are those of each pipeline that serves it. */
export async function servePage(always: Flags = {}): Promise<ServedPage> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-page-'));
  const webFolder = await madeOnce('page', buildPage);
  const data = join(folder, 'data');
  cpSync(await madeOnce('month', makeMonth), data, { recursive: true });
  const start = (flags: Flags = {}) => startSimulated(webFolder, { data, ...always, ...flags });
  const served: ServedPage = {
    folder,
    browser: await openBrowser(),
    pipeline: await start(),
    start,
    async newPage(t, size = WIDE) {
      const page = await served.browser.newPage(size);
      t.after(() => page.close());
      return page;
    },
    async openPage(t, query = '', size = WIDE, scheme = 'light') {
      const page = await served.newPage(t, size);
      await page.emulateMedia({ colorScheme: scheme });
      await page.goto(`${served.pipeline.url}/${query}`);
      return page;
    },
    async [Symbol.asyncDispose]() {
      await served.browser[Symbol.asyncDispose]();
      await served.pipeline[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await served.pipeline.settle();
  return served;
}

/** The page as its source is now, and not in the way of other tests that serve web/dist. */
function buildPage(folder: string): void {
  const vite = join(ROOT, 'node_modules/.bin/vite');
  const built = ['build', 'web', '--outDir', folder, '--logLevel', 'error', '--emptyOutDir'];
  execFileSync(process.execPath, [vite, ...built], { cwd: ROOT });
}

/** A month of simulated weather, landed and computed. */
async function makeMonth(data: string): Promise<void> {
  await using pipeline = await startSimulated(null, { data });
  await pipeline.settle();
}

async function startSimulated(webFolder: string | null, flags: Flags): Promise<Pipeline> {
  const { config } = loadConfig({
    file: null,
    env: {},
    flags: { 'api.port': '0', ...flags },
    defaults: {
      'table.landing_age_s': 1,
      // Writing a month of hourly files takes longest, and the page does not show them.
      'table.raw_export': false,
      'analytics.refresh_delay_s': 0.1,
      // It moves the end of the axis; page-forecast.test.ts has it.
      'forecast.enabled': false,
      'collector.delay_s': 0,
      'simulator.interval_s': 20,
    },
  });
  return startPipeline({
    config,
    roles: ROLES,
    logger: silentLogger,
    version: '0.0.0',
    command: 'isobar test',
    webFolder,
  });
}

/** Waits until every panel shows data, and both charts are drawn. */
export async function untilFilled(page: Page): Promise<void> {
  for (const id of PANELS) {
    await page.waitForSelector(`#${id}[aria-busy="false"]`, { timeout: 30_000 });
  }
  await page.waitForSelector('.plot[data-drawn] path.line');
}

/** Opens the menu of a panel; resolves with one of its actions. */
export async function actionOf(page: Page, panel: string, name: string): Promise<Locator> {
  const button = page.locator(`#${panel} .menu-button`);
  if ((await button.getAttribute('aria-expanded')) === 'false') await button.click();
  return page.locator(`#${panel}-menu > *`, { hasText: new RegExp(`^${name}$`) });
}

export async function act(page: Page, panel: string, name: string): Promise<void> {
  await (await actionOf(page, panel, name)).click();
}

export async function eventually(what: string, isRight: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isRight()); tries += 1) {
    assert.ok(tries < 300, `not within 30 s: ${what}`);
    await delay(100);
  }
}

/** Whether something on the page is wider than its window. */
export async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  );
}

/** A card that has been drawn with another observation. */
export interface Seen {
  readonly city: string;
  readonly observedAt: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Watches the cards from now on; resolves with a function that returns those seen so far. */
export async function watchCards(page: Page): Promise<() => Promise<readonly Seen[]>> {
  await page.evaluate(WATCH_CARDS);
  return async () => (await page.evaluate('globalThis.seen')) as readonly Seen[];
}

/** In the page. */
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

/** Milliseconds from each one's `collected_at`, as the table has it, until it was seen. */
export async function waitsOf(pipeline: Pipeline, seen: readonly Seen[]): Promise<number[]> {
  await pipeline.settle();
  let waits: number[] = [];
  // The API moves on to a version shortly after it is there.
  await eventually('all of them in the table', async () => {
    const answer = await fetch(`${pipeline.url}/api/raw-data?limit=1000`);
    const { data } = (await answer.json()) as { data: Record<string, string>[] };
    const collected = new Map(
      data.map((row) => [`${row.city_id} ${row.observed_at}`, Date.parse(row.collected_at ?? '')]),
    );
    waits = seen.flatMap(({ city, observedAt, at }) => {
      const from = collected.get(`${city} ${observedAt}`);
      return from === undefined ? [] : at - from;
    });
    return waits.length === seen.length;
  });
  return waits;
}

/** What axe finds, one line each; the page's policy forbids scripts, so it goes in from outside. */
export async function findViolations(page: Page): Promise<readonly string[]> {
  if (!(await page.evaluate(`'axe' in globalThis`))) await page.evaluate(axe.source);
  const { violations } = (await page.evaluate(RUN_AXE)) as Pick<AxeResults, 'violations'>;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** In the page; of what passes, which is nearly all, nothing is described. */
const RUN_AXE = `
  axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
  }).then(({ violations }) => ({ violations }))`;

/** Pictures are for people to look at, and taken where there is a place for them. */
export async function takePicture(
  page: Page,
  name: string,
  options: PageScreenshotOptions = {},
): Promise<void> {
  if (process.env.ISOBAR_TEST_PICTURES !== undefined) {
    await page.screenshot({ ...options, path: join(ARTEFACTS, name) });
  }
}

export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).first().textContent()) ?? '';
}

/** No error in the console, and no request to another machine, since the last look. */
export function isQuiet({ browser }: ServedPage): void {
  assert.deepEqual(browser.takeProblems(), []);
  assert.deepEqual(browser.foreign, []);
}
