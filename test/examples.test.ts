import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { Metric } from '../src/api/metric.ts';
import { METRICS } from '../src/api/metric-table.ts';
import { formatSampleConfiguration } from '../src/cli/pages.ts';
import { loadConfig } from '../src/config/load.ts';
import { parseMetrics } from './cases/metrics.ts';
import {
  assertRows,
  importFiles,
  landed,
  observationsOf,
  openPlace,
  serve,
  until,
} from './cases/place.ts';

const root = join(import.meta.dirname, '..');
const pathOf = (name: string) => join(root, 'examples', name);
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('the sample of the configuration is the defaults', () => {
  assert.equal(read('examples/isobar.yaml'), formatSampleConfiguration(), 'run `npm run docs`');
  const sources = { env: {}, flags: {} };
  const sample = loadConfig({ ...sources, file: pathOf('isobar.yaml') });
  using place = openPlace('', '');
  const empty = place.write('isobar.yaml', '');
  assert.deepEqual(sample.config, loadConfig({ ...sources, file: empty }).config);
  assert.deepEqual(sample.warnings, []);
  const settings = [...sample.origins.values()];
  assert.ok(settings.every((origin) => origin.includes('isobar.yaml line')));
});

test('the list of cities is read, and each is watched', async () => {
  using place = openPlace('', '');
  await using served = await serve({
    data: place.made('data'),
    'collector.cities': pathOf('cities/cities.csv'),
    'simulator.history_days': '1',
  });
  const { data } = await served.json('/api/cities');
  assert.deepEqual(
    data.map(({ city_id, time_zone }: Record<string, string>) => [city_id, time_zone]),
    [
      ['nairobi-ke', 'Africa/Nairobi'],
      ['reykjavik-is', 'Atlantic/Reykjavik'],
      ['val-d-or-ca', 'America/Toronto'],
    ],
  );
});

test('the CSV of a station lands with its units and its clock', async () => {
  using place = openPlace('', '');
  const mapping = ['--mapping', pathOf('import/station.yaml')];
  const { counts } = await importFiles(
    place.made('data'),
    pathOf('import/station.csv'),
    ...mapping,
  );
  assert.deepEqual(counts, landed(3));
  const columns = ['temperature_c', 'humidity_pct', 'wind_speed_ms'];
  assertRows(await observationsOf(place.made('data'), ...columns), [
    ['2023-12-31T23:00:00Z', 7.6, 81, 3],
    ['2024-01-01T00:00:00Z', 7.4, null, 4],
    ['2024-01-01T01:00:00Z', 7.1, 84, 0],
  ]);
});

test('Prometheus finds the server by the example, and every metric of the alerts', async () => {
  const scrape = parse(read('examples/prometheus/prometheus.yml'));
  const [job] = scrape.scrape_configs;
  const { config } = loadConfig({ file: pathOf('isobar.yaml'), env: {}, flags: {} });
  assert.deepEqual(job.static_configs[0].targets, [`${config.api.host}:${config.api.port}`]);
  using place = openPlace('', '');
  await using served = await serve({
    data: place.made('data'),
    'simulator.history_days': '1',
    'simulator.interval_s': '20',
    'collector.delay_s': '0',
  });
  const { body, headers } = await until(
    () => served.ask(job.metrics_path),
    ({ body }) =>
      body.includes('\nisobar_collector_last_observed_timestamp_seconds ') &&
      body.includes('\nisobar_analytics_computed_timestamp_seconds '),
  );
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const answered = [...parseMetrics(body).keys()].map((sample) => sample.replace(/\{.*/, ''));
  for (const file of scrape.rule_files) {
    for (const { alert, expr } of parse(read(`examples/prometheus/${file}`)).groups[0].rules) {
      for (const [series] of expr.matchAll(/isobar_[a-z_\d]+/g)) {
        const name = series.replace(/_bucket$/, '');
        assert.ok(name in METRICS, `${alert}: ${name}`);
        // Some have no sample before the first request or observation.
        const { type, absent }: Metric = METRICS[name as keyof typeof METRICS];
        if (type === 'gauge' && absent === undefined) {
          assert.ok(answered.includes(name), `${alert}: ${name}`);
        }
      }
    }
  }
});

test('the forms and the workflow of GitHub are YAML, and their commands are there', () => {
  const files = globSync('.github/**/*.yml', { cwd: root });
  assert.ok(files.length >= 4);
  for (const file of files) assert.equal(typeof parse(read(file)), 'object', file);
  const { jobs } = parse(read('.github/workflows/test.yml'));
  const { scripts } = JSON.parse(read('package.json'));
  const commands = jobs.test.steps.flatMap(({ run = [] }) => run) as string[];
  const audits = ['npm audit signatures', 'npm run -s vulnerabilities'];
  assert.deepEqual(commands, ['npm ci', ...audits, 'npm test', 'npm run check']);
  assert.ok('test' in scripts && 'check' in scripts);
  for (const form of files.filter((file) => /(bug|feature)\.yml$/.test(file))) {
    const { name, description, body } = parse(read(form));
    assert.ok(name && description && body.length > 0, form);
    const ids = body.flatMap(({ id = [] }) => id);
    assert.equal(new Set(ids).size, ids.length, form);
  }
});
