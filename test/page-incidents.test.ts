/** The sheet of the incidents: what alert rules found, and what people do about it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openAlertStore } from '../src/alerts/sqlite-store.ts';
import { exampleIncident } from '../src/alerts/testing/alerting.ts';
import {
  act,
  eventually,
  findViolations,
  isQuiet,
  type ServedPage,
  scrollsSideways,
  servePage,
  takePicture,
  textOf,
  WIDE,
} from './support/served-page.ts';

let served: ServedPage;
let folder: string;

/** Each city is warmer than that, and none is this humid. */
const RULES = `
rules:
  - name: warm
    description: Warmer than −30 °C.
    when: { kind: value, variable: temperature_c, above: -30 }
    severity: critical
    cities: [london, tokyo]
  - name: any-pressure
    when: { kind: value, variable: pressure_hpa, above: 500 }
    severity: info
    group: rule
  - name: damp
    when: { kind: value, variable: humidity_pct, above: 100 }
    for: 10m
`;
const PAST = 'abcdef0123456789';

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-rules-'));
  const file = join(folder, 'alerts.yaml');
  writeFileSync(file, RULES);
  served = await servePage({ 'alerts.file': file, 'simulator.interval_s': '10' });
  using store = openAlertStore(join(served.folder, 'data', 'simulated', 'alerts'));
  const over = exampleIncident({
    incident_id: PAST,
    state: 'resolved',
    resolved_at: '2026-03-01T04:00:00Z',
  });
  await store.apply({ incidents: [over], messages: [], tracks: null, at: Date.now() });
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const entry = (page: Page, text: string) => page.locator('.incident', { hasText: text });
/** The incident of a city: that of the group is shown with a city's value, too. */
const warm = (page: Page, city: string) => entry(page, 'warm').filter({ hasText: city });

test('incidents are listed, shown in the weather of their time, and acknowledged', async (t) => {
  const page = await served.openPage(t);
  const badge = page.locator('.badge-critical');
  await badge.waitFor();
  assert.match((await badge.textContent()) ?? '', /▲ 3 incidents/);
  await badge.click();
  await entry(page, 'warm').nth(1).waitFor();
  assert.match(page.url(), /\?sheet=incidents$/);
  assert.match((await entry(page, 'warm').first().textContent()) ?? '', /▲ Critical/);
  assert.equal(await page.locator('#resolved .incident').count(), 1);
  assert.match(await textOf(page, '#alert-rules'), /damp.*value: variable humidity_pct, above 100/);
  assert.match(await textOf(page, '#alert-rules'), /collecting-fails/, 'built-in ones, too');
  assert.deepEqual(await findViolations(page), []);

  const london = warm(page, 'London');
  await london.getByRole('link').focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.incident .plot[data-drawn] path.line');
  assert.match(page.url(), /\?incident=[0-9a-f]{16}$/);
  assert.equal(await london.locator('.plot path.threshold').count(), 1);
  await page.locator('.incident .plot').focus();
  await page.keyboard.press('End');
  await london.locator('.tooltip').waitFor();
  assert.deepEqual(await findViolations(page), []);

  await london.getByRole('button', { name: /^Acknowledge/ }).click();
  const window = page.getByRole('dialog', { name: 'Acknowledge' });
  await window.getByLabel('Your name').fill('Ann');
  await window.getByLabel('Note').fill('on my way');
  assert.deepEqual(await findViolations(page), []);
  await window.getByRole('button', { name: 'Acknowledge' }).click();
  await london.getByText(/acknowledged by Ann/).waitFor();
  assert.match((await london.textContent()) ?? '', /Note of Ann: on my way/);
  await eventually('the header counts it no more', async () =>
    /2 incidents/.test((await badge.textContent()) ?? ''),
  );
  await page.reload();
  const tokyo = warm(page, 'Tokyo');
  await tokyo.getByRole('button', { name: /^Acknowledge/ }).click();
  assert.equal(await window.getByLabel('Your name').inputValue(), 'Ann', 'the browser knows it');
  await page.keyboard.press('Escape');
  isQuiet(served);
});

test('a rule is silenced for a city, and the silence is ended', async (t) => {
  const page = await served.openPage(t, '?sheet=incidents');
  const tokyo = warm(page, 'Tokyo');
  await tokyo.getByRole('button', { name: 'Silence for 8 h' }).click();
  await tokyo.getByText(/silenced until/).waitFor();
  const row = page.locator('#silences tbody tr');
  assert.match((await row.textContent()) ?? '', /warm, Tokyo/);
  assert.deepEqual(await findViolations(page), []);
  await row.getByRole('button', { name: /^End/ }).click();
  await page.locator('#silences').getByText('Nothing is silenced.').waitFor();
  await tokyo.getByText(/silenced until/).waitFor({ state: 'detached' });
  isQuiet(served);
});

test('a link opens an incident, on whatever page of the list it is', async (t) => {
  const page = await served.openPage(t, `?incident=${PAST}`);
  const past = page.locator(`#incident-${PAST}`);
  await past.locator('a[aria-expanded="true"]').waitFor();
  await eventually('it has the focus', () =>
    page.evaluate(`document.activeElement.closest('#incident-${PAST}') !== null`),
  );
  await page.route('**/api/incidents?state=resolved*', async (route) => {
    const response = await route.fetch();
    const json = (await response.json()) as { data: unknown[] };
    json.data = [];
    await route.fulfill({ json });
  });
  await page.reload();
  await page.locator(`#incident #incident-${PAST}`).waitFor();
  await page.goto(`${served.pipeline.url}/?incident=0000000000000000`);
  await page
    .locator('#incident .state')
    .getByText(/unknown id/)
    .waitFor();
  const problems = served.browser.takeProblems();
  assert.deepEqual(
    problems.filter((text) => !text.includes('status of 404')),
    [],
  );
});

test('each city has a strip of days, and the same days as a table', async (t) => {
  const page = await served.openPage(t, '?sheet=incidents');
  const strips = page.locator('#availability .strips li');
  await strips.first().waitFor();
  assert.equal(await strips.count(), 5);
  assert.equal(await strips.first().locator('.strip .day').count(), 90);
  assert.match(
    await textOf(page, '#availability .strips .unseen'),
    /% of the observations arrived/,
  );
  await act(page, 'availability', 'Table');
  await page.locator('#availability table').waitFor();
  assert.deepEqual(await findViolations(page), []);
  isQuiet(served);
});

test('another page shows what happens without being asked', async (t) => {
  const page = await served.openPage(t, '?sheet=incidents');
  const count = async () => page.locator('#incidents .incident').count();
  await eventually('the list is there', async () => (await count()) > 0);
  const before = await count();
  using store = openAlertStore(join(served.folder, 'data', 'simulated', 'alerts'));
  const added = exampleIncident({ incident_id: 'fedcba9876543210', rule: 'damp' });
  await store.apply({ incidents: [added], messages: [], tracks: null, at: Date.now() });
  await eventually('the new one comes', async () => (await count()) === before + 1);
  isQuiet(served);
});

test('the sheet fits a phone, in the dark, in every language', async (t) => {
  for (const scheme of ['light', 'dark'] as const) {
    for (const size of [WIDE, { width: 390, height: 844 }]) {
      for (const lang of ['en', 'de', 'fr']) {
        const page = await served.openPage(t, `?sheet=incidents&lang=${lang}`, size, scheme);
        await page.locator('#incidents .incident a').first().click();
        await page.waitForSelector('.incident .plot[data-drawn] path.line');
        assert.equal(await scrollsSideways(page), false, `${lang} ${size.width}`);
        assert.deepEqual(await findViolations(page), []);
        const name = `incidents-${size.width}-${scheme}-${lang}.png`;
        await takePicture(page, name, { fullPage: true });
        await page.close();
      }
    }
  }
  isQuiet(served);
});
