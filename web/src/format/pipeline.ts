/** The path of the data in five steps, as an operator reads it. */
import type { Status } from '../../../src/model/status.ts';
import { formatAge } from './ages.ts';
import { formatBytes, formatCount, formatPlural } from './numbers.ts';

export interface Step {
  readonly name: string;
  readonly lines: readonly string[];
  readonly state: 'ok' | 'wait' | 'look';
  /** What the matter is and what happens or helps; null when all is well. */
  readonly note: string | null;
}

/** Whether the budget is one that could be used up; the simulator's is not. */
export function isBounded({ limit }: { readonly limit: number }): boolean {
  return limit < 10_000_000;
}

/** A step that lags more than this behind is worth a look. */
const LAG_S_MAX = 600;

export function pipelineSteps(status: Status, now: number): readonly Step[] {
  return [collect(status), log(status), table(status, now), analytics(status, now), aside(status)];
}

const WAITING = new Set(['starting', 'paused', 'budget_spent', 'key_not_active', 'quota']);

function collect({ collector }: Status): Step {
  if (collector === null) {
    return { name: 'Collect', lines: ['nothing is polled here'], state: 'ok', note: null };
  }
  const { state, message, calls, city_count, troubled } = collector;
  const left = Math.max(0, calls.day.limit - calls.day.used);
  const lines = [
    formatPlural(city_count, 'city', 'cities'),
    isBounded(calls.day)
      ? `${formatCount(left)} calls left today`
      : `${formatPlural(calls.day.used, 'call')} today`,
  ];
  if (state !== 'live') {
    return { name: 'Collect', lines, state: WAITING.has(state) ? 'wait' : 'look', note: message };
  }
  const [first] = troubled;
  if (first === undefined) return { name: 'Collect', lines, state: 'ok', note: null };
  const more = troubled.length > 1 ? ` and ${formatPlural(troubled.length - 1, 'other')}` : '';
  return {
    name: 'Collect',
    lines,
    state: 'look',
    note: `${first.city_id}${more}: ${first.reason}`,
  };
}

function log({ log }: Status): Step {
  const waiting = log.partitions.reduce((sum, partition) => sum + partition.waiting, 0);
  const lag = Math.max(0, ...log.partitions.map((partition) => partition.lag_s));
  const lines = [
    formatPlural(log.partitions.length, 'partition'),
    waiting === 0 ? 'nothing waits' : `${formatCount(waiting)} wait, oldest ${formatAge(lag)}`,
  ];
  if (log.full) {
    const note = `The log is full (${formatBytes(log.bytes)}): polling waits until it has landed.`;
    return { name: 'Log', lines, state: 'look', note };
  }
  if (lag > LAG_S_MAX) {
    const note = `The oldest record has waited ${formatAge(lag)} to be landed.`;
    return { name: 'Log', lines, state: 'look', note };
  }
  return { name: 'Log', lines, state: 'ok', note: null };
}

function table({ table, landing }: Status, now: number): Step {
  // What another process or an import landed shows in the table alone.
  const landed = landing.last_landed_at ?? table.committed_at;
  const lines = [
    `${formatCount(table.rows)} ${table.rows === 1 ? 'row' : 'rows'}`,
    landed === null ? 'nothing landed yet' : `landed ${ago(landed, now)}`,
  ];
  const { error } = landing;
  return error === null
    ? { name: 'Table', lines, state: 'ok', note: null }
    : { name: 'Table', lines, state: 'look', note: `${error.message} ${error.remedy}` };
}

function analytics({ analytics }: Status, now: number): Step {
  const { version, computed_at, error } = analytics;
  const lines =
    computed_at === null
      ? ['not computed yet']
      : [`version ${formatCount(version)}`, ago(computed_at, now)];
  return error === null
    ? { name: 'Analytics', lines, state: computed_at === null ? 'wait' : 'ok', note: null }
    : { name: 'Analytics', lines, state: 'look', note: `${error.message} ${error.remedy}` };
}

/** Reasons that are part of normal life: the same observation came twice, or a better one came. */
const NORMAL = new Set(['duplicate', 'superseded']);

function aside({ table }: Status): Step {
  const reasons = Object.entries(table.set_aside).filter(([, count]) => count > 0);
  const lines =
    reasons.length === 0
      ? ['no row']
      : reasons.map(([reason, count]) => `${formatCount(count)} ${reason}`);
  const troubled = reasons.filter(([reason]) => !NORMAL.has(reason));
  return troubled.length === 0
    ? { name: 'Set aside', lines, state: 'ok', note: null }
    : {
        name: 'Set aside',
        lines,
        state: 'look',
        note: 'Each of these rows is kept with its reason.',
      };
}

function ago(time: string, now: number): string {
  return `${formatAge((now - Date.parse(time)) / 1_000)} ago`;
}
