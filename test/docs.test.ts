import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatConfigurationPage, formatErrorsPage } from '../src/cli/pages.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const manifest = JSON.parse(read('package.json'));

test('the generated pages are current', () => {
  assert.equal(read('docs/configuration.md'), formatConfigurationPage(), 'run `npm run docs`');
  assert.equal(read('docs/errors.md'), formatErrorsPage(), 'run `npm run docs`');
});

test('CONTRIBUTING gives a reason for every dependency of the program', () => {
  const text = read('CONTRIBUTING.md');
  const missing = Object.keys(manifest.dependencies).filter(
    (name) => !text.includes(`\`${name}\``),
  );
  assert.deepEqual(missing, []);
});

test('every dependency is pinned', () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  const loose = Object.entries(all).filter(([, version]) => !/^\d/.test(String(version)));
  assert.deepEqual(loose, []);
});

test('links between the pages lead somewhere', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
  for (const page of [...pages, ...globSync('{docs,examples}/*.md', { cwd: root })]) {
    for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.ok(existsSync(join(root, page, '..', target)), `${page}: ${target}`);
    }
  }
});

test('the commands that the README names are there', () => {
  const scripts = Object.keys(manifest.scripts);
  const known = [...scripts, 'install'];
  for (const [, name = ''] of read('README.md').matchAll(/npm (?:run (?:-s )?)?([a-z:]+)/g)) {
    assert.ok(known.includes(name), `npm ${name}`);
  }
});

/** What each of the ten questions in CONTRIBUTING must find in its file. */
const ANSWERS: Readonly<Record<string, RegExp>> = {
  'the three-sigma threshold': /3e0 AS threshold/,
  'the back-off': /export function backoff/,
  'the ETag': /export function weakEtag/,
  'the order of versions': /version = precedence, import_id, import_row, collected_at, content/,
  'the city id': /CITY_ID_PATTERN =/,
  'the range of gusts': /variable\('wind_gust_ms', 'Wind gust', 'm\/s', 0, 150/,
  'the heartbeat of the events': /const HEARTBEAT_MS/,
  'the budget of calls': /^ \* The budget: how often the provider may still be called/m,
  staleness: /export function judgeStaleness/,
  'the reason of an anomaly': /function formatReason/,
};

test('CONTRIBUTING answers ten questions by one file each', () => {
  const [, table = ''] = read('CONTRIBUTING.md').split('| where is | file |');
  const rows = [...table.matchAll(/^\| ([^|]+) \| `([^`]+)` \|$/gm)];
  const asked = rows.map(([, question]) => question).filter((one) => (one ?? '') in ANSWERS);
  assert.deepEqual(asked, Object.keys(ANSWERS));
  for (const [, question = '', file = ''] of rows.slice(0, asked.length)) {
    assert.match(read(file), ANSWERS[question] ?? /^$/, `${question}: ${file}`);
  }
});

test('CONTRIBUTING maps every room, with a file to read first', () => {
  const rows = [...read('CONTRIBUTING.md').matchAll(/^\| `([^`]+)\/` \| [^|]+ \| `([^`]+)` \|$/gm)];
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `src/${name}`);
  const mapped = rows.map(([, folder = '']) => folder);
  assert.deepEqual(mapped.filter((folder) => folder.startsWith('src/')).sort(), folders.sort());
  for (const [, folder = '', file = ''] of rows) {
    assert.ok(existsSync(join(root, folder, file)), `${folder}/${file}`);
  }
});

test('the changelog begins with the version of the package, and dates each release', () => {
  const releases = [...read('CHANGELOG.md').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  const [newest = ''] = releases.filter((heading) => heading !== 'Unreleased');
  assert.equal(newest.split(' - ')[0], manifest.version);
  for (const heading of releases) {
    assert.match(String(heading), /^(Unreleased|\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d)$/);
  }
});
