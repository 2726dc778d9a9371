/**
 * Verify: whether the lake adds up, from its files alone.
 *
 *     chain       commits without a hole, files there with their length, sha256 and row count
 *     offsets     every offset up to the committed one in exactly one place
 *     identities  no observation twice; what was rejected as a duplicate or superseded is there
 *     exports     the hourly files equal the table up to the exporter's cursor
 *
 * Whether the published analytics can be reproduced is the business of analytics/publish.ts.
 */

import { asIsobarError } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import type { SqlSession } from '../sql/engine.ts';
import type { DeltaTable } from './delta-table.ts';
import { openInFlight } from './in-flight.ts';
import { type TableState, writeRefusal } from './snapshot.ts';
import { verifyExports } from './verify-exports.ts';
import { verifyFile } from './verify-file.ts';
import { verifyLog } from './verify-log.ts';
import { verifyOffsets } from './verify-offsets.ts';

export interface VerifyOptions {
  readonly tables: readonly DeltaTable[];
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  /** Of which kind the data are; not compared without it. */
  readonly simulated?: boolean;
  /** Called with a description of the step in progress, for display. */
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
  const rejected = states.get(options.rejected);
  if (observations !== undefined && rejected !== undefined) {
    options.onProgress?.('offsets and identities');
    await attempt(findings, 'offsets', () =>
      verifyOffsets(options, observations, rejected, findings),
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
  const state = await table.refresh();
  const { sums, differences } = findings;
  sums[`${table.name} version`] = state.version;
  sums[`${table.name} rows`] = state.rowCount;
  sums[`${table.name} files`] = state.files.length;
  const refusal = writeRefusal(state, table.folder);
  // A protocol that is too high keeps us from writing, but every row is there.
  if (refusal?.code === 'TABLE_PROTOCOL') sums[`${table.name} is read-only`] = refusal.message;
  else if (refusal !== null) differences.push(refusal.message);
  const { simulated = state.simulated } = options;
  if (state.version >= 0 && state.simulated !== simulated) {
    const [found, wanted] = simulated ? ['real', 'simulated'] : ['simulated', 'real'];
    differences.push(`${table.folder}: it says that its data are ${found}, expected ${wanted}`);
  }
  await verifyLog(options, table, state, findings);
  const flight = openInFlight();
  const byFile = new Map<string, string[]>();
  for (const file of state.files) {
    const own: string[] = [];
    byFile.set(file.path, own);
    await flight.add(file.bytes, () => verifyFile(options, table, state, file, own));
  }
  await flight.settle();
  differences.push(...[...byFile.values()].flat());
  return state;
}
