/**
 * Verify: whether the lake adds up, from its files alone.
 *
 *     chain       commits without a hole, files there with their length, sha256 and row count
 *     offsets     every offset up to the committed one in exactly one place
 *     identities  no observation twice; what was set aside as a duplicate or superseded is there
 *     exports     the hourly files equal the table up to the exporter's cursor
 *
 * Whether the published analytics can be reproduced is the business of analytics/publish.ts.
 */
import { createHash } from 'node:crypto';
import type { SqlSession } from '../analytics/engine.ts';
import { asIsobarError, isErrorCode } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import { fileLiteral } from '../sql/text.ts';
import type { DeltaTable } from './commit.ts';
import { openInFlight } from './in-flight.ts';
import { type TableState, writeRefusal } from './snapshot.ts';
import type { DataFile } from './table.ts';
import { verifyExports } from './verify-exports.ts';
import { verifyOffsets } from './verify-offsets.ts';

export interface VerifyOptions {
  readonly tables: readonly DeltaTable[];
  readonly observations: DeltaTable;
  readonly setAside: DeltaTable;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  /** Told what is being looked at, for people who wait. */
  readonly onProgress?: (text: string) => void;
}

export interface VerifyReport {
  /** What was counted: label → number or text, in the order of printing. */
  readonly sums: Readonly<Record<string, number | string>>;
  /** What does not add up, a sentence each; empty when all is well. */
  readonly differences: readonly string[];
}

/** Collects sums and differences; a check that cannot run is a difference itself. */
export interface Findings {
  readonly sums: Record<string, number | string>;
  readonly differences: string[];
}

export async function verifyLake(options: VerifyOptions): Promise<VerifyReport> {
  const findings: Findings = { sums: {}, differences: [] };
  const states = new Map<DeltaTable, TableState>();
  for (const table of options.tables) {
    options.onProgress?.(`table ${table.name}`);
    const state = await attempt(findings, table.name, () => verifyChain(options, table, findings));
    if (state !== null) states.set(table, state);
  }
  const observations = states.get(options.observations);
  const setAside = states.get(options.setAside);
  if (observations !== undefined && setAside !== undefined) {
    options.onProgress?.('offsets and identities');
    await attempt(findings, 'offsets', () =>
      verifyOffsets(options, observations, setAside, findings),
    );
    options.onProgress?.('raw export');
    await attempt(findings, 'raw export', () => verifyExports(options, observations, findings));
  }
  return findings;
}

async function attempt<T>(
  findings: Findings,
  what: string,
  check: () => Promise<T>,
): Promise<T | null> {
  try {
    return await check();
  } catch (error) {
    const { code, message } = asIsobarError(error);
    findings.differences.push(`${what}: ${code}: ${message}`);
    return null;
  }
}

async function verifyChain(
  options: VerifyOptions,
  table: DeltaTable,
  findings: Findings,
): Promise<TableState> {
  const { storage } = options;
  const state = await table.refresh();
  const { sums, differences } = findings;
  sums[`${table.name} version`] = state.version;
  sums[`${table.name} rows`] = state.rowCount;
  sums[`${table.name} files`] = state.files.length;
  const refusal = writeRefusal(state, table.folder);
  // A protocol that is too high keeps us from writing, but every row is there.
  if (refusal?.code === 'TABLE_PROTOCOL') sums[`${table.name} is read-only`] = refusal.message;
  else if (refusal !== null) differences.push(refusal.message);
  const flight = openInFlight();
  let before: number | null = null;
  for await (const { path, bytes } of storage.list(`${table.folder}/_delta_log`)) {
    const version = /\/(\d{20})\.json$/.exec(path)?.[1];
    if (version === undefined) continue;
    if (before !== null && Number(version) !== before + 1) {
      differences.push(
        `${table.folder}: commits ${before + 1} to ${Number(version) - 1} are missing`,
      );
    }
    before = Number(version);
    // Every commit must be readable, not only those above the checkpoint.
    const commit = before;
    await flight.add(bytes, async () => void (await table.readCommit(commit)));
  }
  await flight.settle();
  // Somebody may have committed since the state was read; then the table goes that far, too.
  const reached =
    before !== null && before > state.version ? (await table.refresh()).version : state.version;
  if (before !== null && (before < state.version || before > reached)) {
    differences.push(`${table.folder}: version ${state.version}, newest commit ${before}`);
  }
  const told = new Map<string, string[]>();
  for (const file of state.files) {
    const own: string[] = [];
    told.set(file.path, own);
    await flight.add(file.bytes, () => verifyFile(options, state, file, own));
  }
  await flight.settle();
  differences.push(...[...told.values()].flat());
  return state;
}

async function verifyFile(
  options: VerifyOptions,
  state: TableState,
  file: DataFile,
  differences: string[],
): Promise<void> {
  const { storage, session } = options;
  const place = file.storagePath;
  const stored = await storage.stat(place);
  if (stored === null) {
    differences.push(`${place}: the file is missing`);
    return;
  }
  if (stored.bytes !== file.bytes) {
    differences.push(`${place}: ${stored.bytes} bytes, the table says ${file.bytes}`);
    return;
  }
  const told = state.adds.get(file.path)?.tags?.['isobar.sha256'];
  if (told !== undefined) {
    const found = createHash('sha256')
      .update(await storage.read(place))
      .digest('hex');
    if (found !== told) differences.push(`${place}: its content was changed (sha256)`);
  }
  try {
    const [counted] = await session.query<{ rows: number }>(
      `SELECT count(*) AS rows FROM read_parquet(${fileLiteral(await storage.localPath(place))})`,
    );
    if (counted?.rows !== file.rows) {
      differences.push(`${place}: ${counted?.rows} rows, the table says ${file.rows}`);
    }
  } catch (error) {
    if (!isErrorCode(error, 'QUERY_FAILED', 'QUERY_INVALID')) throw error;
    differences.push(`${place}: it is no readable Parquet file`);
  }
}
