/** The sheet of the climate: days of a year by pointer and keyboard, on a wide screen and a phone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
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
} from './support/served-page.ts';

const SHEET = ['climate-calendar', 'climate-month', 'climate-kinds', 'climate-records'];

let served: ServedPage;
before(async () => {
  served = await servePage();
});
after(async () => {
  await served?.[Symbol.asyncDispose]();
});

async function untilShown(page: Page): Promise<void> {
  for (const id of SHEET) {
    await page.waitForSelector(`#${id}[aria-busy="false"]`, { timeout: 30_000 });
  }
  await page.waitForSelector('.plot.climate-calendar rect[fill]');
}

test('the days of a year are read by the keyboard, and as a table', async (t) => {
  const page = await served.openPage(t, '?city=london&city=tokyo');
  await page.getByRole('link', { name: 'Climate' }).click();
  await page.waitForURL(/sheet=climate/);
  await untilShown(page);
  const year = await page.getByLabel('Year', { exact: true }).inputValue();
  const days = Number(year) % 4 === 0 ? 366 : 365;
  assert.equal(await page.locator('.plot.climate-calendar rect').count(), days);
  const missing = await page.locator('.plot.climate-calendar rect.missing').count();
  assert.ok(missing > 300, `a month of history leaves the rest of the year empty: ${missing}`);
  assert.match(await textOf(page, '#climate-month'), /nothing to compare with/);

  const day = () => textOf(page, '.climate-day');
  await page.locator('.plot.climate-calendar').focus();
  await page.keyboard.press('End');
  await eventually('the last day', async () => /31 Dec/.test(await day()));
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await eventually('the second day', async () => /\b2 Jan/.test(await day()));
  await page.keyboard.press('Escape');
  await eventually('the hint', async () => (await day()).startsWith('Point at a day'));
  await page.locator('.plot.climate-calendar rect[fill]').nth(5).hover();
  await eventually('the day below the pointer', async () => /observed/.test(await day()));

  await act(page, 'climate-calendar', 'Table');
  await page.locator('#climate-calendar table').waitFor();
  assert.ok((await page.locator('#climate-calendar tbody tr').count()) >= 30);
  await page.getByLabel('City', { exact: true }).selectOption({ label: 'Tokyo' });
  await eventually('the other city', async () =>
    (await textOf(page, '#climate-records .subtitle')).startsWith('Tokyo'),
  );
  await untilShown(page);
  assert.deepEqual(await findViolations(page), []);
  await takePicture(page, 'climate-light.png');
  isQuiet(served);
});

test('the climate fits a phone, in the dark', async (t) => {
  const page = await served.openPage(t, '?sheet=climate', { width: 390, height: 844 }, 'dark');
  await untilShown(page);
  assert.equal(await scrollsSideways(page), false, 'the page scrolls sideways');
  await page.locator('.plot.climate-calendar rect[fill]').nth(3).click();
  await eventually('the day', async () => /observed/.test(await textOf(page, '.climate-day')));
  assert.deepEqual(await findViolations(page), []);
  await takePicture(page, 'climate-phone-dark.png');
  isQuiet(served);
});
