/** Whether deep verification finds what was broken, tested by breaking one thing at a time. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aggregatesOf, type PublishedFile, readPublication } from '../../analytics/publication.ts';
import { DATASETS, type Dataset } from '../../model/datasets.ts';
import { recountWorkspace } from '../../pipeline/recounting.ts';
import type { Workspace } from '../../pipeline/workspace.ts';
import {
  append,
  exportAndPublish,
  land,
  liveObservation,
  makeLake,
  openLake,
  runIn,
} from '../testing/world.ts';
import type { DeepReport } from './deep.ts';

type Aggregates = NonNullable<ReturnType<typeof aggregatesOf>>;

const RAW = 'lake/weather_data/raw';
const DAY = `${RAW}/year=2024/month=10/day=31`;
const MANIFEST = `${RAW}/_manifest/2024-10-31.json`;
const VERSIONS = 'lake/weather_data/analytics/_versions';
let whole = '';

before(async () => {
  whole = await makeLake();
});
after(() => rmSync(whole, { recursive: true, force: true }));

async function inCopy(change: (folder: string) => void | Promise<void>): Promise<DeepReport> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-deep-'));
  try {
    cpSync(whole, folder, { recursive: true });
    await change(folder);
    await using workspace = await openLake(folder);
    return await recountWorkspace(workspace);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function breakIt(change: (folder: string) => void | Promise<void>): Promise<string> {
  return (await inCopy(change)).differences.join('\n');
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex');

function changeText(path: string, change: (text: string) => string): string {
  const before = readFileSync(path, 'utf8');
  const text = change(before);
  assert.notEqual(text, before, path);
  writeFileSync(path, text);
  return text;
}

function newestPublication(folder: string): string {
  const name = readdirSync(join(folder, VERSIONS)).sort().at(-1) ?? assert.fail();
  return join(folder, VERSIONS, name);
}

/** Changes a published file and makes the publication name it, as whoever wants it unseen would. */
function forge(folder: string, dataset: Dataset, change: (text: string) => string): void {
  changeText(newestPublication(folder), (text) => {
    const { path, sha256 } = JSON.parse(text).datasets[dataset];
    const forged = changeText(join(folder, 'lake', path), change);
    const rows = forged.split('\n').length - 1;
    const publication = JSON.parse(text.replace(sha256, hash(forged)));
    publication.datasets[dataset].rows = rows;
    return JSON.stringify(publication);
  });
}

/** The same with an hour of the raw export and its manifest. */
function forgeHour(folder: string, clock: string, change: (text: string) => string): void {
  const text = changeText(join(folder, DAY, `weather_${clock}00.jsonl`), change);
  changeText(join(folder, MANIFEST), (manifest) => {
    const day = JSON.parse(manifest);
    const bytes = Buffer.byteLength(text);
    Object.assign(day.hours[clock], { rows: text.split('\n').length - 1, bytes });
    day.hours[clock].sha256 = hash(text);
    return JSON.stringify(day);
  });
}

test('live, imported and corrected data verify clean, and the command says from what', async () => {
  const { sums, differences } = await inCopy(() => {});
  assert.deepEqual(differences, []);
  assert.equal(sums['recounted rows'], 339 + 80);
  const text = await runIn(whole, 'verify', '--deep');
  assert.match(text, /^recounted from +\d+ hours of the raw export, by TypeScript$/m);
  assert.match(text, /everything adds up\n$/);
});

test('a digit of any published number is found, with its dataset, row and column', async () => {
  const changes: readonly [Dataset, RegExp, string, RegExp][] = [
    [
      'city_statistics',
      /(?<="city_id":"city-1".*"temperature_c_mean":1\d)\./,
      '.9',
      /^city_statistics city-1 temperature_c_mean: 1\d\.9\d+ published, 1\d\.\d+ from the raw export$/m,
    ],
    [
      'city_statistics',
      /(?<="city_id":"city-2".*"coverage_pct":)100/,
      '99',
      /^city_statistics city-2 coverage_pct: 99 published, 100 from the raw export$/m,
    ],
    [
      'hourly_trends',
      /(?<="city_id":"city-1".*"clock":"utc","hour":21,.*"wind_direction_deg_mean":3)5/,
      '4',
      /^hourly_trends city-1 utc 21 wind_direction_deg_mean: 34\S+ published, 35\S+ from the raw export$/m,
    ],
    [
      'anomalies',
      /(?<="city_id":"city-3".*"score":4\.2)4/,
      '5',
      /^anomalies city-3 2024-11-01T13:00:00Z temperature_c three_sigma score: 4\.25\d+ published/m,
    ],
  ];
  for (const [dataset, pattern, text, difference] of changes) {
    const found = await breakIt((folder) =>
      forge(folder, dataset, (before) =>
        before
          .split('\n')
          .map((line) => line.replace(pattern, text))
          .join('\n'),
      ),
    );
    assert.match(found, difference);
    assert.equal(found.split('\n').length, 1, found);
  }
});

test('a published row that is missing, or that follows from nothing, is named', async () => {
  const without = await breakIt((folder) =>
    forge(folder, 'anomalies', (text) => text.replace(/.*"city_id":"city-2".*\n/, '')),
  );
  assert.match(without, /^anomalies city-2 .*: not published, but it follows from the raw export$/);
  const added = await breakIt((folder) =>
    forge(folder, 'hourly_trends', (text) =>
      text
        .replace(/\n$/, '\n')
        .concat(`${text.split('\n')[0]?.replace(/"city_id":"[^"]+"/, '"city_id":"nowhere"')}\n`),
    ),
  );
  assert.match(added, /^hourly_trends nowhere .*: published, but it does not follow from the raw/);
});

test('a line that is gone from a raw file is found by its file, and by every number', async () => {
  const drop = (text: string) => text.replace(/.*"city_id":"city-1".*\n/, '');
  const seen = await breakIt((folder) => {
    changeText(join(folder, DAY, 'weather_2200.jsonl'), drop);
  });
  assert.match(seen, /weather_2200\.jsonl: it differs from its manifest \(sha256\)$/m);
  assert.match(seen, /weather_2200\.jsonl: 3 rows, its manifest says 4$/m);
  const forged = await breakIt((folder) => forgeHour(folder, '22', drop));
  assert.doesNotMatch(forged, /manifest/);
  assert.match(forged, /^observations city-1 rows: 20 published, 19 from the raw export$/m);
  assert.match(forged, /^city_statistics city-1 observation_count: 20 published, 19 from/m);
  assert.match(forged, /^hourly_trends city-1 utc 22: published, but it does not follow from the/m);
  assert.match(forged, /^anomalies city-1 \S+ temperature_c three_sigma score: \S+ published, /m);
  assert.match(forged, /^publication \d+ coverage_pct: \S+ published, \S+ from the raw export$/m);
});

test('a changed value of a raw file is found, though the manifest was changed as well', async () => {
  const found = await breakIt((folder) =>
    forgeHour(folder, '23', (text) =>
      text.replace(/("city_id":"city-0".*"temperature_c":)[^,]+/, '$1-20'),
    ),
  );
  assert.match(found, /^city_statistics city-0 temperature_c_min: 10 published, -20 from the raw/m);
  assert.match(found, /^observations city-0 temperature_c_min: 10 published, -20 from the raw/m);
});

test('hour files in each other’s place are found, with and without their manifest', async () => {
  const swap = (folder: string) => {
    const [one, other] = ['2100', '2200'].map((hour) => join(folder, DAY, `weather_${hour}.jsonl`));
    if (one === undefined || other === undefined) return;
    renameSync(one, `${one}.aside`);
    renameSync(other, one);
    renameSync(`${one}.aside`, other);
  };
  const found = await breakIt(swap);
  assert.match(found, /weather_2100\.jsonl: it differs from its manifest/);
  assert.match(found, /weather_2200\.jsonl: it differs from its manifest/);
  const unseen = await breakIt((folder) => {
    swap(folder);
    changeText(join(folder, MANIFEST), (text) => {
      const day = JSON.parse(text);
      [day.hours['21'], day.hours['22']] = [day.hours['22'], day.hours['21']];
      return JSON.stringify(day);
    });
  });
  assert.doesNotMatch(unseen, /manifest/);
  assert.match(
    unseen,
    /weather_2100\.jsonl: line 1: city-0 at \S+T22:00:00Z does not belong to this/,
  );
});

test('a line twice, and one that makes no row, are named by file and line', async () => {
  const twice = await breakIt((folder) =>
    forgeHour(folder, '22', (text) => text.replace(/^.*\n/, '$&$&')),
  );
  assert.match(twice, /weather_2200\.jsonl: line 2: city-0 at \S+ comes after \S+T22:00:00Z$/m);
  const broken = await breakIt((folder) =>
    forgeHour(folder, '22', (text) => text.replace(/^\{/, '{{')),
  );
  assert.match(broken, /weather_2200\.jsonl: line 1: it is not JSON$/m);
  const missing = await breakIt((folder) => rmSync(join(folder, DAY, 'weather_2200.jsonl')));
  assert.match(missing, /weather_2200\.jsonl: the file is missing/);
});

test('a wrong partial aggregate that was merged into the next publication is found', async () => {
  const found = await breakIt(async (folder) => {
    await using workspace = await openLake(folder);
    const warmer = 'temperature_c_mean + 1 AS temperature_c_mean';
    await falsify(folder, workspace, ({ rollup }) => rollup?.files.city_statistics, warmer);
    await append(workspace, [liveObservation('city-0', 30)]);
    await land(workspace);
    await exportAndPublish(workspace);
  });
  assert.match(
    found,
    /^city_statistics denver-us temperature_c_mean: \S+ published, \S+ from the raw export$/m,
  );
});

test('a changed file of days or months is found by the datasets that are made from it', async () => {
  const days = ({ partials }: Aggregates) =>
    partials.find(({ months }) => months.includes('2012-10'))?.files.days;
  const months = ({ rollup }: Aggregates) => rollup?.files.month_rows;
  const calendar = ({ rollup }: Aggregates) => rollup?.files.calendar_months;
  const changes: readonly [typeof days, string, RegExp][] = [
    [
      days,
      'temperature_c_mean + 1e-7 AS temperature_c_mean',
      /^daily_summaries denver-us 2012-10-01 temperature_c_mean: \S+ published, \S+ from the raw/m,
    ],
    [
      months,
      'day_count + 1 AS day_count',
      /^monthly_summaries denver-us 2012-10 day_count: \d published, \d from the raw export$/m,
    ],
    [
      calendar,
      'year_count + 1 AS year_count',
      /^climate_normals denver-us 10 year_count: 1 published, 0 from the raw export$/m,
    ],
    [
      calendar,
      'temperature_c_max + 1e-7 AS temperature_c_max',
      /^records denver-us temperature_c 0 highest: \S+ published, \S+ from the raw export$/m,
    ],
  ];
  for (const [choose, columns, difference] of changes) {
    const found = await breakIt(async (folder) => {
      await using workspace = await openLake(folder);
      await falsify(folder, workspace, choose, columns);
    });
    assert.match(found, difference);
    const datasets = new Set(found.split('\n').map((line) => line.split(/[ :]/)[0]));
    assert.equal(datasets.size, 1, found);
  }
});

/** Changes a file that others are merged with, and makes the publication name it. */
async function falsify(
  folder: string,
  workspace: Workspace,
  choose: (aggregates: Aggregates) => PublishedFile | undefined,
  columns: string,
): Promise<void> {
  const publication = (await readPublication(workspace.storage)) ?? assert.fail();
  const aggregates = aggregatesOf(publication) ?? assert.fail();
  const file = join(folder, 'lake', (choose(aggregates) ?? assert.fail()).path);
  const session = await workspace.session();
  await session.execute(
    `CREATE TEMP TABLE falsified AS SELECT * REPLACE (${columns}) FROM read_parquet('${file}')`,
  );
  const before = readFileSync(file);
  await session.copy('SELECT * FROM falsified', `${file}.new`, 'parquet');
  renameSync(`${file}.new`, file);
  changeText(newestPublication(folder), (text) =>
    text.replaceAll(
      createHash('sha256').update(before).digest('hex'),
      createHash('sha256').update(readFileSync(file)).digest('hex'),
    ),
  );
}

test('where the raw export and the publication are of other rows, it says which hours', async () => {
  const behind = await inCopy(async (folder) => {
    await using workspace = await openLake(folder);
    await append(workspace, [liveObservation('city-0', 30)]);
    await land(workspace);
    await runIn(folder, 'analyze', '--once');
  });
  assert.deepEqual(behind.sums, { 'recounted publication': 'not compared' });
  assert.match(
    behind.differences.join(),
    /^the published numbers were not recomputed: publication \d+ is of version \d+ of the table, the raw export of version \d+, and these hours differ: 2024-11-02T02:00:00Z; run /,
  );
  const ahead = await inCopy(async (folder) => {
    await using workspace = await openLake(folder);
    await append(workspace, [liveObservation('city-0', 30)]);
    await land(workspace);
    await runIn(folder, 'maintain', 'export');
  });
  assert.match(ahead.differences.join(), /these hours differ: 2024-11-02T02:00:00Z;/);
  const none = await inCopy((folder) =>
    rmSync(join(folder, RAW), { recursive: true, force: true }),
  );
  assert.match(none.differences.join(), /not recomputed: nothing was exported yet;/);
});

test('each published dataset is one that is recounted', async () => {
  const report = await inCopy(() => {});
  assert.deepEqual(report.differences, []);
  for (const dataset of DATASETS) {
    const found = await breakIt((folder) => forge(folder, dataset, (text) => `${text}${text}`));
    assert.match(found, new RegExp(`^${dataset} .*: it is published twice$`, 'm'));
  }
});
