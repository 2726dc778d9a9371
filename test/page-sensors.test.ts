/** The sheet of the sensors in a browser: what quality control found, and what was unusual. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  eventually,
  findViolations,
  isQuiet,
  type ServedPage,
  scrollsSideways,
  servePage,
  takePicture,
} from './support/served-page.ts';

let served: ServedPage;

before(async () => {
  served = await servePage({ 'analytics.quality_interval_s': '1' });
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
});

async function isChecked(): Promise<boolean> {
  const answer = await fetch(`${served.pipeline.url}/api/quality-flags?limit=1`);
  const { meta } = (await answer.json()) as { meta: { checked_version: number | null } };
  return meta.checked_version !== null;
}

for (const [name, size] of [
  ['wide', { width: 1440, height: 900 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  test(`what was found is in tables, or it is said that nothing was, ${name}`, async (t) => {
    await eventually('values are checked', isChecked);
    const page = await served.newPage(t, size);
    await page.goto(`${served.pipeline.url}/?sheet=sensors&range=7d`);
    for (const panel of ['#sensors', '#events']) {
      const found = page.locator(`${panel} :is(tbody tr, .state p)`);
      await found.first().waitFor();
    }
    assert.deepEqual(await findViolations(page), []);
    assert.ok(!(await scrollsSideways(page)));
    await takePicture(page, `sensors-${name.replace(' ', '-')}.png`, { fullPage: true });
    isQuiet(served);
  });
}

test('a city of the table leads to the chart of what was flagged', async (t) => {
  await eventually('values are checked', isChecked);
  const answer = await fetch(`${served.pipeline.url}/api/quality-flags?limit=1`);
  const { data } = (await answer.json()) as { data: { city_id: string; variable: string }[] };
  const [flag] = data;
  if (flag === undefined) return t.skip('the made-up weather of this run has no flag');
  const page = await served.newPage(t);
  await page.goto(`${served.pipeline.url}/?sheet=sensors&range=all`);
  await page.locator('#sensors tbody button').first().click();
  await page.locator('.plot .hollow').first().waitFor();
  isQuiet(served);
});
