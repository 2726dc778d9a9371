/** What the two ways out of a foreign change share: accept-foreign.ts and restore-version.ts. */

import { IsobarError } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import type { SqlSession } from '../sql/engine.ts';
import type { Action, Metadata } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import type { TableState } from './snapshot.ts';

export interface RepairOptions {
  readonly table: DeltaTable;
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly clock?: () => Date;
}

/** The state's metadata with these settings in its configuration. */
export function withConfiguration(
  { metadata }: TableState,
  more: Readonly<Record<string, string>>,
): Action {
  const configuration = { ...metadata?.configuration, ...more };
  return { metaData: { ...(metadata as Metadata), configuration } };
}

/** A repair is worked out against one state; whatever came meanwhile is looked at anew. */
export function assertUnchanged(
  { folder }: DeltaTable,
  before: TableState,
  newest: TableState,
): void {
  if (newest.version === before.version) return;
  throw new IsobarError('COMMIT_CONFLICT', `${folder}: version ${newest.version} came meanwhile`);
}
