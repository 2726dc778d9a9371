/**
 * Questions about a million made-up anomalies, answered by each engine of the index and, over the
 * same rows as Parquet, by DuckDB without one. OpenSearch is started for it: Java and Maven.
 */
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { cacheFolder } from '../src/cluster/artifacts.ts';
import { startCluster } from '../src/cluster/cluster.ts';
import { loadConfig } from '../src/config/load.ts';
import type { AnomalyIndex } from '../src/index/anomaly-index.ts';
import { openIndex } from '../src/index/open.ts';
import { parseWanted, searchedText } from '../src/index/words.ts';
import type { AnomalyQuestion } from '../src/model/anomaly-search.ts';
import { openDuckdbEngine } from '../src/sql/duckdb.ts';
import type { SqlSession } from '../src/sql/engine.ts';
import { fileLiteral, literal } from '../src/sql/text.ts';
import { type MadeQuestion, madeBuckets, madeQuestions } from './anomalies.ts';
import { quantile } from './figures.ts';
import type { Measured } from './main.ts';

const ROWS = Number(process.env.ISOBAR_BENCH_ANOMALIES ?? 1_000_000);
const QUESTIONS = 200;
const BAR_MS = 50;
/** Asked before the clock runs. */
const WARM = 20;
/** Others work on the same cores: the better of the runs counts. */
const RUNS = 2;
/** A scan takes seconds: it answers every fifth question. */
const SCANNED = 5;
const isScanned = (_: unknown, at: number) => at % SCANNED === 0;

export async function benchIndex(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-bench-'));
  try {
    const questions = madeQuestions(QUESTIONS);
    const sqlite = await askEngine('SQLite', folder, questions);
    const scan = await scanParquet(folder, questions.filter(isScanned));
    const cluster = await startOpenSearch(folder).catch((error: Error) => {
      process.stderr.write(`  without OpenSearch: ${error.message}\n`);
      return null;
    });
    if (cluster === null) return compare('SQLite', sqlite, scan);
    await using _cluster = cluster;
    const url = cluster.addresses.opensearch?.url ?? '';
    const opensearch = await askEngine('OpenSearch', folder, questions, url);
    return [...compare('SQLite', sqlite, scan), ...compare('OpenSearch 2.19', opensearch, scan)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Asked {
  readonly asked: readonly { readonly kind: string; readonly ms: number }[];
  /** Seconds to write all rows. */
  readonly writtenS: number;
  /** Rows and counts of every fifth answer: equal for all that answer rightly. */
  readonly sum: string;
}

function startOpenSearch(folder: string) {
  return startCluster({
    folder: join(folder, 'cluster'),
    kinds: ['opensearch'],
    ha: false,
    sparkLocal: true,
    cache: cacheFolder(process.env),
    report: (line) => void process.stderr.write(`  ${line}\n`),
  });
}

/** `url`: of an OpenSearch; SQLite without. */
async function askEngine(
  name: string,
  folder: string,
  questions: readonly MadeQuestion[],
  url?: string,
): Promise<Asked> {
  const flags: Record<string, string> =
    url === undefined
      ? {}
      : {
          'index.engine': 'opensearch',
          'index.opensearch.url': url,
          'index.opensearch.timeout_s': '60',
        };
  const { index: config } = loadConfig({ file: null, env: {}, flags }).config;
  await using index = await openIndex(config, join(folder, 'index'), false);
  const begun = performance.now();
  await write(index);
  const writtenS = (performance.now() - begun) / 1_000;
  process.stderr.write(`  ${name}: ${ROWS} rows in ${writtenS.toFixed(0)} s\n`);
  for (const { question } of questions.slice(0, WARM)) await index.search(question);
  // Answers that OpenSearch has kept would make the second run of each question look quick.
  const forget = async () => {
    if (url !== undefined) await fetch(`${url}/_cache/clear?request=true`, { method: 'POST' });
  };
  const asked: { kind: string; ms: number }[] = [];
  let rows = 0;
  let total = 0;
  for (const [at, { kind, question }] of questions.entries()) {
    const { found, ms } = await best(() => index.search(question), forget);
    asked.push({ kind, ms });
    if (isScanned(question, at)) {
      rows += found.rows.length;
      total += found.facets?.total ?? 0;
    }
    if (process.env.ISOBAR_BENCH_SLOW && ms > BAR_MS) {
      process.stderr.write(`  ${ms.toFixed(0)} ms ${JSON.stringify(question)}\n`);
    }
  }
  return { asked, writtenS, sum: `${rows} ${total}` };
}

async function best<T>(
  run: () => Promise<T>,
  before = async () => {},
): Promise<{ readonly found: T; readonly ms: number }> {
  let ms = Number.POSITIVE_INFINITY;
  let found: T | null = null;
  for (let at = 0; at < RUNS; at += 1) {
    await before();
    const begun = performance.now();
    found = await run();
    ms = Math.min(ms, performance.now() - begun);
  }
  return { found: found as T, ms };
}

async function write(index: AnomalyIndex): Promise<void> {
  await using change = await index.begin('replace');
  const digests: Record<string, string> = {};
  for (const [bucket, rows] of madeBuckets(ROWS)) {
    await change.put(bucket, rows);
    digests[bucket] = '1';
  }
  await change.commit({ version: 1, sha256: '0'.repeat(64), digests });
}

/** The same questions over the same rows and words, without an index. */
async function scanParquet(folder: string, questions: readonly MadeQuestion[]): Promise<Asked> {
  await using engine = await openDuckdbEngine({ memoryMib: 768, threads: 2, tempFolder: folder });
  await using session = await engine.session();
  const lines = join(folder, 'anomalies.jsonl');
  const parquet = join(folder, 'anomalies.parquet');
  await writeLines(lines);
  const columns = `{city_id: 'VARCHAR', time: 'TIMESTAMP', variable: 'VARCHAR', rule: 'VARCHAR',
    month: 'VARCHAR', value: 'DOUBLE', amount: 'DOUBLE', words: 'VARCHAR', "row": 'VARCHAR'}`;
  await session.copy(
    `SELECT * FROM read_json(${fileLiteral(lines)}, format = 'newline_delimited', columns = ${columns}) ORDER BY time`,
    parquet,
    'parquet',
  );
  rmSync(lines);
  const asked: { kind: string; ms: number }[] = [];
  let rows = 0;
  let total = 0;
  for (const { kind, question } of questions) {
    const { found, ms } = await best(() => scan(session, parquet, question));
    asked.push({ kind, ms });
    rows += found.rows;
    total += found.total;
  }
  return { asked, writtenS: 0, sum: `${rows} ${total}` };
}

async function writeLines(path: string): Promise<void> {
  const out = createWriteStream(path);
  for (const [, rows] of madeBuckets(ROWS)) {
    const lines = rows.map((row) => {
      const { city_id, observed_at, variable, rule, value, score } = row;
      return `${JSON.stringify({
        ...{ city_id, time: observed_at.slice(0, 19), variable, rule },
        ...{ month: observed_at.slice(0, 7), value, amount: Math.abs(score) },
        ...{ words: searchedText(row), row: JSON.stringify(row) },
      })}\n`;
    });
    if (!out.write(lines.join(''))) await once(out, 'drain');
  }
  out.end();
  await finished(out);
}

async function scan(session: SqlSession, parquet: string, question: AnomalyQuestion) {
  const from = `FROM read_parquet(${fileLiteral(parquet)}) WHERE ${conditions(question)}`;
  const { sort, order, limit } = question;
  const column = { time: 'time', score: 'amount', value: 'value' }[sort];
  const rows = await session.query(
    `SELECT "row" ${from} ORDER BY ${column} ${order}, time DESC, city_id, variable, rule LIMIT ${limit + 1}`,
  );
  let total = 0;
  if (question.facets) {
    const groups = await session.query<{ n: number }>(
      `SELECT city_id, variable, rule, month, count(*) AS n ${from} GROUP BY ALL`,
    );
    total = groups.reduce((sum, { n }) => sum + n, 0);
  }
  return { rows: Math.min(limit, rows.length), total };
}

function conditions({ text, chosen, scoreMin, from, to }: AnomalyQuestion): string {
  const { whole, begun } = parseWanted(text);
  const has = (words: string) => `contains(words, ${literal(words)})`;
  const parts = [
    ...whole.map((word) => has(` ${word} `)),
    ...(begun === null ? [] : [has(` ${begun}`)]),
    ...Object.entries(chosen)
      .filter(([, values]) => values.length > 0)
      .map(([name, values]) => `${name} IN (${values.map(literal).join(', ')})`),
    ...(scoreMin === null ? [] : [`amount >= ${scoreMin}`]),
    ...(from === null ? [] : [`time >= ${literal(from.slice(0, 19))}`]),
    ...(to === null ? [] : [`time < ${literal(to.slice(0, 19))}`]),
  ];
  return parts.length === 0 ? 'true' : parts.join(' AND ');
}

function compare(name: string, engine: Asked, scanned: Asked): Measured[] {
  const { asked, writtenS, sum } = engine;
  if (sum !== scanned.sum) throw new Error(`${name}: ${sum} rows, the scan ${scanned.sum}`);
  const p = (share: number, of = asked) =>
    quantile(
      of.map(({ ms }) => ms),
      share,
    );
  const kinds = [...Map.groupBy(asked, ({ kind }) => kind)];
  return [
    {
      name: `search in ${ROWS.toLocaleString('en')} made-up anomalies, ${name}`,
      figure: `p50 ${p(0.5)} ms, p95 ${p(0.95)} ms; written in ${writtenS.toFixed(0)} s`,
      bar: `p95 < ${BAR_MS} ms over ${QUESTIONS} random questions`,
      compared: `the better of ${RUNS} runs each; DuckDB, every fifth question, over the same rows as Parquet: p50 ${p(0.5, scanned.asked)} ms, p95 ${p(0.95, scanned.asked)} ms`,
      reached: p(0.95) < BAR_MS,
    },
    {
      name: `search, ${name}: p50 / p95 in ms by what the words are`,
      figure: kinds.map(([kind, of]) => `${kind} ${p(0.5, of)} / ${p(0.95, of)}`).join(', '),
      bar: `p95 < ${BAR_MS} ms of each`,
      compared: 'the same questions; filters, limits, orders and counts come with all of them',
      reached: kinds.every(([, of]) => p(0.95, of) < BAR_MS),
    },
  ];
}
