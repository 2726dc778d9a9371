import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Publications } from './context.ts';
import { openRows } from './rows.ts';
import type { Current } from './versions.ts';

test('a cancelled range takes no turn and does not delay the others', async () => {
  const computed: (string | null)[] = [];
  const held = Promise.withResolvers<void>();
  const publications: Pick<Publications, 'compute'> = {
    async compute(_, __, { from }) {
      computed.push(from);
      if (from === 'first') await held.promise;
      return [];
    },
  };
  const rows = openRows(publications as Publications);
  const snapshot = {
    ...{ version: 1, committedAt: null, files: [], transactions: new Map(), rowCount: 0 },
    simulated: false,
  };
  const current = { conditions: { snapshot }, publication: null } as unknown as Current;
  const ask = (from: string, leave?: AbortSignal) =>
    rows.compute('hourly_trends', current, { cities: [], from, to: null }, leave);
  const first = ask('first');
  // As when dragging over a chart: each question replaces the one before.
  const left: Promise<unknown>[] = [];
  for (let turn = 0; turn < 200; turn += 1) {
    const gone = new AbortController();
    left.push(ask(`dragged ${turn}`, gone.signal).catch(({ code }) => code));
    gone.abort();
  }
  const last = ask('last');
  held.resolve();
  await Promise.all([first, last]);
  assert.deepEqual(new Set(await Promise.all(left)), new Set(['ABORTED']));
  assert.deepEqual(computed, ['first', 'last']);
});
