/** What drills do and wait for: services that are killed and started, and a pipeline that is well. */
import type { Kind } from '../cluster/plan.ts';
import { IsobarError } from '../errors.ts';
import type { Status } from '../model/status.ts';
import { type DrillContext, errorsOf, expectWithin, type Look, lagOf, spooledOf } from './drill.ts';

/** Limits, not measures: a busy machine needs a multiple of what a quiet one does. */
export const WARM_S = 420;
export const NOTICED_S = 180;
export const RECOVERED_S = 300;
/** Longer than what waits in a system that is well. */
export const LAG_S = 12;
export const WITHOUT_API_MS = 5_000;

export interface Before {
  readonly rows: number;
  readonly analytics: number;
}

/** Waits until observations flow through all steps, so that what follows comes from the drill. */
export async function healthy(context: DrillContext): Promise<Before> {
  context.report(
    'waiting until observations flow through all steps; the first job of Spark is slow',
  );
  let atFirst: number | null = null;
  let before: Before = { rows: 0, analytics: 0 };
  await expectWithin(context, WARM_S, 'observations flow', ({ status, meta }) => {
    if (status === null || meta === null || meta.stale) return false;
    const { rows } = status.table;
    atFirst ??= rows;
    before = { rows, analytics: status.analytics.version };
    return rows > atFirst && before.analytics > 0 && isWell(status);
  });
  return before;
}

export function isWell(status: Status): boolean {
  return lagOf(status) < LAG_S && spooledOf(status) === 0 && errorsOf(status).length === 0;
}

export function isWellWithoutCache(status: Status): boolean {
  return isWell({ ...status, shared_cache: null });
}

export function isWellWithoutSpark({ analytics, ...status }: Status): boolean {
  return isWell({ ...status, analytics: { ...analytics, recomputation: null } });
}

/** New rows have landed, new datasets are published, little waits, nothing complains. */
export async function caughtUp(
  context: DrillContext,
  before: Before,
  what = 'all is as before',
  isFine = isWell,
): Promise<Before> {
  let after = before;
  await expectWithin(context, RECOVERED_S, what, (look) =>
    said(look, (status) => {
      after = { rows: status.table.rows, analytics: status.analytics.version };
      const isNew = after.rows > before.rows && after.analytics > before.analytics;
      return isNew && isFine(status) && look.meta?.stale === false;
    }),
  );
  context.story.recovers();
  return after;
}

export function apiAnswers(context: DrillContext): Promise<void> {
  return expectWithin(context, NOTICED_S, 'the API goes on answering', ({ meta }) => meta !== null);
}

export function said(
  { status }: Look,
  holds: (status: NonNullable<Look['status']>) => boolean,
): boolean {
  return status !== null && holds(status);
}

export async function running({ services }: DrillContext, pattern: RegExp): Promise<string[]> {
  const found = (await services.status()).filter(({ name, pid }) => pattern.test(name) && pid);
  return found.map(({ name }) => name);
}

export async function assertRuns(
  context: DrillContext,
  pattern: RegExp,
  kind: Kind,
): Promise<void> {
  if ((await running(context, pattern)).length > 0) return;
  const text = `no ${kind} runs here; start it with: isobar cluster up --only …,${kind}`;
  throw new IsobarError('DRILL_FAILED', text);
}

export async function kill(context: DrillContext, pattern: RegExp): Promise<string[]> {
  const names = await running(context, pattern);
  context.report(`killing ${names.join(', ')}`);
  context.story.breaks();
  for (const name of names) await context.services.signal(name, 'SIGKILL');
  return names;
}

/** All at once: some are only ready when others are. */
export async function startAll(context: DrillContext, names: readonly string[]): Promise<void> {
  context.report(`starting ${names.join(', ')} again`);
  await Promise.all(names.map((name) => context.services.start(name)));
  context.story.mends();
  context.report(`${names.join(', ')} is ready`);
}
