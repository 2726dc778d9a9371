/** Documents of the lake that were damaged: verify finds it, readers and publishers go on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readPublication } from '../src/analytics/publication.ts';
import { openPublished } from '../src/analytics/published.ts';
import { verifyWorkspace } from '../src/cli/commands/verify.ts';
import { publicationPath } from '../src/lake/layout.ts';
import { silentLogger } from '../src/logger.ts';
import { formatRecord } from '../src/model/observation.ts';
import {
  assertFound,
  open,
  openGarbledPlace,
  type Place,
  wrongValues,
} from './support/garbled-documents.ts';
import { createRandom } from './support/random.ts';

const SAMPLES = 6;

let place: Place;
before(async () => {
  place = await openGarbledPlace();
});
after(() => place[Symbol.asyncDispose]());

test('any field that says otherwise than the files is found', async (t) => {
  const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`ISOBAR_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  // A document first: else the many fields of commits would leave none for the others.
  const paths = [...new Set(place.fields.map(({ path }) => path))];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const path = pick(paths);
    const field = pick(place.fields.filter((one) => one.path === path));
    await assertFound(place, field, pick(wrongValues(field.value)));
  }
});

test('each field of the newest publication that was believed before is compared', async () => {
  for (const [keys, to] of [
    ['datasets.city_statistics.rows', 1e15],
    ['datasets.anomalies.rows', 1],
    ['version', 7],
    ['table_version', 1e15],
    ['table_version', 0],
    ['aggregates.format', 'other'],
    ['aggregates.format', -1],
    ['aggregates.format', 0.5],
    ['aggregates.partials.0.months.0', '2023-01'],
    ['aggregates.rollup.months.1', undefined],
    ['coverage_pct', 17],
    ['observed_from', '2020-01-01T00:00:00Z'],
    ['not_enough_values', ['elsewhere']],
    ['engine', 'excel'],
  ] as const) {
    const field = place.fields.find(
      (one) => one.path.includes('_versions/') && one.keys.join('.') === keys,
    );
    assert.ok(field, keys);
    await assertFound(place, field, to);
  }
});

test('a commit below a checkpoint is compared with it, with the bounds of its files', async () => {
  const commit = /observations\/_delta_log\/0*2\.json/;
  for (const bound of ['minValues', 'maxValues']) {
    const field = place.fields.find(({ path, keys }) => {
      return commit.test(path) && keys.join('.') === `add.stats.(json).${bound}.city_id`;
    });
    assert.ok(field, bound);
    for (const to of ['1', 'z']) {
      assert.notDeepEqual(await place.breakField(field, to), [], `${bound} → ${to}`);
    }
  }
});

async function land(city: string): Promise<void> {
  await using workspace = await open(place.folder);
  const log = await workspace.log();
  const sink = await workspace.sink();
  const at = '2024-10-20T12:00:00Z';
  const value = formatRecord({
    city_id: city,
    city,
    country: 'DE',
    observed_at: at,
    collected_at: at,
    source: 'openweathermap',
    interval_s: 3_600,
    utc_offset_s: 0,
    provider_city_id: null,
    temperature_c: 1,
    response: '{}',
  });
  await log.append([{ key: city, value }]);
  for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
}

test('a damaged publication is stepped over with a warning, and publishing goes on', async () => {
  const file = (version: number) => join(place.folder, 'lake', publicationPath(version));
  const newest = async () => {
    await using workspace = await open(place.folder);
    return (await readPublication(workspace.storage))?.version ?? 0;
  };
  const textOf = (version: number) => readFileSync(file(version), 'utf8');
  const lease = (number: number, inside = number, more = {}) => {
    const known = JSON.parse(textOf(4));
    return JSON.stringify({ ...known, version: inside, table_version: 9, ...more });
  };
  const write = (number: number, text: string) => {
    writeFileSync(file(number), text);
    return number;
  };
  const damages: readonly ((next: number) => number)[] = [
    (next) => write(next, 'garbage'),
    (next) => write(next, lease(next, next - 1)),
    (next) => {
      execFileSync('mkfifo', [file(next)]);
      return next;
    },
    (next) => {
      write(next, '');
      truncateSync(file(next), 2 ** 33);
      return next;
    },
    (next) => {
      const gone = {
        path: 'weather_data/analytics/_data/gone.jsonl',
        rows: 1,
        sha256: '0'.repeat(64),
      };
      const datasets = { city_statistics: gone, hourly_trends: gone, anomalies: gone };
      return write(next, lease(next, next, { datasets }));
    },
    () => write(1e15, lease(1e15)),
  ];
  for (const [index, damage] of damages.entries()) {
    const before = await newest();
    const damaged = damage(before + 1);
    const warnings: string[] = [];
    assert.equal(await newest(), before, String(damage));
    await land(`city-${index}`);
    await using workspace = await open(place.folder);
    const published = openPublished(workspace.storage, await workspace.session(), (path) =>
      warnings.push(path),
    );
    assert.equal((await published.latest())?.version, before);
    await published.latest();
    assert.deepEqual(warnings, [publicationPath(damaged)]);
    const logged: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (...args: unknown[]) => logged.push(String(args.at(-1))),
    };
    const publication = await (await workspace.refresher(logger)).refresh();
    assert.equal(publication?.table_version, workspace.observations.latest?.version);
    assert.equal(publication?.version, damaged === before + 1 ? before + 2 : before + 1);
    assert.equal((await published.latest())?.version, publication?.version);
    assert.equal(logged.length, 1, logged.join());
    const { differences } = await verifyWorkspace(workspace);
    assert.ok(
      differences.some((one) => one.includes(publicationPath(damaged))),
      String(damage),
    );
    rmSync(file(damaged));
  }
});

test('a publication of a version that the table has not had does not stop the next', async () => {
  await using workspace = await open(place.folder);
  const known = await readPublication(workspace.storage);
  assert.ok(known);
  const next = known.version + 1;
  const file = join(place.folder, 'lake', publicationPath(next));
  writeFileSync(file, JSON.stringify({ ...known, version: next, table_version: 1e15 }));
  const { differences } = await verifyWorkspace(workspace);
  assert.match(differences.join('\n'), /made from version 1000000000000000 of the table/);
  const published = await (await workspace.refresher()).refresh();
  assert.equal(published?.version, next + 1);
  assert.equal(published?.table_version, workspace.observations.latest?.version);
  rmSync(file);
  assert.deepEqual((await verifyWorkspace(workspace)).differences, []);
});
