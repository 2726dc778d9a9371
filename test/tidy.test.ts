import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const GENERATED = /^src\/sql\/spark\/proto\//;
const sources = globSync('src/**/*.ts', { cwd: root })
  .filter((file) => !GENERATED.test(file))
  .sort();
const all = [
  ...sources,
  ...globSync(['web/!(dist)/**/*.{ts,tsx,css}', 'web/*.{ts,tsx}', 'test/**/*.ts'], { cwd: root }),
];

const LINES_MAX = 400;
/** Files that carry nothing but many rows of one kind. */
const LONG_FILES = ['src/errors.ts'];
/** Composition: these open rooms and join them. */
const COMPOSING = /^src\/(pipeline|cli)\//;
/** What every room stands on; all else is in a room. */
const AT_THE_ROOT = [
  'errors',
  'fault',
  'fetching',
  'logger',
  'printable',
  'regular-file',
  'secrets',
  'sqlite',
  'stderr',
  'waiting',
  'worker-thread',
];
/**
 * Values that every room may take: of rooms that only compute, hold nothing and open nothing; paths of
 * the lake are asked of one place.
 */
const SHARED = new RegExp(
  `^src/((model|config|quality|anomalies)/|(${AT_THE_ROOT.join('|')})\\.ts$` +
    '|(lake/layout|lake/read-json|lake/this-process|leases/sharing|sql/text)\\.ts$)',
);
/** The order of rooms: an arrow runs back to one before, or to the root. */
const ROOMS = [
  ...['model', 'config', 'tracing', 'sql', 'log', 'lake', 'leases', 'access', 'collector', 'table'],
  ...[
    'quality',
    'anomalies',
    'forecast',
    'analytics',
    'provenance',
    'streaming',
    'engines',
    'alerts',
    'index',
    'api',
    'import',
    'cluster',
    'drill',
    'pipeline',
    'cli',
  ],
];
const TESTING = /\.test\.ts$|\/testing\//;
const NAMES_REFUSED = /(^|\/)(utils?|helpers?|managers?|common|types|data)(\/|\.ts)/;

const REFUSED_PHRASES = /\bis no (?!longer|later|more)|\b(somebody|nobody|tells|whom|none of)\b/gi;

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const pattern = /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^'";]*?from\s+)?'(\.[^']+)'/g;
  for (const [, , type, path = ''] of read(file).matchAll(pattern)) {
    const to = normalize(join(dirname(file), path));
    found.push({ from: file, to, isType: type !== undefined });
  }
  for (const [, path = ''] of read(file).matchAll(/import\('(\.[^']+)'\)/g)) {
    found.push({ from: file, to: normalize(join(dirname(file), path)), isType: false });
  }
  return found;
}

const roomOf = (file: string) => file.split('/')[1] ?? '';

test('rooms know each other by type only', () => {
  const broken = sources
    .filter((file) => !COMPOSING.test(file) && !TESTING.test(file))
    .flatMap(importsOf)
    .filter(({ from, to, isType }) => !isType && roomOf(from) !== roomOf(to) && !SHARED.test(to))
    .map(({ from, to }) => `${from} takes values from ${to}`);
  assert.deepEqual(broken, []);
});

test('each room stands only on rooms before it', () => {
  const back = sources
    .filter((file) => !TESTING.test(file))
    .flatMap(importsOf)
    .filter(({ from, to }) => placeOf(from) < placeOf(to))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(back, []);
});

function placeOf(file: string): number {
  if (file.split('/').length === 2) return -1;
  const place = ROOMS.indexOf(roomOf(file));
  assert.ok(place >= 0, `${file}: add its room to the order of rooms`);
  return place;
}

test('no file imports itself through others', () => {
  const files = [...sources, ...all.filter((file) => /^web\/.*\.tsx?$/.test(file))];
  const imports = Map.groupBy(
    files.flatMap(importsOf).filter(({ isType }) => !isType),
    ({ from }) => from,
  );
  const circles = files.filter((file) => {
    const reached = new Set<string>();
    const queue = (imports.get(file) ?? []).map(({ to }) => to);
    for (const next of queue) {
      if (reached.has(next)) continue;
      reached.add(next);
      queue.push(...(imports.get(next) ?? []).map(({ to }) => to));
    }
    return reached.has(file);
  });
  assert.deepEqual(circles, []);
});

test('every file is in a room, but for what all rooms stand on', () => {
  const outside = sources
    .filter((file) => !TESTING.test(file) && file.split('/').length === 2)
    .map((file) => file.slice('src/'.length, -'.ts'.length));
  assert.deepEqual(outside, AT_THE_ROOT);
});

test('the model imports nothing of ours', () => {
  const broken = sources
    .filter((file) => file.startsWith('src/model/'))
    .flatMap(importsOf)
    .filter(({ to }) => !to.startsWith('src/model/'));
  assert.deepEqual(broken, []);
});

test('no file grows beyond what one reads at a time', () => {
  const long = all
    .filter((file) => !LONG_FILES.includes(file))
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX);
  assert.deepEqual(long, []);
});

test('no file is dead: each is reached from the command line or from a test', () => {
  const reached = new Set<string>();
  const queue = [
    'src/cli/main.ts',
    'src/cli/docs.ts',
    ...all.filter((file) => /\.test\.ts$/.test(file)),
    ...globSync('bench/*.ts', { cwd: root }),
  ];
  for (const file of queue) {
    if (reached.has(file)) continue;
    reached.add(file);
    queue.push(...importsOf(file).map(({ to }) => to));
  }
  const dead = sources.filter((file) => !reached.has(file) && !isStartedByPath(file));
  assert.deepEqual(dead, []);
});

/** Files that tests start as processes, by their path. */
function isStartedByPath(file: string): boolean {
  const name = file.split('/').at(-1) ?? '';
  return all.some((other) => other !== file && read(other).includes(name));
}

test('names say what a file is for', () => {
  assert.deepEqual(
    all.filter((file) => NAMES_REFUSED.test(file)),
    [],
  );
});

test('CI runs the command that the README names', () => {
  const [, command = 'missing'] =
    /```sh\n(npm install && npm test)\n```/.exec(read('README.md')) ?? [];
  assert.ok(read('.ci/run').split('\n').includes(command));
  assert.ok(read('README.md').split('\n').length <= 121);
});

test('texts avoid the phrases that read as translated', () => {
  const files = [
    ...all.filter((file) => file !== 'test/tidy.test.ts'),
    ...globSync(['src/**/*.sql', '*.md', 'docs/*.md'], { cwd: root }),
  ];
  const found = files.flatMap((file) =>
    [...read(file).matchAll(REFUSED_PHRASES)].map(([phrase]) => `${file}: ${phrase}`),
  );
  assert.deepEqual(found, []);
});

test('nothing names machines, sessions or registries', () => {
  const files = globSync(['*.md', 'docs/*.md', 'src/**/*.ts', 'test/**/*.ts', '.ci/*'], {
    cwd: root,
  });
  const refused = new RegExp(
    ['/work' + '/', 'registry\\.' + 'npmjs', 'maven\\.' + 'org'].join('|'),
  );
  assert.deepEqual(
    files.filter((file) => refused.test(read(file))),
    [],
  );
});
