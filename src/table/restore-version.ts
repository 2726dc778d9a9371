/**
 * Going back to an earlier version: a new commit that makes the live files and the landed offsets
 * those of that version. It deletes no file; offsets that landed later land again from the log.
 */
import { IsobarError } from '../errors.ts';
import type { Action, AddFile } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import { RESOLVED_KEY } from './foreign.ts';
import { assertUnchanged, type RepairOptions, withConfiguration } from './repair.ts';
import { assertReadable, type TableState, writeRefusal } from './snapshot.ts';
import { readStateAt } from './state-at.ts';

export interface Restored {
  readonly version: number;
  readonly filesBack: number;
  readonly filesRemoved: number;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** Files of that version that are gone; only with `partial`. */
  readonly missing: readonly string[];
  /** Transactions that went back: what landed after them lands again from the log. */
  readonly landAgain: number;
}

/**
 * Makes the table what it was after an earlier commit. Rejects with USAGE for a version that is not
 * an earlier one, TABLE_GAP when it is not kept any more, LAKE_MISSING when files of it are gone:
 * with `partial` those that are there come back.
 */
export async function restoreVersion(
  options: RepairOptions,
  version: number,
  { partial = false }: { readonly partial?: boolean } = {},
): Promise<Restored> {
  const { table, storage, session, clock = () => new Date() } = options;
  const state = await table.refreshForRepair();
  if (version < 0 || version >= state.version) {
    const text = `${table.folder}: ${version} is not an earlier version than ${state.version}`;
    throw new IsobarError('USAGE', text);
  }
  const wanted = await readStateAt(table, storage, session, version);
  assertReadable(wanted, table.folder);
  const refusal = writeRefusal(wanted, table.folder);
  if (refusal !== null) throw refusal;
  const back: AddFile[] = [];
  const missing: string[] = [];
  for (const add of wanted.adds.values()) {
    if (state.adds.has(add.path)) continue;
    const place = `${table.folder}/${add.path}`;
    const stored = await storage.stat(place);
    if (stored?.bytes === add.size) back.push({ ...add, dataChange: true });
    else missing.push(place);
  }
  if (missing.length > 0 && !partial) throw filesAreGone(table, version, missing);
  const gone = [...state.adds.values()].filter(({ path }) => !wanted.adds.has(path));
  const txns = earlierTransactions(state, wanted, clock());
  const after = await table.commit(
    'RESTORE',
    async (newest) => {
      assertUnchanged(table, state, newest);
      return [
        ...protocolBack(state, wanted),
        withConfiguration(wanted, { [RESOLVED_KEY]: String(state.version) }),
        ...txns,
        ...gone.map((add) => removal(add, clock())),
        ...back.map((add) => ({ add })),
      ];
    },
    { repair: true, parameters: { version: String(version) } },
  );
  return {
    version: after.version,
    filesBack: back.length,
    filesRemoved: gone.length,
    rowsBefore: state.rowCount,
    rowsAfter: after.rowCount,
    missing,
    landAgain: txns.length,
  };
}

function earlierTransactions(state: TableState, wanted: TableState, now: Date): Action[] {
  const actions: Action[] = [];
  for (const [appId, { version }] of state.txns) {
    const before = wanted.txns.get(appId)?.version ?? -1;
    if (before === version) continue;
    actions.push({ txn: { appId, version: before, lastUpdated: now.getTime() } });
  }
  return actions;
}

function protocolBack(state: TableState, wanted: TableState): Action[] {
  const { protocol } = wanted;
  const isSame =
    state.protocol?.minReaderVersion === protocol?.minReaderVersion &&
    state.protocol?.minWriterVersion === protocol?.minWriterVersion;
  return protocol === null || isSame ? [] : [{ protocol }];
}

function removal({ path, partitionValues, size }: AddFile, now: Date): Action {
  const deletionTimestamp = now.getTime();
  return { remove: { path, deletionTimestamp, dataChange: true, partitionValues, size } };
}

const LISTED_MAX = 5;

function filesAreGone(
  { folder }: DeltaTable,
  version: number,
  missing: readonly string[],
): IsobarError {
  const listed = missing.slice(0, LISTED_MAX).join('\n  ');
  const more = missing.length > LISTED_MAX ? `\n  and ${missing.length - LISTED_MAX} more` : '';
  return new IsobarError(
    'LAKE_MISSING',
    `${folder}: files of version ${version} are gone; add --partial to bring back the others:\n` +
      `  ${listed}${more}`,
    { details: { missing: missing.length } },
  );
}
