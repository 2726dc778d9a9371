/**
 * `npm run bench [NAME…]`: the numbers that the design promises, each beside a peer that does the
 * same work on the same machine in the same run. Keeps the results in docs/benchmarks.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { benchAnomalyRules } from './anomaly-rules.ts';
import { benchApi } from './api.ts';
import { benchCache } from './cache.ts';
import { benchCluster } from './cluster.ts';
import { benchDerived } from './derived.ts';
import { benchEngines } from './engines.ts';
import { benchForecast } from './forecast.ts';
import { benchHistory } from './history.ts';
import { benchIndex } from './index.ts';
import { benchLanding } from './landing.ts';
import { benchPage } from './page.ts';
import { benchPlanetDay } from './planet-day.ts';
import { benchQuality } from './quality.ts';
import { benchRecompute } from './recompute.ts';
import { benchRefresh } from './refresh.ts';
import { benchRude } from './rude.ts';
import { benchSoak } from './soak.ts';
import { benchStart } from './start.ts';

/** One measured number: what, how much, the bar, and what it is compared to. */
export interface Measured {
  readonly name: string;
  readonly figure: string;
  readonly bar: string;
  readonly compared: string;
  readonly reached: boolean;
}

const BENCHES: Readonly<Record<string, () => Promise<readonly Measured[]>>> = {
  landing: benchLanding,
  planet: benchPlanetDay,
  refresh: benchRefresh,
  recompute: benchRecompute,
  quality: benchQuality,
  derived: benchDerived,
  anomalies: benchAnomalyRules,
  api: benchApi,
  cache: benchCache,
  rude: benchRude,
  start: benchStart,
  forecast: benchForecast,
  history: benchHistory,
  index: benchIndex,
  page: benchPage,
  cluster: benchCluster,
  engines: benchEngines,
  soak: benchSoak,
};

/** Only where they are asked for: those that need Java, Python or minutes, and one that takes hours. */
const ON_DEMAND = [
  'anomalies',
  'cluster',
  'derived',
  'engines',
  'forecast',
  'index',
  'quality',
  'soak',
];

const PAGE = join(import.meta.dirname, '..', 'docs', 'benchmarks.md');
const HEAD = '| name | measured | bar | compared to | reached |';

/** `--option value` is the bench's own. */
const wanted = process.argv
  .slice(2)
  .filter((arg, at, args) => !arg.startsWith('--') && !args[at - 1]?.startsWith('--'));
const results = new Map(readBefore());
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 ? !wanted.includes(name) : ON_DEMAND.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  for (const measured of await bench()) {
    const row = formatRow(measured);
    results.set(measured.name, row);
    process.stdout.write(`${row}\n`);
  }
}
writeFileSync(PAGE, formatPage([...results.values()]));

function formatRow({ name, figure, bar, compared, reached }: Measured): string {
  return `| ${name} | ${figure} | ${bar} | ${compared} | ${reached ? 'yes' : 'no'} |`;
}

function readBefore(): [string, string][] {
  try {
    return readFileSync(PAGE, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ') && line !== HEAD && !line.startsWith('| ---'))
      .map((line) => [line.split('|')[1]?.trim() ?? '', line]);
  } catch {
    return [];
  }
}

function formatPage(rows: readonly string[]): string {
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `# Benchmarks

<!-- Written by \`npm run bench\`. -->

Machine of the last run: ${machine}, shared with others. Node.js ${process.versions.node}. Compare
the ratios: each figure and its peer were measured in the same run.

${HEAD}
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
