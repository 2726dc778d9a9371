/** The page on a phone, its menus, and how its panels stand beside each other. */
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
} from './support/served-page.ts';

const PHONE = { width: 390, height: 844 };

let served: ServedPage;
before(async () => {
  served = await servePage();
});
after(async () => {
  await served?.[Symbol.asyncDispose]();
});

for (const scheme of ['light', 'dark'] as const) {
  test(`five cities are in the first screen of a phone, ${scheme}`, async (t) => {
    const page = await served.openPage(t, '', PHONE, scheme);
    await untilFilled(page);
    const header = (await page.locator('.top').boundingBox()) ?? assert.fail('no header');
    assert.ok(header.height <= 56, `one line: ${header.height}`);
    const cards = await page.locator('.card').all();
    assert.equal(cards.length, 5);
    for (const card of cards) {
      const box = (await card.boundingBox()) ?? assert.fail('a card is not drawn');
      assert.ok(box.y > header.height && box.y + box.height <= PHONE.height, `${box.y}`);
      for (const part of ['h3', '.sky', '.pill', '.card-words', '.trend', '.spark']) {
        assert.ok(await card.locator(part).isVisible(), part);
      }
    }
    const [first] = cards;
    const { y = PHONE.height } = (await first?.boundingBox()) ?? {};
    assert.ok(y < 0.25 * PHONE.height, `the first city begins at ${y} px`);
    const [chart, map] = await Promise.all(
      ['#chart-temperature_c', '#map'].map((place) => page.locator(place).boundingBox()),
    );
    assert.ok((chart?.y ?? 0) < (map?.y ?? 0), 'the chart comes before the map');
    assert.equal(await scrollsSideways(page), false, 'the page scrolls sideways');
    assert.equal(await page.locator('.scroll-buttons').count(), 0, 'nor does a table');
    const label = await page.evaluate(
      `getComputedStyle(document.querySelector('#statistics td'), '::before').content`,
    );
    assert.equal(label, '"Mean"');
    const pressure = page.locator('#rows').getByText('hPa');
    await pressure.last().waitFor({ state: 'hidden' });
    await page
      .getByRole('button', { name: /^Details of/ })
      .last()
      .click();
    await pressure.last().waitFor();
    assert.deepEqual(await findViolations(page), []);
    await takePicture(page, `phone-${scheme}.png`);

    await page.getByRole('button', { name: 'Menu' }).click();
    const menu = page.getByRole('dialog', { name: 'Menu' });
    await menu.waitFor();
    assert.equal(await menu.getByRole('button', { name: 'Earlier' }).isVisible(), true);
    assert.match((await menu.textContent()) ?? '', /data through/);
    assert.equal(await scrollsSideways(page), false, 'the menu scrolls sideways');
    assert.deepEqual(await findViolations(page), []);
    await page.keyboard.press('Escape');
    await eventually('the focus is back', async () => (await focused(page)) === 'Menu');
    await page.keyboard.press('/');
    const search = page.getByRole('combobox', { name: 'Find a city' });
    await eventually('the search', () => search.evaluate((field) => field.matches(':focus')));
    await page.keyboard.type('tok');
    await page.locator('[role="option"]', { hasText: 'Tokyo' }).waitFor();
    isQuiet(served);
  });
}

const focused = (page: Page) => page.evaluate('document.activeElement.textContent');

test('a menu of actions is walked by the keyboard, and gives the focus back', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  const button = page.locator('#chart-temperature_c .menu-button');
  const menu = page.locator('#chart-temperature_c-menu');
  const at = async (name: string) =>
    eventually(`the focus is on ${name}`, async () => (await focused(page)) === name);
  const isClosed = async () => {
    await menu.waitFor({ state: 'detached' });
    assert.equal(await button.getAttribute('aria-expanded'), 'false');
    assert.equal(await button.evaluate((element) => element.matches(':focus')), true);
  };
  assert.equal(await button.getAttribute('aria-haspopup'), 'menu');
  assert.equal(await button.getAttribute('aria-label'), 'Temperature: actions');
  for (const [key, name] of [
    ['Enter', 'Table'],
    [' ', 'Table'],
    ['ArrowDown', 'Table'],
    ['ArrowUp', 'Remove'],
  ] as const) {
    await button.focus();
    await page.keyboard.press(key);
    await at(name);
    await page.keyboard.press('Escape');
    await isClosed();
  }
  await page.keyboard.press('Enter');
  await at('Table');
  const names = await menu.locator('> *').allInnerTexts();
  assert.deepEqual(names, [
    'Table',
    'CSV',
    'Excel',
    'Parquet',
    'API',
    'PNG',
    'Link',
    'Plotly',
    'Remove',
  ]);
  assert.deepEqual(await findViolations(page), []);
  for (const [key, name] of [
    ['ArrowUp', 'Remove'],
    ['ArrowDown', 'Table'],
    ['ArrowDown', 'CSV'],
    ['End', 'Remove'],
    ['Home', 'Table'],
    // Letters find items, and no shortcut of the page acts.
    ['p', 'Parquet'],
    ['p', 'PNG'],
    ['p', 'Plotly'],
    ['l', 'Plotly'],
  ] as const) {
    await page.keyboard.press(key);
    await at(name);
  }
  assert.match(await textOf(page, '#state'), /Live/);
  await page.keyboard.press('Home');
  await page.keyboard.press(' ');
  await isClosed();
  await page.locator('#chart-temperature_c tbody tr').first().waitFor();
  await page.keyboard.press('Enter');
  await at('Table');
  assert.equal(await menu.locator('[aria-checked="true"]').textContent(), 'Table');
  await page.keyboard.press('Tab');
  await menu.waitFor({ state: 'detached' });
  isQuiet(served);
});

test('when a chart is removed, the focus is on the menu of the one beside it', async (t) => {
  const page = await served.openPage(
    t,
    '?chart=temperature_c&chart=humidity_pct&chart=pressure_hpa',
  );
  await untilFilled(page);
  for (const [removed, next] of [
    ['humidity_pct', 'pressure_hpa'],
    ['pressure_hpa', 'temperature_c'],
  ]) {
    await page.locator(`#chart-${removed} .menu-button`).focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.locator(`#chart-${removed}`).waitFor({ state: 'detached' });
    const id = await page.evaluate('document.activeElement.id');
    assert.equal(id, `chart-${next}-menu-button`);
  }
  isQuiet(served);
});

test('panels beside each other are as high, and filled', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  for (const row of [
    ['cities', 'map'],
    ['trends', 'heat', 'wind'],
  ]) {
    const boxes = await Promise.all(row.map((id) => page.locator(`#${id}`).boundingBox()));
    const heights = boxes.map((box) => Math.round(box?.height ?? 0));
    assert.equal(new Set(heights).size, 1, `${row}: ${heights}`);
    assert.equal(new Set(boxes.map((box) => box?.y)).size, 1, `${row} stand beside each other`);
  }
  assert.equal(await page.locator('.scroll-buttons').count(), 0, 'no table is cut');
  for (const id of ['map', 'trends', 'heat', 'wind']) {
    const [panel, drawing] = await Promise.all(
      [`#${id}`, `#${id} svg[width]`].map((place) => page.locator(place).first().boundingBox()),
    );
    const below = (panel?.y ?? 0) + (panel?.height ?? 0) - (drawing?.y ?? 0);
    assert.ok((drawing?.height ?? 0) > 0.75 * below, `${id}: ${drawing?.height} of ${below}`);
  }
  const cards = await Promise.all(
    (await page.locator('.card').all()).map((one) => one.boundingBox()),
  );
  const rows = Map.groupBy(cards, (box) => box?.y);
  assert.deepEqual(
    [...rows.values()].map(({ length }) => length),
    [3, 2],
  );
  for (const row of rows.values()) {
    const end = Math.max(...row.map((box) => (box?.x ?? 0) + (box?.width ?? 0)));
    assert.ok(Math.abs(end - Math.max(...cards.map((b) => (b?.x ?? 0) + (b?.width ?? 0)))) < 2);
  }
  isQuiet(served);
});

test('the weather has icons, wind and a legend, and nothing for operators', async (t) => {
  const page = await served.openPage(t, '?city=london');
  await untilFilled(page);
  const icons = page.locator('.card .sky');
  assert.equal(await icons.count(), 5);
  for (const icon of await icons.all())
    assert.match((await icon.getAttribute('aria-label')) ?? '', /\w/);
  // They come with an answer of their own, after the line.
  await page.locator('#chart-temperature_c .plot .wind-arrow').nth(10).waitFor();
  assert.match(await textOf(page, '#chart-temperature_c .marks'), /London:.*night.*wind/);
  await page.locator('#chart-temperature_c .plot .night').first().waitFor({ state: 'attached' });
  const main = await textOf(page, 'main');
  assert.doesNotMatch(main, /version|calls|partition|offset/i);
  await page
    .getByRole('button', { name: /^Details of/ })
    .first()
    .click();
  assert.match(await textOf(page, '.origin'), /partition.*offset/s);

  await page.getByRole('link', { name: 'Pipeline', exact: true }).click();
  await page.waitForSelector('#flow[aria-busy="false"] .flow-step');
  const boxOf = (name: string) => page.locator('.flow-step', { hasText: name }).boundingBox();
  const calls = await page.getByRole('region', { name: 'API calls' }).boundingBox();
  const [table, rejected, analytics] = await Promise.all(
    ['Table', 'Rejected', 'Analytics'].map(boxOf),
  );
  assert.equal(table?.x, rejected?.x);
  assert.ok((rejected?.y ?? 0) > (table?.y ?? 0) && analytics?.y === table?.y);
  assert.equal(calls?.y, rejected?.y, 'the facts of the steps stand beside it');
  await eventually('the summary', async () =>
    /calls today.*table version/.test(await textOf(page, '.facts')),
  );
  assert.equal(await page.locator('#flow .scroll-buttons').count(), 0);
  isQuiet(served);
});
