import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { silentLogger } from '../logger.ts';
import type { Stretch } from '../model/outages.ts';
import { openCollectingHistory } from './collecting.ts';
import { openWorkspace } from './workspace.ts';

const stretch = (stretch_id: string, began_at: string, ended_at: string): Stretch => ({
  ...{ stretch_id, began_at, ended_at },
  activity: 'collecting',
  reason: 'live',
});
const A = stretch('a', '2026-03-01T00:00:00Z', '2026-03-01T01:00:00Z');
const B = stretch('b', '2026-03-01T02:00:00Z', '2026-03-01T03:00:00Z');

test('machines of one lake know what each of them did, and the later end counts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-collecting-'));
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  try {
    await using workspace = await openWorkspace(config, false);
    const other = { ...workspace, folder: join(folder, 'other') };
    using here = openCollectingHistory(workspace, silentLogger);
    using there = openCollectingHistory(other, silentLogger);
    await here.store.put(A);
    await there.store.put(B);
    // On its way out a share brings everything.
    await here.share().stop();
    await there.share().stop();
    using third = openCollectingHistory(
      { ...workspace, folder: join(folder, 'third') },
      silentLogger,
    );
    const [first, meanwhile] = await Promise.all([third.read(), third.read()]);
    assert.deepEqual(first, [A, B]);
    assert.deepEqual(meanwhile, [A, B], 'asked before the lake has answered');
    assert.deepEqual(here.store.unshared(), []);
    const version = (await workspace.tables.at(-1)?.refresh())?.version;
    await here.share().stop();
    assert.equal((await workspace.tables.at(-1)?.refresh())?.version, version, 'nothing new');
    const longer = { ...A, ended_at: '2026-03-01T01:30:00Z' };
    await here.store.put(longer);
    assert.deepEqual(await here.read(), [longer, B], 'what is known here is the newest');
    await workspace.collecting.join([A], '2026-01-01T00:00:00Z', 100);
    await here.share().stop();
    assert.deepEqual((await workspace.collecting.read()).at(0), longer);
    await workspace.collecting.join(
      [stretch('c', B.ended_at, '2026-03-02T00:00:00Z')],
      B.began_at,
      2,
    );
    assert.deepEqual(
      (await workspace.collecting.read()).map(({ stretch_id }) => stretch_id),
      ['b', 'c'],
      'what is too old is forgotten',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
