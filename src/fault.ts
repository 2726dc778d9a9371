/**
 * Fault points: named steps at which the kill tests stop this process.
 *
 * `ISOBAR_FAULT=landing.before-commit` kills it (SIGKILL) on reaching that step,
 * `landing.before-commit:3` on reaching it for the third time, and
 * `landing.before-commit:1:stop` stops it there (SIGSTOP) until it receives SIGCONT.
 * Without the variable a fault point costs one comparison.
 */
export const FAULT_POINTS = [
  'append.before-commit',
  'append.after-commit',
  'spool.drained',
  'landing.staged',
  'landing.files-written',
  'rejected.before-commit',
  'rejected.after-commit',
  'superseding.before-commit',
  'landing.before-commit',
  'landing.after-commit',
  'checkpoint.before-write',
  'checkpoint.before-pointer',
  'compaction.before-commit',
  'compaction.after-commit',
  'vacuum.before-delete',
  'vacuum.between-deletes',
  'undo.after-mark',
  'undo.after-append',
  'undo.after-restore',
  'undo.before-commit',
  'export.before-hour',
  'export.after-hour',
  'export.before-manifest',
  'export.before-cursor',
  'publish.before-files',
  'publish.before-version',
  'publish.after-version',
  'index.between-buckets',
  'index.before-commit',
  'index.after-commit',
  'index.before-clean',
  'forecast.before-issue',
  'forecast.after-issue',
  'forecast.before-scores',
  'forecast.between-days',
  'forecast.before-latest',
  'forecast.after-latest',
  'forecast.before-state',
  'storage.before-sync',
  'storage.before-link',
  'storage.after-link',
  'budget.before-book',
  'budget.after-book',
  'import.before-progress',
  'outbox.before-send',
  'outbox.after-send',
  'outbox.after-mark',
  'alerts.before-commit',
  'alerts.after-commit',
  'alerts.before-share',
  'alerts.after-share',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

const [wanted, times = '1', action = 'kill'] = (process.env.ISOBAR_FAULT ?? '').split(':');
let left = Number(times);

/** Marks a named step; does nothing unless `ISOBAR_FAULT` names it. */
export function reachFaultPoint(point: FaultPoint): void {
  if (wanted !== point) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, action === 'stop' ? 'SIGSTOP' : 'SIGKILL');
}
