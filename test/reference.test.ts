import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ROUTES } from '../src/api/route-table.ts';
import {
  eventually,
  isQuiet,
  type ServedPage,
  scrollsSideways,
  servePage,
  takePicture,
  WIDE,
} from './support/served-page.ts';

let served: ServedPage;
before(async () => {
  served = await servePage({ 'api.base_path': '/weather' });
});
after(() => served[Symbol.asyncDispose]());

for (const scheme of ['light', 'dark'] as const) {
  test(`the reference of the API shows every operation, in ${scheme}, and asks no other host`, async (t) => {
    const page = await served.newPage(t);
    await page.emulateMedia({ colorScheme: scheme });
    const failed: string[] = [];
    page.on('response', (answer) => {
      if (answer.status() >= 400) failed.push(`${answer.status()} ${answer.url()}`);
    });
    await page.goto(`${served.pipeline.url}/weather/docs`);
    await page.waitForSelector('.opblock');
    assert.equal(await page.locator('.opblock').count(), ROUTES.length);
    await takePicture(page, `reference-${scheme}.png`, { fullPage: true });
    await page.locator('#operations-data-getCities .opblock-summary-control').click();
    await page.locator('#operations-data-getCities .try-out__btn').click();
    await page.locator('#operations-data-getCities .execute').click();
    const answer = page.locator('#operations-data-getCities .live-responses-table');
    await answer.locator('text=/next_cursor/').first().waitFor();
    assert.deepEqual(failed, []);
    isQuiet(served);
  });
}

test('the address of an error leads to its row', async (t) => {
  const page = await served.newPage(t);
  await page.goto(`${served.pipeline.url}/weather/docs#CITY_UNKNOWN`);
  await page.waitForSelector('.opblock');
  await eventually('its row is in the window', async () => {
    const box = await page.locator('#CITY_UNKNOWN').boundingBox();
    return box !== null && box.y >= 0 && box.y < WIDE.height;
  });
});

test('on a phone only what is wide scrolls sideways, not the page', async (t) => {
  const page = await served.newPage(t, { width: 390, height: 844 });
  await page.goto(`${served.pipeline.url}/weather/docs`);
  await page.waitForSelector('.opblock');
  await page.locator('#operations-data-getCityStatistics .opblock-summary-control').click();
  await page.locator('.responses-table .example').first().waitFor();
  assert.ok(!(await scrollsSideways(page)));
});
