/** The transactions that commits of the table carry: how far landings came, which imports are undone. */
import type { TableState } from './snapshot.ts';

export function landingAppId(logId: string, partition: number): string {
  return `isobar-land-${logId}-${partition}`;
}

/** The log and partition of a landing's transaction; null for any other. */
export function parseLandingAppId(
  appId: string,
): { readonly logId: string; readonly partition: number } | null {
  const [, logId, partition] = /^isobar-land-(.+)-(\d+)$/.exec(appId) ?? [];
  return logId === undefined ? null : { logId, partition: Number(partition) };
}

/** The offset that lands next: one beyond the last that a commit holds. */
export function nextOffset(state: TableState, logId: string, partition: number): bigint {
  return BigInt(state.transactions.get(landingAppId(logId, partition)) ?? -1) + 1n;
}

const UNDO_APP_ID = 'isobar-undo-';

export function undoAppId(importId: number): string {
  return `${UNDO_APP_ID}${importId}`;
}

/** Imports that were undone; their records do not count. */
export function undoneImports(state: TableState): number[] {
  const appIds = [...state.transactions.keys()].filter((appId) => appId.startsWith(UNDO_APP_ID));
  return appIds.map((appId) => Number(appId.slice(UNDO_APP_ID.length)));
}
