import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
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
