/** An outbox in memory; `onChange` may keep it, and `kept` is what was kept. */
import type { OutboxEntry, OutboxStore } from '../outbox-store.ts';
import { INCIDENT } from './messages.ts';

export type Kept = { -readonly [K in keyof OutboxEntry]: OutboxEntry[K] } & {
  state: 'waiting' | 'sent' | 'given_up';
  problem: string | null;
};

export function openMemoryStore(
  now: () => number = Date.now,
  kept: Kept[] = [],
  onChange: (kept: readonly Kept[]) => void = () => {},
) {
  const waiting = (channel?: string) =>
    kept.filter(
      (entry) => entry.state === 'waiting' && (channel === undefined || entry.channel === channel),
    );
  const find = (key: string) => kept.find((entry) => entry.key === key);
  const store: OutboxStore = {
    due: (channel, at, limit) =>
      waiting(channel)
        .filter(({ nextAt }) => nextAt <= at)
        .slice(0, limit),
    sent: async (key) => change(key, { state: 'sent' }),
    failed: async (key, nextAt, problem) =>
      change(key, { nextAt, problem, attempts: (find(key)?.attempts ?? 0) + 1 }),
    async givenUp(key, _at, problem, fallback) {
      change(key, { state: 'given_up', problem });
      if (fallback !== null) add(fallback, `${key}>${fallback}`);
    },
  };

  function change(key: string, changes: Partial<Kept>): void {
    const entry = find(key);
    if (entry === undefined || entry.state !== 'waiting') throw new Error(`${key} does not wait`);
    Object.assign(entry, changes);
    onChange(kept);
  }

  function add(channel: string, key: string, changes: Partial<Kept> = {}): void {
    kept.push({
      key,
      channel,
      kind: 'opened',
      incident: INCIDENT,
      madeAt: now(),
      attempts: 0,
      nextAt: 0,
      state: 'waiting',
      problem: null,
      ...changes,
    });
    onChange(kept);
  }

  return { ...store, add, entry: find, waiting: (channel?: string) => waiting(channel).length };
}
