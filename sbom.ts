/**
 * The software bill of materials of a release, CycloneDX 1.5: `npm run -s sbom > isobar.cdx.json`.
 * It has what is shipped: the packages that the program needs to run, from the lock file, and those
 * that went into the page, as its build lists them. The same commit gives the same bytes;
 * SOURCE_DATE_EPOCH (seconds) gives it a time.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Component {
  readonly 'bom-ref': string;
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

const here = import.meta.dirname;
const LICENCES = join(here, 'web/dist/licences.md');
const FOLDER = 'node_modules/';
/** Files of these are copied or drawn into the page. */
const COPIED = ['swagger-ui-dist', 'world-atlas'];

const all = npmSbom();
const own = all.metadata.component['bom-ref'];
const pageRefs = new Set(packagesOfPage());
const shipped = new Set([own, ...packagesOfProgram(), ...pageRefs]);
const bom = {
  ...all,
  metadata: {
    ...all.metadata,
    timestamp: timestamp(),
    // npm calls it as the folder is called.
    component: { ...all.metadata.component, name: own.slice(0, own.lastIndexOf('@')) },
  },
  components: all.components.filter((one) => shipped.has(one['bom-ref'])).map(described),
  dependencies: all.dependencies
    .filter(({ ref }) => shipped.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => shipped.has(on)) })),
};
const serialNumber = `urn:uuid:${uuidOf(JSON.stringify({ ...bom, serialNumber: '' }))}`;
process.stdout.write(`${JSON.stringify({ ...bom, serialNumber }, null, 2)}\n`);

function npmSbom(): Bom {
  const args = ['--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const { status, stdout, stderr, error } = spawnSync('npm', ['sbom', ...args], {
    cwd: here,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`npm sbom failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout);
}

/** By the lock file: `npm sbom --omit=dev` leaves out what tools of development need as well. */
function packagesOfProgram(): string[] {
  const { packages } = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8'));
  return Object.entries<{ version: string; dev?: boolean }>(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(
      ([path, { version }]) => `${path.slice(path.lastIndexOf(FOLDER) + FOLDER.length)}@${version}`,
    );
}

/** `## preact - 10.28.0 (MIT)` → `preact@10.28.0` */
function packagesOfPage(): string[] {
  if (!existsSync(LICENCES)) throw new Error(`${LICENCES} is missing; run \`npm run build:web\``);
  const headings = readFileSync(LICENCES, 'utf8').matchAll(/^## (\S+) - (\S+) \(/gm);
  const bundled = [...headings].map(([, name, version]) => `${name}@${version}`);
  const known = all.components.map((one) => one['bom-ref']);
  const copied = known.filter((ref) => COPIED.includes(ref.slice(0, ref.lastIndexOf('@'))));
  const unknown = bundled.filter((ref) => !known.includes(ref));
  if (unknown.length > 0) {
    const stale = unknown.join(', ');
    throw new Error(`the page was built with ${stale}; run \`npm install\`, which builds it anew`);
  }
  return [...bundled, ...copied];
}

/** What is in the page comes to users, although npm counts it among the tools of development. */
function described(component: Component): Component {
  if (!pageRefs.has(component['bom-ref'])) return component;
  return { ...component, properties: [{ name: 'cdx:npm:package:bundled', value: 'true' }] };
}

function timestamp(): string | undefined {
  const seconds = process.env.SOURCE_DATE_EPOCH;
  return seconds === undefined ? undefined : new Date(Number(seconds) * 1_000).toISOString();
}

/** A UUID of version 8 (RFC 9562): the same for the same content. */
function uuidOf(text: string): string {
  const hex = [...createHash('sha256').update(text).digest('hex').slice(0, 32)];
  hex[12] = '8';
  hex[16] = '8';
  return hex.join('').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
