/**
 * Looks for known vulnerabilities of what is shipped: the packages of the bill of materials, those of
 * the page among them. `npm run -s vulnerabilities` asks the registry that npm is set to.
 *
 *     0   none is known, or each is accepted in vulnerabilities.yaml
 *     1   one is known and not accepted, or an acceptance is over or incomplete
 *     2   the registry could not be asked: nothing is known
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface Vulnerability {
  /** `GHSA-xvch-5gv4-984h` */
  readonly id: string;
  readonly package: string;
  readonly versions: readonly string[];
  readonly severity: string;
  readonly title: string;
  readonly url: string;
}

/** One that was looked at, and may be shipped until the end of that day (UTC). */
export interface Acceptance {
  readonly id: string;
  readonly package: string;
  readonly reason: string;
  readonly until: string;
}

export interface Verdict {
  readonly exitCode: 0 | 1;
  readonly lines: readonly string[];
}

/** The registry gave no answer that says what is known. */
export class UnknownError extends Error {}

const here = import.meta.dirname;
const ACCEPTED_FILE = 'vulnerabilities.yaml';
const REASON_CHARACTERS_MIN = 20;
/** Then it is looked at again. */
const ACCEPTED_DAYS_MAX = 90;
const DAY_MS = 86_400_000;
const SEVERITIES = ['critical', 'high', 'moderate', 'low', 'info'];

/**
 * What a report of `npm audit --json` says of packages that are shipped, `name@version`. Throws
 * UnknownError for all that is not a whole report.
 */
export function readReport(
  text: string,
  shipped: ReadonlySet<string>,
  versionAt: (path: string) => string | undefined,
): readonly Vulnerability[] {
  const report = parseReport(text);
  const found = Object.values(report.vulnerabilities).flatMap(({ name, nodes, via }) => {
    const places = nodes.map((path) => {
      const version = versionAt(path);
      // One that is not known could be shipped.
      if (version === undefined) throw new UnknownError(`${path} is not in the lock file`);
      return version;
    });
    const versions = [...new Set(places)].filter((version) => shipped.has(`${name}@${version}`));
    if (versions.length === 0) return [];
    // A text names a package below it, which has a row of its own.
    return via
      .filter((one) => typeof one === 'object')
      .map(({ url, severity, title, source }) => ({
        ...{ id: url.split('/').at(-1) ?? String(source), package: name, versions },
        ...{ severity, title, url },
      }));
  });
  const rank = ({ severity }: Vulnerability) => SEVERITIES.indexOf(severity);
  return found.toSorted((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id));
}

interface Advisory {
  readonly source: number;
  readonly title: string;
  readonly url: string;
  readonly severity: string;
}

interface Report {
  readonly vulnerabilities: Readonly<
    Record<
      string,
      {
        readonly name: string;
        readonly nodes: readonly string[];
        readonly via: readonly (string | Advisory)[];
      }
    >
  >;
}

function parseReport(text: string): Report {
  let report: Partial<Report> & { auditReportVersion?: number; message?: string; error?: object };
  try {
    report = JSON.parse(text) ?? {};
  } catch {
    throw new UnknownError('the answer is not JSON');
  }
  const { auditReportVersion, vulnerabilities, message, error } = report;
  if (auditReportVersion === 2 && vulnerabilities !== undefined && error === undefined) {
    return { vulnerabilities };
  }
  const { summary = '', code = '' } = (error ?? {}) as { summary?: string; code?: string };
  throw new UnknownError(message || summary || code || 'the answer is not a report of npm audit');
}

/** What of it may be shipped, on this day (`2026-11-30`). */
export function judge(
  found: readonly Vulnerability[],
  accepted: readonly Acceptance[],
  today: string,
): Verdict {
  const wrong = accepted.flatMap((one) => {
    const problem = acceptanceProblem(one, today);
    return problem === null ? [] : [`${ACCEPTED_FILE}: ${one.id} of ${one.package}: ${problem}`];
  });
  const covers = (one: Acceptance, { id, package: name }: Vulnerability) =>
    one.id === id && one.package === name;
  const valid = accepted.filter((one) => acceptanceProblem(one, today) === null);
  const open = found.filter((one) => !valid.some((acceptance) => covers(acceptance, one)));
  const unused = accepted.filter((one) => !found.some((known) => covers(one, known)));
  const lines = [
    ...open.map((one) => `${describe(one)}\n  update it, or accept it in ${ACCEPTED_FILE}`),
    ...wrong,
    ...valid
      .filter((one) => !unused.includes(one))
      .map(({ id, package: name, until, reason }) => {
        return `accepted until ${until}: ${id} of ${name}: ${reason}`;
      }),
    ...unused.map(({ id, package: name }) => {
      return `${ACCEPTED_FILE}: ${id} of ${name} is not known of what is shipped; remove it`;
    }),
  ];
  return { exitCode: open.length + wrong.length > 0 ? 1 : 0, lines };
}

function describe({ id, package: name, versions, severity, title, url }: Vulnerability): string {
  return `${severity}: ${name} ${versions.join(', ')}: ${title} (${id}, ${url})`;
}

/** Null for one that counts. */
function acceptanceProblem({ reason, until }: Acceptance, today: string): string | null {
  const end = Date.parse(`${until}T00:00:00Z`);
  if (!/^\d{4}-\d\d-\d\d$/.test(until) || Number.isNaN(end)) {
    return 'expected until to be a day such as 2026-12-31';
  }
  if (until < today) return `the acceptance ended on ${until}; look at it again`;
  if (end - Date.parse(`${today}T00:00:00Z`) > ACCEPTED_DAYS_MAX * DAY_MS) {
    return `expected until to be ${ACCEPTED_DAYS_MAX} days from now at most; got ${until}`;
  }
  if (reason.trim().length >= REASON_CHARACTERS_MIN) return null;
  return 'expected a reason that says why isobar cannot be attacked by it';
}

/** Throws an Error that says what is wrong with the file. */
export function readAccepted(text: string): readonly Acceptance[] {
  const list = (parse(text, { schema: 'failsafe' }) ?? []) as unknown;
  const fields = ['id', 'package', 'reason', 'until'];
  const isAcceptance = (one: unknown) =>
    typeof one === 'object' &&
    one !== null &&
    Object.keys(one).toSorted().join() === fields.toSorted().join() &&
    Object.values(one).every((value) => typeof value === 'string');
  if (Array.isArray(list) && list.every(isAcceptance)) return list as Acceptance[];
  throw new Error(`${ACCEPTED_FILE}: expected a list of entries with ${fields.join(', ')}`);
}

/** `name@version` of each package that is shipped, by the bill of materials. */
function shippedPackages(): ReadonlySet<string> {
  const run = spawnSync(process.execPath, [join(here, 'sbom.ts')], {
    ...{ cwd: here, encoding: 'utf8', maxBuffer: 1 << 26 },
  });
  if (run.status !== 0) throw new Error(`the bill of materials: ${run.stderr}`);
  const { components } = JSON.parse(run.stdout) as { components: { 'bom-ref': string }[] };
  return new Set(components.map((one) => one['bom-ref']));
}

/** The answer for all packages: those of the page count as tools of development. */
function askRegistry(): string {
  const args = ['audit', '--json', '--package-lock-only', '--include=dev', '--include=optional'];
  const { stdout, error } = spawnSync('npm', args, {
    ...{ cwd: here, encoding: 'utf8', maxBuffer: 1 << 26 },
  });
  if (error !== undefined) throw new UnknownError(`npm does not run: ${error.message}`);
  return stdout;
}

function main(): number {
  const accepted = readAccepted(readFileSync(join(here, ACCEPTED_FILE), 'utf8'));
  const { packages } = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8'));
  const shipped = shippedPackages();
  try {
    const found = readReport(askRegistry(), shipped, (path) => packages[path]?.version);
    const { exitCode, lines } = judge(found, accepted, new Date().toISOString().slice(0, 10));
    for (const line of lines) console.log(line);
    const count = `${shipped.size} packages that are shipped`;
    console.log(exitCode === 0 ? `${count}: nothing to do` : `${count}: not ready for a release`);
    return exitCode;
  } catch (error) {
    if (!(error instanceof UnknownError)) throw error;
    console.error(`the registry could not be asked for known vulnerabilities: ${error.message}`);
    console.error('nothing was checked; run it again where npm reaches the registry');
    return 2;
  }
}

if (import.meta.main) process.exitCode = main();
