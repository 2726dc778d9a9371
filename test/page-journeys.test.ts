/** What people come to the page for, by the keyboard alone where that is how they work. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { loadConfig } from '../src/config/load.ts';
import { DEFAULT_CITIES } from '../src/model/city.ts';
import { formatRecord, isInvalidRecord } from '../src/model/observation.ts';
import { historyRecords } from '../src/pipeline/polling.ts';
import { openWorkspace } from '../src/pipeline/workspace.ts';
import { de } from '../web/words/de.ts';
import { en } from '../web/words/en.ts';
import { textsOf } from '../web/words/test-words.ts';
import { openBrowser } from './support/browser.ts';
import {
  eventually,
  findViolations,
  isQuiet,
  type ServedPage,
  scrollsSideways,
  servePage,
  takePicture,
  textOf,
  untilFilled,
} from './support/served-page.ts';

const DAY_MS = 86_400_000;

let served: ServedPage;

before(async () => {
  served = await servePage();
  await makeHeat(served);
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
});

/**
 * Whether the made-up month holds a value that is unusual depends on the date: ten days ago a city gets up
 * to 25 °C warmer within half a day.
 */
async function makeHeat({ folder, pipeline }: ServedPage): Promise<void> {
  const { config } = loadConfig({ file: null, env: {}, flags: { data: join(folder, 'data') } });
  await using workspace = await openWorkspace(config, true);
  const city = DEFAULT_CITIES.find(({ city_id }) => city_id === 'london') ?? assert.fail();
  const { seed } = config.simulator;
  const from = new Date(Date.now() - 10 * DAY_MS);
  const to = new Date(from.getTime() + DAY_MS);
  const records = [...historyRecords(seed, city, from, to)].map((record) => {
    assert.ok(!isInvalidRecord(record) && typeof record.temperature_c === 'number');
    const at = Date.parse(record.observed_at);
    const turn = (2 * Math.PI * (at - from.getTime())) / DAY_MS;
    const temperature_c = record.temperature_c + 12.5 * (1 - Math.cos(turn));
    // Later than the answer of the history, which it corrects.
    const collected_at = new Date(at + 60_000).toISOString();
    return { key: city.city_id, value: formatRecord({ ...record, temperature_c, collected_at }) };
  });
  await (await workspace.log()).append(records);
  await pipeline.settle();
}

const comparedOn = (page: Page) => page.locator('.card.compared h3').allInnerTexts();

test('a city is found, compared and read by the keyboard, and the link shows the same', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  await page.keyboard.press('/');
  await page.keyboard.type('tok');
  await page.locator('[role="option"]').first().waitFor();
  assert.match(await textOf(page, '[role="option"][aria-selected="true"]'), /Tokyo/);
  assert.deepEqual(await findViolations(page), []);
  await page.keyboard.press('Enter');
  await page.waitForURL(/city=tokyo/);
  assert.ok((await comparedOn(page)).includes('Tokyo'));
  await page.keyboard.press('/');
  await page.keyboard.type('nowhere');
  await page.getByText('No city of that name is watched.').waitFor();
  await page.keyboard.press('Escape');
  const other = await served.openPage(t, new URL(page.url()).search);
  await untilFilled(other);
  assert.deepEqual(await comparedOn(other), await comparedOn(page));
  isQuiet(served);
});

/** Goes on by the Tab key alone. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 300; presses += 1) {
    if (await target.evaluate((element) => element.matches(':focus'))) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`not reached by Tab: ${target}`);
}

test('by the keyboard alone: compare two cities, read a value, export, share the view', async (t) => {
  await served.browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await served.openPage(t, '?tz=utc&units=f&city=london');
  await untilFilled(page);
  await page.keyboard.press('/');
  await page.keyboard.type('syd');
  await page.locator('[role="option"]').first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/city=london&city=sydney/);
  await untilFilled(page);
  assert.deepEqual((await comparedOn(page)).toSorted(), ['London', 'Sydney']);

  await tabTo(page, page.locator('#chart-temperature_c .plot'));
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowDown');
  const speech = page.locator('#chart-temperature_c [aria-live]');
  await eventually('the value is spoken', async () =>
    /Sydney.* −?\d+\.\d/.test((await speech.textContent()) ?? ''),
  );

  await page.keyboard.press('Escape');
  // Its menu comes before the drawing.
  const saving = page.waitForEvent('download');
  await tabTo(page, page.locator('#chart-humidity_pct .menu-button'));
  await page.keyboard.press('Enter');
  await page.locator('#chart-humidity_pct-menu').waitFor();
  await page.keyboard.press('c');
  await page.keyboard.press('Enter');
  const path = join(served.folder, 'humidity.csv');
  await (await saving).saveAs(path);
  const [header, first = ''] = readFileSync(path, 'utf8').split('\n');
  assert.match(header ?? '', /^city_id,city,variable,unit,observed_at,value\r?$/);
  assert.match(first, /^london,London,humidity_pct,%,\d{4}-\d\d-\d\dT[\d:.]+Z,\d/);

  await page.evaluate('scrollTo(0, 0); document.activeElement.blur()');
  await tabTo(page, page.getByRole('button', { name: 'Copy link' }));
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const link = String(await page.evaluate('navigator.clipboard.readText()'));
  assert.equal(link, page.url());
  await using elsewhere = await openBrowser();
  const other = await elsewhere.newPage({ width: 1440, height: 900 });
  await other.goto(link);
  await untilFilled(other);
  assert.deepEqual(await comparedOn(other), await comparedOn(page));
  assert.match(await textOf(other, '#chart-temperature_c .subtitle'), /°F · UTC/);
  assert.deepEqual([elsewhere.takeProblems(), elsewhere.foreign], [[], []]);
  isQuiet(served);
});

test('a range is chosen without a mouse: keys, buttons, and two times', async (t) => {
  const page = await served.openPage(t, '?tz=utc');
  await untilFilled(page);
  await page.keyboard.press('1');
  await page.waitForURL(/range=24h/);
  await page.keyboard.press('[');
  await page.waitForURL(/from=.+&to=/);
  const spanOf = () => {
    const { searchParams } = new URL(page.url());
    return ['from', 'to'].map((name) => Date.parse(searchParams.get(name) ?? '')) as [
      number,
      number,
    ];
  };
  const [from, to] = spanOf();
  assert.ok(Math.abs(to - from - DAY_MS) < 2 * 3_600_000, 'as long as before');
  await page.getByRole('button', { name: 'Shorter range' }).click();
  await eventually('half as long', async () => {
    const [a, b] = spanOf();
    return Math.abs((b - a) / (to - from) - 0.5) < 0.01;
  });
  await page.getByRole('button', { name: 'From … to …' }).click();
  await page.getByLabel('From', { exact: true }).fill('2026-01-02T03:04');
  await page.getByLabel('To', { exact: true }).fill('2026-01-01T03:04');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.getByText('Two times are needed').waitFor();
  await page.getByLabel('To', { exact: true }).fill('2026-01-03T03:04');
  await page.keyboard.press('Enter');
  await page.waitForURL(/from=2026-01-02T03:04:00.000Z&to=2026-01-03T03:04:00.000Z/);
  isQuiet(served);
});

test('shortcuts say what they do, and can be switched off', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor();
  assert.deepEqual(await findViolations(page), []);
  await page.getByLabel('Use single-key shortcuts').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await page.keyboard.press('1');
  assert.doesNotMatch(page.url(), /range/);
  assert.match(await textOf(page, '#state'), /Live/);
  isQuiet(served);
});

test('favourites go first, also after the page was loaded anew', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  await page.getByRole('button', { name: 'Tokyo first' }).click();
  const first = () => textOf(page, '.card h3');
  await eventually('Tokyo is first', async () => (await first()) === 'Tokyo');
  await page.reload();
  await untilFilled(page);
  assert.equal(await first(), 'Tokyo');
  isQuiet(served);
});

test('the map is walked by the keyboard, and chooses what it is at', async (t) => {
  const page = await served.openPage(t, '?city=london');
  await untilFilled(page);
  const map = page.locator('.map-view');
  await map.focus();
  await page.keyboard.press('ArrowRight');
  const spoken = page.locator('.map [aria-live="polite"]');
  await eventually('it says a city', async () => /°/.test((await spoken.textContent()) ?? ''));
  for (let steps = 0; steps < 12; steps += 1) {
    if (/Sydney/.test((await spoken.textContent()) ?? '')) break;
    await page.keyboard.press(steps % 2 === 0 ? 'ArrowRight' : 'ArrowDown');
  }
  assert.match((await spoken.textContent()) ?? '', /Sydney/);
  await page.keyboard.press('Enter');
  await page.waitForURL(/city=sydney/);
  await page.getByRole('button', { name: 'Zoom in' }).click();
  await page.getByRole('button', { name: 'All cities' }).click();
  isQuiet(served);
});

test('a row of what is unusual lights its point, and shows it in the charts', async (t) => {
  const page = await served.openPage(t, '?range=30d');
  await untilFilled(page);
  const city = page.locator('#anomalies tbody button').first();
  await city.waitFor();
  const name = (await city.textContent()) ?? '';
  await city.click();
  await page.waitForURL(/from=.+&to=/);
  await eventually('its city is compared', async () => (await comparedOn(page)).includes(name));
  await untilFilled(page);
  await page.locator('#anomalies tbody button', { hasText: name }).first().focus();
  await eventually('one ring is lit', async () => (await page.locator('.ring.lit').count()) === 1);
  assert.deepEqual(await findViolations(page), []);
  isQuiet(served);
});

test('unusual values are searched and narrowed by the keyboard alone', async (t) => {
  const page = await served.openPage(t, '?range=30d');
  await untilFilled(page);
  const panel = page.locator('#anomalies');
  const rows = panel.locator('tbody tr');
  await rows.first().waitFor();
  const city = (await panel.locator('tbody button').first().textContent()) ?? '';
  const field = panel.getByRole('searchbox', { name: en.anomalies.search });
  await tabTo(page, field);
  await page.keyboard.type(city.toUpperCase());
  const found = panel.getByRole('status');
  await eventually('it says how many', async () => /found/.test((await found.textContent()) ?? ''));
  await eventually('only that city is left', async () =>
    (await rows.locator('td:nth-child(2) button').allInnerTexts()).every((text) => text === city),
  );
  // Whatever is half below the header at this place is small for a moment.
  await page.evaluate('scrollTo(0, 0)');
  assert.deepEqual(await findViolations(page), []);
  await page.keyboard.type(' xyzzy');
  await panel.locator('.state').waitFor();
  await page.keyboard.press('Escape');
  await eventually('all is there again', async () => (await found.textContent()) === '');
  // The made-up month has too few of them for a choice.
  await page.route('**/api/anomalies?*q=temp*', async (route) => {
    const json = await (await route.fetch()).json();
    json.meta.facets.city_id.push({ value: 'elsewhere', count: 3 });
    await route.fulfill({ json });
  });
  await page.keyboard.type('temp');
  const chip = panel.locator('.chip').first();
  await chip.waitFor();
  await tabTo(page, chip);
  const narrowed = page.waitForRequest(/anomalies\?.*city=/);
  await page.keyboard.press('Enter');
  await narrowed;
  await panel.locator('.chip[aria-pressed="true"]').waitFor();
  assert.equal(await scrollsSideways(page), false);
  isQuiet(served);
});

test('a month that was pressed is let go with the range that it lies in', async (t) => {
  const page = await served.newPage(t);
  const month = new Date(Date.now() - 60 * DAY_MS).toISOString().slice(0, 7);
  await page.route('**/api/anomalies?*facets=1*', async (route) => {
    const response = await route.fetch();
    if (!response.ok()) return route.fulfill({ response });
    const json = await response.json();
    const months = [month, '2020-01'].map((value) => ({ value, count: 1 }));
    json.meta.facets = { ...json.meta.facets, city_id: [], variable: [], rule: [], month: months };
    await route.fulfill({ json });
  });
  await page.goto(`${served.pipeline.url}/?range=24h`);
  await untilFilled(page);
  const choose = (name: '24h' | '1y') =>
    page.locator('.ranges').getByRole('button', { name: en.range.names[name] }).click();
  const pressed = page.locator('#anomalies .chip[aria-pressed="true"]');
  await choose('1y');
  const narrowed = page.waitForResponse(/anomalies\?.*to=.*facets/);
  await page.locator('#anomalies .chip').first().click();
  await narrowed;
  await pressed.waitFor();
  // Its range is left by "back", which takes back no choice but that of the range.
  const whole = page.waitForResponse(/anomalies\?.*facets/);
  await page.goBack();
  assert.equal((await whole).status(), 200);
  await page.goForward();
  await untilFilled(page);
  await pressed.waitFor();
  await choose('24h');
  await pressed.waitFor({ state: 'detached' });
  await untilFilled(page);
  isQuiet(served);
});

test('a screen on a wall has nothing to press', async (t) => {
  const page = await served.openPage(t, '?kiosk=1');
  await untilFilled(page);
  for (const hidden of ['.settings', '.ranges', '.actions', '.search']) {
    assert.equal(await page.locator(hidden).first().isVisible(), false, hidden);
  }
  assert.equal(await page.locator('#chart-temperature_c path.line').first().isVisible(), true);
  isQuiet(served);
});

/** Own texts of the page's elements, and what it gives to screen readers. */
const TEXTS = `
  [...document.body.querySelectorAll('*')].flatMap((element) => [
    ...(element.closest('[lang]').lang === 'en' ? [] : [...element.childNodes])
      .filter(({ nodeType }) => nodeType === Node.TEXT_NODE)
      .map(({ data }) => data.trim()),
    ...['aria-label', 'title', 'placeholder'].map((name) => element.getAttribute(name) ?? ''),
  ]).filter((text) => text !== '')`;

test('the language is chosen, kept in the address, and speaks everywhere', async (t) => {
  const page = await served.openPage(t, '', { width: 320, height: 700 });
  await untilFilled(page);
  const menu = page.locator('.open-menu');
  assert.equal(await menu.getAttribute('aria-expanded'), 'false');
  await menu.focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Language').selectOption('de');
  await page.waitForURL(/lang=de/);
  await page.locator('h2', { hasText: 'Ungewöhnliche Werte' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  const german = new Map(textsOf(de));
  const english = new Set(
    [...textsOf(en)].filter(([path, text]) => german.get(path) !== text).map(([, text]) => text),
  );
  const alsoGerman = new Set(german.values());
  for (const sheet of ['Wetter', 'Pipeline', 'Wetter']) {
    if ((await menu.getAttribute('aria-expanded')) === 'false') await menu.click();
    await page.getByRole('link', { name: sheet, exact: true }).click();
    await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
    const texts = (await page.evaluate(TEXTS)) as string[];
    assert.ok(texts.length > 100, `${texts.length} texts`);
    const left = texts.filter((text) => english.has(text) && !alsoGerman.has(text));
    assert.deepEqual(left, [], `English on the sheet ${sheet}`);
    assert.deepEqual(await findViolations(page), []);
  }
  assert.equal(await scrollsSideways(page), false, 'the page scrolls sideways');
  const other = await served.openPage(t, new URL(page.url()).search);
  await other.locator('h2', { hasText: 'Statistik der Städte' }).waitFor();
  await untilFilled(other);
  await takePicture(other, 'page-de.png', { fullPage: true });
  await other.getByLabel('Sprache').selectOption('fr');
  await other.locator('h2', { hasText: 'Statistiques des villes' }).waitFor();
  await other.goBack();
  await other.locator('h2', { hasText: 'Statistik der Städte' }).waitFor();
  isQuiet(served);
});
