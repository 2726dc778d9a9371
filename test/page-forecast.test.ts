/** The charts of the page go on with the forecast, and say how good such forecasts were. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
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
  WIDE,
} from './support/served-page.ts';

const PHONE = { width: 390, height: 844 };
let served: ServedPage;

before(async () => {
  served = await servePage({ 'forecast.enabled': 'true' });
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
});

async function untilForecast(page: Page, variable = 'temperature_c'): Promise<void> {
  await untilFilled(page);
  await page.waitForSelector(`#chart-${variable} .plot path.line.forecast`, { timeout: 60_000 });
}

for (const scheme of ['light', 'dark'] as const) {
  for (const [name, size] of [
    ['wide', WIDE],
    ['phone', PHONE],
  ] as const) {
    test(`measured and forecast are divided at now, ${scheme}, ${name}`, async (t) => {
      const page = await served.openPage(t, '?range=3d', size, scheme);
      await untilForecast(page);
      const note = await textOf(page, '#chart-temperature_c .foot');
      assert.match(
        note,
        /^Forecast error of the last 30 days: \d\.\d °C at 24 h; persistence \d\.\d °C\.$/,
      );
      assert.match(await textOf(page, '#chart-temperature_c .now'), /^forecast$/);
      assert.equal(await page.locator('#chart-temperature_c path.ahead').count(), 1);
      assert.equal(await scrollsSideways(page), false, 'the page scrolls sideways');
      await takePicture(page, `forecast-${scheme}-${name}.png`);
      assert.deepEqual(await findViolations(page), []);
      isQuiet(served);
    });
  }
}

test('the cursor reads the forecast and its interval, also for a screen reader', async (t) => {
  const page = await served.openPage(t, '?range=24h');
  await untilForecast(page);
  await page.locator('#chart-temperature_c .plot').focus();
  await page.keyboard.press('End');
  const value = String.raw`-?\d+\.\d°`;
  assert.match(
    await textOf(page, '#chart-temperature_c .tooltip-row'),
    new RegExp(`${value} \\(${value} to ${value}\\)$`),
  );
  await eventually('it is read out', async () =>
    /\(.* to .*\)/.test(await textOf(page, '#chart-temperature_c [aria-live]')),
  );
  const label = await page.locator('#chart-temperature_c .plot').getAttribute('aria-label');
  assert.match(label ?? '', /Forecast for .+ in 24 hours: -?\d+\.\d°/);
});

test('times of all charts stand below each other, and a long range has no forecast', async (t) => {
  const charts = ['temperature_c', 'humidity_pct', 'wind_direction_deg'];
  const query = charts.map((name) => `&chart=${name}`).join('');
  const page = await served.openPage(t, `?range=24h${query}`);
  await untilForecast(page);
  await page.waitForSelector('#chart-wind_direction_deg .plot path.line');
  const ticks = async (variable: string) =>
    page
      .locator(`#chart-${variable} text.tick[y]`)
      .evaluateAll((all) =>
        all
          .filter((one) => one.getAttribute('text-anchor') === 'middle')
          .map((one) => `${one.getAttribute('x')} ${one.textContent}`),
      );
  const ofTemperature = await ticks('temperature_c');
  assert.ok(ofTemperature.length > 2);
  assert.deepEqual(await ticks('wind_direction_deg'), ofTemperature);
  const long = await served.openPage(t, '?range=30d');
  await untilFilled(long);
  assert.equal(await long.locator('.plot path.line.forecast').count(), 0);
});
