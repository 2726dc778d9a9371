/** What isobar is made of: where it comes from, what it may do, under which licence it comes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Package {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
}

const { packages }: { packages: Record<string, Package> } = JSON.parse(read('package-lock.json'));
const manifest = JSON.parse(read('package.json'));
const locked = Object.entries(packages).filter(([path]) => path !== '');
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13);

test('each package of the lock file is known by its hash, and comes from the registry', () => {
  assert.ok(locked.length > 100);
  assert.deepEqual(
    locked.filter(([, { integrity = '' }]) => !/^sha512-[\w+/]{86}==$/.test(integrity)),
    [],
  );
  // An address would be one of another place, or of a mirror that others do not have.
  assert.deepEqual(
    locked.filter(([, { resolved, link }]) => resolved !== undefined || link === true),
    [],
  );
  assert.match(read('.npmrc'), /^omit-lockfile-registry-resolved=true$/m);
});

test('each dependency is named with its exact version', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const wanted: Record<string, string> = {
    ...dependencies,
    ...devDependencies,
    ...optionalDependencies,
  };
  for (const [name, version] of Object.entries(wanted)) {
    assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
    assert.equal(packages[`node_modules/${name}`]?.version, version, name);
  }
});

test('no script of a package runs at its installation, but that of Node', () => {
  const withScript = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  // One that is new is read first: `npm install-scripts deny NAME` where it is not needed.
  assert.deepEqual(
    withScript.map(([path]) => nameOf(path)).sort(),
    Object.keys(manifest.allowScripts).sort(),
  );
  const allowed = Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name]);
  assert.deepEqual(allowed, ['node']);
  assert.deepEqual(
    withScript.filter(([, { dev }]) => dev !== true),
    [],
    'people who install isobar run no script',
  );
});

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly {
    readonly license?: { readonly id: string };
    readonly expression?: string;
  }[];
}

const sbomText = execFileSync(process.execPath, ['sbom.ts'], { cwd: root, encoding: 'utf8' });
const sbom = JSON.parse(sbomText);
const components: readonly Component[] = sbom.components;

test('the bill of materials has what is shipped, with the hashes of the lock file', () => {
  assert.equal(sbom.bomFormat, 'CycloneDX');
  assert.match(sbom.serialNumber, /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const { component } = sbom.metadata;
  assert.deepEqual([component.name, component.version], [manifest.name, manifest.version]);
  const refs = components.map((one) => one['bom-ref']);
  const ofProgram = locked.filter(([, { dev }]) => dev !== true);
  for (const [path, { version }] of ofProgram) {
    assert.ok(refs.includes(`${nameOf(path)}@${version}`), path);
  }
  // What is in the page is shipped too, and what only tests use is not.
  const names = components.map(({ name }) => name);
  for (const name of ['preact', 'plotly.js-basic-dist-min', 'swagger-ui-dist', 'world-atlas']) {
    assert.ok(names.includes(name), name);
  }
  for (const name of ['vite', 'playwright-core', '@scarf/scarf', 'node']) {
    assert.ok(!names.includes(name), name);
  }
  for (const { name, version, purl, hashes } of components) {
    assert.equal(purl, `pkg:npm/${name.replace('@', '%40')}@${version}`);
    const known = locked
      .filter(([path, one]) => nameOf(path) === name && one.version === version)
      .map(([, { integrity = '' }]) => Buffer.from(integrity.slice(7), 'base64').toString('hex'));
    const [{ alg, content } = { alg: '', content: '' }] = hashes;
    assert.ok(alg === 'SHA-512' && known.includes(content), name);
  }
  const ends = sbom.dependencies.flatMap((one: { ref: string; dependsOn: string[] }) => [
    ...[one.ref, ...one.dependsOn],
  ]);
  assert.deepEqual(new Set(ends), new Set([component['bom-ref'], ...refs]));
});

test('the same commit gives the same bill of materials', () => {
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1796000000' };
  const dated = execFileSync(process.execPath, ['sbom.ts'], { cwd: root, encoding: 'utf8', env });
  const { metadata, serialNumber } = JSON.parse(dated);
  assert.equal(metadata.timestamp, '2026-11-30T00:53:20.000Z');
  const undated = dated.replace(serialNumber, sbom.serialNumber).replace(/ *"timestamp.*\n/, '');
  assert.equal(undated, sbomText);
});

test('all that is shipped is under a licence of the list in CONTRIBUTING.md', () => {
  const [, table = ''] =
    /^\| licence \| why it may be shipped \|\n((?:\|.*\n)+)/m.exec(read('CONTRIBUTING.md')) ?? [];
  const allowed = [...table.matchAll(/^\| `([\w.-]+)` \| \S.*\|$/gm)].map(([, id = '']) => id);
  assert.ok(allowed.length > 3);
  const refused = components.flatMap(({ name, licenses = [] }) => {
    const [{ license, expression } = {}] = licenses;
    const text = license?.id ?? expression ?? 'unknown';
    return isAllowed(text, allowed) ? [] : [`${name}: ${text}`];
  });
  assert.deepEqual(refused, []);
  for (const wrong of ['GPL-3.0-only', 'unknown', 'MIT AND GPL-3.0-only', '(MIT OR X) AND Y']) {
    assert.ok(!isAllowed(wrong, allowed), wrong);
  }
  assert.ok(isAllowed('(GPL-2.0-only OR MIT)', allowed));
});

/** Expressions of SPDX with one operator; others are for people to read. */
function isAllowed(expression: string, allowed: readonly string[]): boolean {
  const plain = expression.replace(/^\((.*)\)$/, '$1');
  const either = plain.split(' OR ');
  if (either.length > 1) return either.some((one) => isAllowed(one, allowed));
  return plain.split(' AND ').every((one) => allowed.includes(one));
}

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Record<
    string,
    { readonly permissions?: Readonly<Record<string, string>>; readonly steps: readonly Step[] }
  >;
}

const workflows = globSync('.github/workflows/*.yml', { cwd: root }).map((file) => ({
  file,
  text: read(file),
  workflow: parse(read(file)) as Workflow,
}));

test('workflows take actions by their commit, and may do nothing that they do not ask for', () => {
  assert.ok(workflows.length >= 2);
  for (const { file, text, workflow } of workflows) {
    assert.deepEqual(workflow.permissions, { contents: 'read' }, file);
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
    const uses = steps.flatMap((step) => step.uses ?? []);
    assert.ok(uses.length > 0, file);
    for (const use of uses) {
      assert.match(use, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, file);
      // The version that people and Dependabot read.
      assert.match(text, new RegExp(`uses: ${use} # v\\d+\\.\\d+\\.\\d+\\n`), file);
    }
    const commands = steps.flatMap((step) => step.run ?? []);
    assert.ok(commands.includes('npm ci'), file);
    assert.ok(commands.includes('npm audit signatures'), file);
    // A title or a branch of strangers in a command would be run.
    for (const command of commands) assert.doesNotMatch(command, /\$\{\{/, file);
  }
});

test('a release has its bill of materials, and its package says where it was built', () => {
  const release = workflows.find(({ file }) => file.endsWith('release.yml'));
  const { permissions, steps = [] } = release?.workflow.jobs.release ?? {};
  assert.deepEqual(permissions, { contents: 'write', 'id-token': 'write' });
  const commands = steps.flatMap((step) => step.run ?? []).join('\n');
  assert.match(commands, /npm run -s sbom > isobar\.cdx\.json/);
  assert.match(commands, /gh release create .* isobar\.cdx\.json/);
  assert.match(commands, /npm publish isobar-\*\.tgz --provenance/);
  assert.doesNotMatch(release?.text ?? '', /NODE_AUTH_TOKEN|NPM_TOKEN/);
});
