/** What is behind a number, on the page: by the real program, in a browser. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  eventually,
  findViolations,
  isQuiet,
  type ServedPage,
  scrollsSideways,
  servePage,
  takePicture,
  untilFilled,
  WIDE,
} from './support/served-page.ts';

const PHONE = { width: 390, height: 844 };

describe('where a number comes from', () => {
  let served: ServedPage;
  before(async () => {
    served = await servePage();
  });
  after(() => served[Symbol.asyncDispose]());

  const chain = (page: Page) => page.locator('dialog[open] .provenance > ol');

  async function openSource(page: Page, panel: string): Promise<void> {
    await page
      .locator(`#${panel}`)
      .getByRole('button', { name: /^Source, / })
      .first()
      .click();
    await chain(page).waitFor();
  }

  test('a statistic of the range leads to its rows, files and offsets', async (t) => {
    const page = await served.openPage(t);
    await untilFilled(page);
    // Observations land meanwhile, and the statistics go on.
    const small = page.locator('#statistics tbody tr').first().locator('td small').last();
    const numberIn = (text: string | null) =>
      Number((/[\d,]+/.exec(text ?? '')?.[0] ?? '').replaceAll(',', ''));
    const before = numberIn(await small.textContent());
    await openSource(page, 'statistics');
    const text = (await chain(page).textContent()) ?? '';
    for (const title of ['Rows of the table', 'Data files (', 'Log'])
      assert.ok(text.includes(title));
    assert.match(text, /[\d,]+ rows in version \d+/);
    const found = chain(page).locator('p', { hasText: ' rows in version ' });
    const rows = numberIn(await found.textContent());
    assert.ok(rows >= before, `${before} ≤ ${rows}`);
    await eventually(`the statistics count ${rows} observations`, async () => {
      return numberIn(await small.textContent()) >= rows;
    });
    assert.deepEqual(await findViolations(page), []);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    isQuiet(served);
  });

  test('of all time it is the published number, with its publication', async (t) => {
    const page = await served.openPage(t, '?range=all');
    await untilFilled(page);
    await openSource(page, 'statistics');
    assert.match(
      (await chain(page).textContent()) ?? '',
      /Publication.*No\. \d+, computed .* by duckdb/,
    );
    await takePicture(page, 'provenance-light.png');
    await page.emulateMedia({ colorScheme: 'dark' });
    await takePicture(page, 'provenance-dark.png');
    await page.keyboard.press('Escape');
    await openSource(page, 'trends');
    assert.match((await chain(page).textContent()) ?? '', /hourly_trends/);
    isQuiet(served);
  });

  test('an anomaly and a row lead to the observation and to the provider’s answer', async (t) => {
    const page = await served.openPage(t, '?range=all', PHONE);
    await untilFilled(page);
    const row = page.locator('#rows');
    await row
      .getByRole('button', { name: /^Details of/ })
      .first()
      .click();
    await openSource(page, 'rows');
    const text = (await chain(page).textContent()) ?? '';
    assert.match(text, /Observation.*trace[0-9a-f]{32}/);
    assert.match(text, /The provider’s answer\{/);
    assert.equal(await scrollsSideways(page), false);
    await takePicture(page, 'provenance-phone.png');
    assert.deepEqual(await findViolations(page), []);
    isQuiet(served);
  });

  test('speaks the language of the page', async (t) => {
    const page = await served.openPage(t, '?range=all&lang=de', WIDE);
    await untilFilled(page);
    await page
      .locator('#statistics')
      .getByRole('button', { name: /^Herkunft, / })
      .first()
      .click();
    await chain(page).waitFor();
    assert.match(
      (await chain(page).textContent()) ?? '',
      /Veröffentlichung.*Teilaggregate.*Zeilen der Tabelle/,
    );
  });
});
