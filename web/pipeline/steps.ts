/** The path of the data in steps, as an operator reads it. */
import type { RoomError, Status } from '../../src/model/status.ts';
import { formatAge } from '../format/ages.ts';
import { formatBytes, formatCount, formatPlural } from '../format/numbers.ts';
import { words } from '../words/words.ts';

export interface Step {
  readonly name: string;
  readonly lines: readonly string[];
  readonly state: 'ok' | 'wait' | 'look';
  /** What the matter is and what happens or helps; null when all is well. */
  readonly note: string | null;
  /** Whether nothing passes this step until something is done. */
  readonly isStopped: boolean;
  /** Whether it branches off the step before. */
  readonly isBranch?: boolean;
}

const WELL = { state: 'ok', note: null, isStopped: false } as const;

/** A step that lags more than this behind is worth a look. */
const LAG_S_MAX = 600;

export function pipelineSteps(status: Status, now: number): readonly Step[] {
  return [
    collect(status),
    log(status),
    table(status, now),
    rejected(status),
    analytics(status, now),
  ];
}

const WAITING = new Set(['starting', 'paused', 'budget_spent', 'key_not_active', 'quota']);

function collect({ collector, simulated }: Status): Step {
  const { counts, pipeline } = words.value;
  const say = pipeline.steps;
  const name = say.collect;
  if (collector === null) return { name, lines: [say.notPolled], ...WELL };
  const { state, message, calls, city_count, troubled } = collector;
  const left = Math.max(0, calls.day.limit - calls.day.used);
  const lines = [
    formatPlural(city_count, counts.city),
    // The simulator may be asked as often as it has something new.
    simulated ? say.today(formatPlural(calls.day.used, counts.call)) : say.left(formatCount(left)),
  ];
  if (state !== 'live') {
    const isStopped = !WAITING.has(state);
    return { name, lines, state: isStopped ? 'look' : 'wait', note: message, isStopped };
  }
  const [first] = troubled;
  if (first === undefined) return { name, lines, ...WELL };
  const others = formatPlural(troubled.length - 1, counts.other);
  const who = troubled.length > 1 ? say.andOthers(first.city_id, others) : first.city_id;
  return { name, lines, ...looked(`${who}: ${first.reason}`) };
}

function log({ log }: Status): Step {
  const { counts, pipeline } = words.value;
  const say = pipeline.steps;
  const name = say.log;
  const waiting = log.partitions.reduce((sum, partition) => sum + partition.waiting, 0);
  const lag = Math.max(0, ...log.partitions.map((partition) => partition.lag_s));
  const lines = [
    formatPlural(log.partitions.length, counts.partition),
    waiting === 0 ? say.nothingWaits : say.waiting(formatCount(waiting), formatAge(lag)),
  ];
  if (log.error !== null) return { name, lines, ...stopped(log.error) };
  if (log.full)
    return { name, lines, ...looked(say.full(formatBytes(log.bytes))), isStopped: true };
  if (lag > LAG_S_MAX) return { name, lines, ...looked(say.lag(formatAge(lag))) };
  return { name, lines, ...WELL };
}

function table({ table, landing }: Status, now: number): Step {
  const { counts, pipeline } = words.value;
  const say = pipeline.steps;
  // What another process or an import landed shows in the table alone.
  const landed = landing.last_landed_at ?? table.committed_at;
  const lines = [
    formatPlural(table.rows, counts.row),
    landed === null ? say.notLanded : say.landed(ago(landed, now)),
  ];
  const error = table.error ?? landing.error;
  return { name: say.table, lines, ...(error === null ? WELL : stopped(error)) };
}

function analytics({ analytics }: Status, now: number): Step {
  const say = words.value.pipeline.steps;
  const { version, computed_at, error } = analytics;
  const lines =
    computed_at === null
      ? [say.notComputed]
      : [say.version(formatCount(version)), ago(computed_at, now)];
  if (error !== null) return { name: say.analytics, lines, ...stopped(error) };
  return { name: say.analytics, lines, ...WELL, state: computed_at === null ? 'wait' : 'ok' };
}

/** Reasons that are part of normal life: the same observation came twice, or a better one came. */
const NORMAL = new Set(['duplicate', 'superseded']);

/** Not on the way, but what leaves it when the table is written. */
function rejected({ table }: Status): Step {
  const say = words.value.pipeline.steps;
  const reasons = Object.entries(table.rejected).filter(([, count]) => count > 0);
  const lines =
    reasons.length === 0
      ? [say.noRow]
      : reasons.map(([reason, count]) => `${formatCount(count)} ${say.reasons[reason] ?? reason}`);
  const troubled = reasons.filter(([reason]) => !NORMAL.has(reason));
  return troubled.length === 0
    ? { name: say.rejected, isBranch: true, lines, ...WELL }
    : { name: say.rejected, isBranch: true, lines, ...looked(say.kept) };
}

function looked(note: string) {
  return { state: 'look', note, isStopped: false } as const;
}

function stopped({ message, remedy }: RoomError) {
  return { ...looked(`${message}. ${remedy}`), isStopped: true };
}

function ago(time: string, now: number): string {
  return words.value.pipeline.steps.ago(formatAge((now - Date.parse(time)) / 1_000));
}
