/** What `isobar quality` says of values that no earlier year had, in a lake with some years. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readPublication } from '../../analytics/publication.ts';
import { readFlags } from '../../analytics/published-quality.ts';
import type { Observation } from '../../model/observation.ts';
import type { QualityFlag } from '../../model/quality.ts';
import { append, land, openLake, runIn } from '../../provenance/testing/world.ts';

const HOUR_MS = 3_600_000;
/** A month each year: the season of a day reaches beyond the range that is checked. */
const SINCE = [2021, 2022, 2023].map((year) => Date.UTC(year, 0, 25));
const HOURS = 31 * 24;
const RANGE = ['--from', '2023-02-08T00:00:00Z', '--to', '2023-02-15T00:00:00Z'];
/** In the range, and the same hour of the year before. */
const [COLD_AT, SPIKE_AT] = ['2023-02-12T03:00:00Z', '2022-02-12T03:00:00Z'];

let folder = '';
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-season-'));
  await using workspace = await openLake(folder);
  const records = [
    ...SINCE.flatMap((since) => winter('oslo', since)),
    // One earlier year alone, and none.
    ...SINCE.slice(1).flatMap((since) => winter('bergen', since)),
    ...SINCE.slice(2).flatMap((since) => winter('narvik', since)),
  ];
  await append(workspace, records);
  await land(workspace);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** −5 to 5 °C, warmest at 12 UTC; colder by degrees on the evening before it is far too cold. */
function winter(city_id: string, since: number): Observation[] {
  return Array.from({ length: HOURS }, (_, hour) => {
    const at = since + hour * HOUR_MS;
    const usual = -5 * Math.cos((hour / 12) * Math.PI) + (hour % 7) / 10;
    const away = Math.abs(at - Date.parse(COLD_AT)) / HOUR_MS;
    const cold = Math.max(0, 24 - 3 * away);
    return {
      ...{ city_id, city: city_id, country: 'NO', source: 'openweathermap', interval_s: 3_600 },
      observed_at: new Date(at).toISOString().replace('.000Z', 'Z'),
      collected_at: new Date(at + HOUR_MS).toISOString(),
      ...{ utc_offset_s: 3_600, provider_city_id: 1, response: null },
      temperature_c: at === Date.parse(SPIKE_AT) ? -40 : usual - cold,
      humidity_pct: null,
    };
  });
}

interface Report {
  readonly flags: readonly QualityFlag[];
  readonly learning: readonly { readonly city_id: string; readonly years: number }[];
}

async function report(...args: readonly string[]): Promise<Report> {
  return JSON.parse(await runIn(folder, 'quality', ...RANGE, '--json', ...args));
}

const unseasonal = ({ flags }: Report) => flags.filter(({ test }) => test === 'climatology');

test('a failed value of an earlier year counts until it is published as failed', async () => {
  // Nothing is published yet: in the year before it was −40 °C at that hour.
  const times = unseasonal(await report()).map(({ observed_at }) => observed_at);
  assert.ok(!times.includes(COLD_AT), String(times));
  await runIn(folder, 'analyze', '--once');
  const found = unseasonal(await report());
  assert.ok(found.length >= 3, `${found.length} flags`);
  const coldest = found.find(({ observed_at }) => observed_at === COLD_AT) ?? assert.fail();
  assert.deepEqual([coldest.city_id, coldest.verdict], ['oslo', 'suspect']);
  assert.ok(coldest.value < -25 && Math.abs((coldest.expected ?? 0) + 3.3) < 1.5);
});

test('its flags are those that are published', async () => {
  await runIn(folder, 'analyze', '--once');
  await using workspace = await openLake(folder);
  const { storage } = workspace;
  const publication = (await readPublication(storage)) ?? assert.fail();
  const published = await readFlags(storage, await workspace.session(), publication, {
    ...{ cities: [], variables: [], tests: ['climatology'], verdict: null },
    ...{ from: '2023-02-08T00:00:00Z', to: '2023-02-15T00:00:00Z', after: null, limit: 1_000 },
  });
  const byTime = (flags: readonly QualityFlag[]) =>
    flags.toSorted((a, b) => (a.observed_at < b.observed_at ? -1 : 1));
  const found = unseasonal(await report());
  assert.ok(found.length > 0);
  assert.deepEqual(byTime(found), byTime(published));
});

test('stations with fewer than two earlier years are named as learning, and not flagged', async () => {
  const found = await report();
  assert.deepEqual(found.learning, [
    { city_id: 'bergen', years: 1 },
    { city_id: 'narvik', years: 0 },
  ]);
  assert.deepEqual([...new Set(unseasonal(found).map(({ city_id }) => city_id))], ['oslo']);
  const text = (await runIn(folder, 'quality', ...RANGE)).trimEnd().split('\n');
  assert.equal(
    text.at(-1),
    'climatology is learning at 2 of 3 stations: it needs values of this season and hour from ' +
      '2 earlier years (bergen 1, narvik 0)',
  );
});

test('it fails no value, and a first year has nothing to compare with', async () => {
  assert.deepEqual(unseasonal(await report('--verdict', 'fail')), []);
  const before = await runIn(folder, 'quality', '--from', '2021-01-25', '--to', '2021-02-01');
  assert.match(before, /climatology is learning at 1 of 1 stations: .* \(oslo 0\)\n$/);
});
