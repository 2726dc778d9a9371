/** The page in a real browser, served by the real program, with the network cut but for loopback. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { formatTime } from '../web/format/times.ts';
import {
  ARTEFACTS,
  act,
  actionOf,
  eventually,
  findViolations,
  isQuiet,
  PANELS,
  type ServedPage,
  scrollsSideways,
  servePage,
  takePicture,
  textOf,
  untilFilled,
  WIDE,
  waitsOf,
  watchCards,
} from './support/served-page.ts';

const NARROW = { width: 320, height: 700 };
const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');

let served: ServedPage;

before(async () => {
  served = await servePage();
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
});

/** Copied to docs/dashboard.png when the page has changed. */
const README_PICTURE = {
  fullPage: true,
  clip: { x: 0, y: 0, width: 1440, height: 1256 },
};
const MIDDLE = { width: 768, height: 1_000 };

for (const [scheme, sizes] of [
  ['light', [NARROW, MIDDLE, WIDE]],
  ['dark', [NARROW, MIDDLE, WIDE]],
] as const) {
  for (const size of sizes) {
    test(`all panels are filled, ${scheme}, ${size.width} px`, async (t) => {
      const page = await served.openPage(t, '', size, scheme);
      await untilFilled(page);
      assert.equal(await page.locator('.card').count(), 5);
      assert.match(await textOf(page, '#state'), /Live/);
      assert.match(await textOf(page, '.badge-simulated'), /Simulated/);
      await eventually('the provider was asked', async () =>
        /data through .+ · checked .+/.test(await textOf(page, '.freshness')),
      );
      assert.equal(await page.locator('#trends .bar').count(), 24);
      assert.equal(await page.locator('#statistics tbody tr').count(), 5);
      assert.equal(await page.locator('#rows tbody tr').count(), 15);
      assert.equal(await scrollsSideways(page), false, 'the page scrolls sideways');
      if (size === WIDE) await assertOneRow(page, '.top .settings');
      await page.mouse.move(0, 0);
      await takePicture(page, `page-${scheme}-${size.width}.png`, { fullPage: true });
      if (scheme === 'light' && size === WIDE) {
        await takePicture(page, 'dashboard.png', README_PICTURE);
      }
      assert.deepEqual(await findViolations(page), []);
      isQuiet(served);
    });
  }
}

/** What the place holds has one middle line. */
async function assertOneRow(page: Page, place: string): Promise<void> {
  const middles = await page.locator(`${place} > :not(.unseen)`).evaluateAll((all) =>
    all.map((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return Math.round((top + bottom) / 2);
    }),
  );
  assert.equal(new Set(middles).size, 1, `${place}: ${middles.join()}`);
}

/** Twenty observations come in twelve seconds. */
const QUICK = { 'simulator.interval_s': '3', 'simulator.history_days': '1' };

test('an observation is on the screen within a second of being collected (p95)', async (t) => {
  const flags = { data: join(served.folder, 'quick'), ...QUICK };
  await using quick = await served.start(flags);
  await quick.settle();
  const page = await served.newPage(t);
  await page.goto(`${quick.url}/`);
  await untilFilled(page);
  const seen = await watchCards(page);
  await eventually('twenty observations', async () => (await seen()).length >= 20);
  const waits = await waitsOf(quick, await seen());
  await page.close();
  waits.sort((a, b) => a - b);
  const p95 = waits[Math.ceil(waits.length * 0.95) - 1] ?? Number.NaN;
  t.diagnostic(`collected → on the screen: p95 ${p95} ms of ${waits.length}`);
  assert.ok(p95 < 1_000, `p95 ${p95} ms of ${waits.join()}`);
  isQuiet(served);
});

test('what is chosen is in the address, goes back, and shows the same in another window', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  await page.getByRole('button', { name: '30 d' }).click();
  await page.getByRole('button', { name: '°F' }).click();
  await page.getByRole('button', { name: 'UTC', exact: true }).first().click();
  await page.getByLabel('Theme').selectOption('dark');
  await page.getByRole('button', { name: 'Tokyo', exact: true }).click();
  const { search } = new URL(page.url());
  assert.match(search, /range=30d/);
  assert.match(search, /city=tokyo/);
  assert.match(search, /units=f&tz=utc&theme=dark/);
  const pressed = async (at: Page) => at.locator('button[aria-pressed="true"]').allInnerTexts();
  const other = await served.openPage(t, search);
  await untilFilled(other);
  assert.deepEqual(await pressed(other), await pressed(page));
  assert.match(await textOf(other, '#chart-temperature_c .subtitle'), /^°F · UTC/);
  await page.goBack();
  assert.doesNotMatch(page.url(), /tokyo/);
  assert.equal(await page.locator('.card.compared').count(), 3);
  isQuiet(served);
});

test('a city is chosen with the keyboard alone, and a row shows where it comes from', async (t) => {
  const page = await served.openPage(t);
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
    .getByRole('button', { name: /^Details of/ })
    .first()
    .click();
  const origin = await textOf(page, '.origin');
  assert.match(origin, /partition/);
  assert.match(origin, /trace\s*[0-9a-f]{32}/);
  assert.match(origin, /"main": \{/);
  await act(page, 'chart-temperature_c', 'Table');
  assert.ok((await page.locator('#chart-temperature_c tbody tr').count()) > 50);
  await untilFilled(page);
  assert.deepEqual(await findViolations(page), []);
  await page.getByRole('button', { name: 'Older' }).click();
  await eventually('page 2', async () => /page 2/.test(await textOf(page, '.pages')));
  isQuiet(served);
});

test('dragging over a chart chooses that time for the whole page', async (t) => {
  const page = await served.openPage(t, '?tz=utc');
  await untilFilled(page);
  // What the axis spans: from the same whole hour as the question to now.
  const api = await actionOf(page, 'chart-temperature_c', 'API');
  const asked = await api.getAttribute('href');
  await page.keyboard.press('Escape');
  const start = Date.parse(/from=([^&]+)/.exec(asked ?? '')?.[1] ?? '');
  await page.locator('#chart-temperature_c .plot').scrollIntoViewIfNeeded();
  // The axis itself, without the marks on its left and the names on its right.
  const box = (await page.evaluate(`(() => {
    const { x, y, width } = document.querySelector('#chart-temperature_c clipPath rect');
    const plot = document.querySelector('#chart-temperature_c .plot svg').getBoundingClientRect();
    const [left, right] = [x, width].map(({ baseVal }) => baseVal.value);
    return { x: plot.x + left, y: plot.y, width: right, height: plot.height };
  })()`)) as { x: number; y: number; width: number; height: number };
  const timeAt = (share: number) => start + share * (Date.now() - start);
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.3, y);
  await page.locator('#chart-temperature_c .tooltip').waitFor();
  const shown = await textOf(page, '#chart-temperature_c .tooltip-time');
  const near = (minutes: number) => formatTime(timeAt(0.3) + minutes * 60_000, 'UTC', Date.now());
  const minutes = Array.from({ length: 41 }, (_, index) => index - 20);
  assert.ok(minutes.map(near).includes(shown), `${shown} and not ${near(0)}`);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=.+&to=/);
  const { searchParams } = new URL(page.url());
  for (const [name, share] of [
    ['from', 0.3],
    ['to', 0.5],
  ] as const) {
    // The machine's clock is not UTC: a chart that took its zone would be off by an hour or two.
    const off = Date.parse(searchParams.get(name) ?? '') - timeAt(share);
    assert.ok(Math.abs(off) < 30 * 60_000, `${name} is ${off / 60_000} min off`);
  }
  await untilFilled(page);
  assert.equal(await page.locator('.ranges [aria-pressed="true"]').count(), 0);
  await page.goBack();
  assert.equal(await page.locator('.ranges [aria-pressed="true"]').textContent(), '7 d');
  isQuiet(served);
});

test('a chart is read by the keyboard alone, and spoken', async (t) => {
  const page = await served.openPage(t, '?city=tokyo&city=london');
  await untilFilled(page);
  const plot = page.locator('#chart-temperature_c .plot');
  await plot.focus();
  const spoken = page.locator('#chart-temperature_c [aria-live="polite"]');
  const said = async (pattern: RegExp) => {
    await eventually(`it says ${pattern}`, async () =>
      pattern.test((await spoken.textContent()) ?? ''),
    );
  };
  await page.keyboard.press('End');
  await said(/^Tokyo −?\d+\.\d°, /);
  await page.keyboard.press('ArrowDown');
  await said(/^London /);
  const newest = await textOf(page, '#chart-temperature_c .tooltip-time');
  // Live observations follow each other faster than minutes.
  await page.keyboard.press('PageUp');
  await eventually('an earlier time', async () => {
    return (await textOf(page, '#chart-temperature_c .tooltip-time')) !== newest;
  });
  assert.equal(await page.locator('.plot .cursor').count(), 2, 'all charts point at the same time');
  const details = (await plot.getAttribute('aria-details')) ?? '';
  assert.equal(await page.locator(`#${details}`).count(), 1);
  await page.keyboard.press('+');
  await page.waitForURL(/from=.+&to=/);
  await plot.focus();
  await page.keyboard.press('Escape');
  await eventually('no cursor', async () => (await page.locator('.plot .cursor').count()) === 0);
  isQuiet(served);
});

test('a chart of any variable is added, kept in the address, saved as PNG, and opened in Plotly', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  await page.getByLabel('Add a chart of').selectOption('pressure_hpa');
  await page.waitForSelector('#chart-pressure_hpa[aria-busy="false"] path.line');
  assert.match(page.url(), /chart=temperature_c&chart=humidity_pct&chart=pressure_hpa/);
  assert.equal(await savePicture(page, 'chart-pressure_hpa'), 'isobar-chart-pressure_hpa.png');
  await act(page, 'chart-temperature_c', 'Plotly');
  await page.waitForSelector('dialog .plotly-place[data-drawn] .scatterlayer path.js-line');
  assert.equal(
    await page.locator('dialog a[href*="plotly.com"], dialog [data-title*="Cloud"]').count(),
    0,
  );
  await page.keyboard.press('Escape');
  await eventually('it closes', async () => (await page.locator('dialog').count()) === 0);
  await act(page, 'chart-pressure_hpa', 'Remove');
  await eventually(
    'it is gone',
    async () => (await page.locator('#chart-pressure_hpa').count()) === 0,
  );
  isQuiet(served);
});

/** Saves a panel's picture among the artefacts; resolves with the name that it was offered under. */
async function savePicture(page: Page, id: string): Promise<string> {
  const saving = page.waitForEvent('download');
  await act(page, id, 'PNG');
  const download = await saving;
  const path = join(ARTEFACTS, `panel-${id}.png`);
  await download.saveAs(path);
  const bytes = readFileSync(path);
  assert.deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const { width, height } = (await page.locator(`#${id}`).boundingBox()) ?? assert.fail(id);
  // Twice as fine, and a line below that says where it is from.
  assert.ok(Math.abs(bytes.readUInt32BE(16) - 2 * width) <= 2, `${id} is as wide`);
  assert.ok(bytes.readUInt32BE(20) > 2 * height, `${id} has a line more`);
  return download.suggestedFilename();
}

test('every panel is had as a picture, as files, from the API and by a link of its own', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  for (const id of PANELS) {
    assert.equal(await savePicture(page, id), `isobar-${id}.png`);
    const path = await (await actionOf(page, id, 'API')).getAttribute('href');
    assert.equal((await fetch(`${served.pipeline.url}/${path}`)).status, 200, `${path}`);
    for (const name of ['CSV', 'Excel', 'Parquet']) {
      const file = await (await actionOf(page, id, name)).getAttribute('href');
      const answer = await fetch(`${served.pipeline.url}/${file}`);
      assert.equal(answer.status, 200, `${file}`);
      assert.match(answer.headers.get('content-disposition') ?? '', /filename="simulated-.+"/);
    }
    await act(page, id, 'Link');
    assert.equal(new URL(page.url()).hash, `#${id}`);
  }
  const named = await served.openPage(t, '#anomalies');
  await untilFilled(named);
  await named.locator('#anomalies:target').waitFor();
  await eventually('it is in view', async () => {
    const box = await named.locator('#anomalies').boundingBox();
    return box !== null && box.y >= 0 && box.y < WIDE.height / 2;
  });
  isQuiet(served);
});

test('the command serves the page that was built, and stops when it is asked to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-start-'));
  const env = { ...process.env, ISOBAR_OPENWEATHER_KEY: '', NODE_TEST_CONTEXT: '' };
  const history = ['--set', 'simulator.history_days=2'];
  const args = [MAIN, 'start', '--port', '0', '--data', folder, ...history];
  const command = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => {
    command.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  let said = '';
  for (const stream of [command.stdout, command.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const ended = once(command, 'close');
  await eventually(`it is up: ${said}`, async () => / is up /.test(said));
  const page = await served.newPage(t);
  await page.goto(/http:\S+/.exec(said)?.[0] ?? '');
  await untilFilled(page);
  assert.match(await textOf(page, '.badge-simulated'), /Simulated/);
  isQuiet(served);
  await page.close();
  command.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null], said);
});
