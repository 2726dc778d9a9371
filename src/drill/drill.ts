/**
 * A drill: breaks one thing of a running cluster on purpose, watches what the system says while it
 * is broken, makes it right again, and measures until all is as before.
 */
import type { ClusterControl } from '../cluster/control.ts';
import { IsobarError } from '../errors.ts';
import type { Status } from '../model/status.ts';
import type { Story } from './story.ts';

export const DRILL_NAMES = [
  'broker-down',
  'namenode-down',
  'spark-job-failure',
  'stream-killed',
  'alert-channel-down',
  'api-down',
  'consumer-lag',
  'redis-down',
  'index-down',
] as const;
export type DrillName = (typeof DRILL_NAMES)[number];

/** What the API says at one moment; null where it does not answer. */
export interface Look {
  readonly status: Status | null;
  /** The `meta` of the city statistics. */
  readonly meta: { readonly stale: boolean; readonly reason: string | null } | null;
}

export interface DrillContext {
  readonly services: ClusterControl;
  readonly processes: DrillProcesses;
  look(): Promise<Look>;
  /** A page of a NameNode, asked with the login that isobar has. */
  page(url: URL): Promise<string>;
  /** A line for people, with the seconds since the drill began. */
  report(line: string): void;
  readonly story: Story;
  readonly signal: AbortSignal;
}

/** isobar's own processes, as the drill's runner has started them. */
export interface DrillProcesses {
  signal(role: DrillRole, signal: NodeJS.Signals): void;
  /** Starts it again after it has died. */
  restart(role: DrillRole): Promise<void>;
}

export type DrillRole = 'start' | 'collect' | 'land' | 'analyze' | 'serve' | 'stream';

export interface DrillPlace {
  readonly services: ClusterControl;
  /** The data folder of the drill's processes. */
  readonly folder: string;
}

export interface Drill {
  readonly name: DrillName;
  /** What it does, in a sentence. */
  readonly description: string;
  readonly roles: readonly DrillRole[];
  /** Further settings of its processes; what they name is put into the folder. */
  settings?(place: DrillPlace): Promise<Readonly<Record<string, string>>>;
  run(context: DrillContext): Promise<void>;
}

const POLL_MS = 500;

/** Polls until it holds and says so; rejects with DRILL_FAILED when it does not in time. */
export async function expectWithin(
  context: DrillContext,
  seconds: number,
  what: string,
  holds: (look: Look) => boolean | Promise<boolean>,
): Promise<void> {
  const from = performance.now();
  for (;;) {
    context.signal.throwIfAborted();
    const look = await context.look();
    context.story.see(look);
    const passed = (performance.now() - from) / 1_000;
    if (await holds(look)) {
      context.report(`${what}, after ${passed.toFixed(1)} s: ${describe(look)}`);
      return;
    }
    if (passed > seconds) {
      throw new IsobarError(
        'DRILL_FAILED',
        `expected within ${seconds} s: ${what}\nat last: ${describe(look)}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Queue, lag, staleness, versions and errors on one line. */
function describe({ status, meta }: Look): string {
  if (status === null) return 'the API does not answer';
  const parts = [
    `${queueOf(status)} records wait, lag ${lagOf(status)} s`,
    `table version ${status.table.version} of ${status.table.rows} rows`,
    `datasets version ${status.analytics.version}`,
  ];
  if (meta?.stale === true) parts.push('marked as stale');
  for (const { code, room } of errorsOf(status)) parts.push(`${room} says ${code}`);
  return parts.join(', ');
}

/** Records that have not landed: those in the log, and those in front of it. */
export function queueOf(status: Status): number {
  const inLog = status.log.partitions.reduce((sum, { waiting }) => sum + waiting, 0);
  return inLog + spooledOf(status);
}

/** Seconds that the oldest waiting record waits. */
export function lagOf({ log }: Status): number {
  const since = log.spool?.since ?? null;
  const spooled = since === null ? 0 : (Date.now() - Date.parse(since)) / 1_000;
  return Math.round(Math.max(spooled, 0, ...log.partitions.map(({ lag_s }) => lag_s)));
}

/** Records that wait in front of a log that cannot be reached. */
export function spooledOf({ log }: Status): number {
  return log.spool?.records ?? 0;
}

export function errorsOf(status: Status) {
  const { landing, analytics, index, log, table, shared_cache: cache } = status;
  const { recomputation } = analytics;
  const rooms = {
    ...{ log, table, landing, analytics, index },
    ...(recomputation === null ? {} : { recomputation }),
    ...(cache === null ? {} : { cache }),
  };
  return Object.entries(rooms).flatMap(([room, { error }]) =>
    error === null ? [] : [{ room, code: error.code }],
  );
}
