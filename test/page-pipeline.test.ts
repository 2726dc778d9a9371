/** The sheet of the pipeline: what an operator asks, and how the services are. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testProbe } from '../src/engines/testing/service.ts';
import { openWatch } from '../src/engines/watch.ts';
import { IsobarError } from '../src/errors.ts';
import { FIGURES } from '../src/model/engine-figures.ts';
import type { Engine } from '../src/model/engines.ts';
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

let served: ServedPage;

before(async () => {
  served = await servePage();
});

after(async () => {
  await served?.[Symbol.asyncDispose]();
});

const LEASE = { number: 1, host: 'lakeside', since: '2024-11-01T00:00:00Z' };

test('the pipeline has a sheet of its own, with what an operator asks', async (t) => {
  const page = await served.openPage(t);
  await untilFilled(page);
  await page.getByRole('link', { name: 'Pipeline', exact: true }).click();
  await page.waitForSelector('#flow[aria-busy="false"] .flow-step');
  assert.match(page.url(), /sheet=pipeline/);
  assert.equal(await page.locator('.flow-step').count(), 5);
  assert.match(await textOf(page, '#flow'), /Every step works/);
  assert.match(await textOf(page, '#flow'), /Oldest waits/);
  // A process that has just started takes its roles one by one.
  await eventually('who does what', async () =>
    /calls today.*analyzes · collects · .*partition 0, 1, 2/.test(await textOf(page, '#flow')),
  );
  assert.equal(await page.locator('#flow meter').count(), 0, 'the simulator has no budget');
  // They are drawn anew with each answer.
  await eventually('times of the header and folders of the path stay whole', () =>
    page.evaluate(`(() => {
      const parts = [...document.querySelectorAll('.freshness span, .path span')];
      return parts.length >= 4 && parts.every((one) => one.getBoundingClientRect().height < 24);
    })()`),
  );
  const sink = { ...LEASE, pid: 4711, command: 'isobar land', last_sign_at: LEASE.since };
  const leases = [
    { ...sink, role: 'partition', state: 'silent' },
    { ...sink, role: 'land', state: 'silent' },
    { ...sink, role: 'partition', number: 0, state: 'silent' },
    { ...sink, role: 'analyze', state: 'live', pid: 4712, command: 'isobar analyze' },
  ];
  await page.route('**/api/status', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    json.data.work.leases = leases;
    await route.fulfill({ json });
  });
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  const row = page.locator('#flow tr', { hasText: 'isobar land, 4711 on lakeside' });
  await row.waitFor();
  assert.match((await row.textContent()) ?? '', /lands · partition 0, 1▲ no heartbeat, .+ ago/);
  assert.equal(await page.locator('#flow tr', { hasText: 'analyzes' }).count(), 1);
  assert.deepEqual(await findViolations(page), []);
  await takePicture(page, 'pipeline.png', { fullPage: true });
  await page.goBack();
  await untilFilled(page);
  isQuiet(served);
});

/** A broker that lags, and NameNodes that have not answered for three minutes. */
async function troubledEngines(): Promise<readonly Engine[]> {
  let now = Date.now() - 190 * 60_000;
  const trend = (at: number) => 40 + 30 * Math.sin(at / 9);
  const kafka = testProbe('kafka', Object.keys(FIGURES.kafka), async () => ({
    records_per_second: trend(now / 60_000),
    lag_records: 12_345,
    lag_seconds: 700,
    under_replicated_partitions: 0,
    brokers_live: 3,
    log_size_bytes: 5e9,
  }));
  const hdfs = testProbe('hdfs', Object.keys(FIGURES.hdfs), async () => ({
    heap_used_ratio: 0.4,
    datanodes_live: 2,
    missing_blocks: 2,
  }));
  const options = { intervalSeconds: 3_600, timeoutSeconds: 5, trendHours: 6, clock: () => now };
  await using watch = openWatch([kafka, hdfs], options);
  for (let minute = 0; minute < 190; minute += 1) {
    now += 60_000;
    if (minute === 187) {
      hdfs.next = async () => {
        throw new IsobarError('SERVICE_UNREACHABLE', 'namenode-1:9870: ECONNREFUSED');
      };
    }
    await watch.look();
  }
  return watch.list();
}

test('each service has a card: its figures, and in trouble what to do', async (t) => {
  const page = await served.newPage(t);
  const engines = await troubledEngines();
  await page.route('**/api/engines', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    json.data.push(...engines);
    await route.fulfill({ json });
  });
  await page.goto(`${served.pipeline.url}/?sheet=pipeline`);
  const card = (name: string) => page.getByRole('region', { name, exact: true });
  await card('Kafka').waitFor();
  assert.match((await card('isobar').textContent()) ?? '', /127\.0\.0\.1.*Requests/);
  const kafka = (await card('Kafka').textContent()) ?? '';
  assert.match(kafka, /◐ warning.*Not landed12,345.*Oldest waits◐ 11 minLimit 10 min\. `isobar/);
  const hdfs = (await card('HDFS').textContent()) ?? '';
  assert.match(hdfs, /▲ unreachable, last seen 3 min ago.*ECONNREFUSED/);
  // The last figures stay.
  assert.match(hdfs, /Missing blocks▲ 2.*DataNodes live2/);
  assert.equal(await card('Kafka').locator('.trend path').count(), 4);
  assert.deepEqual(await findViolations(page), []);
  for (const [width, height] of [
    [1_440, 900],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    // The header becomes another one a moment later.
    await eventually(`it fits ${width} px`, async () => !(await scrollsSideways(page)));
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await findViolations(page), [], `${width} ${colorScheme}`);
      await takePicture(page, `engines-${width}-${colorScheme}.png`, { fullPage: true });
    }
  }
  isQuiet(served);
});
