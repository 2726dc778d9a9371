/** Alerts of a process that is killed: no incident is lost or opened twice, no message is lost. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openReceiver, type Receiver } from '../src/alerts/testing/receiver.ts';
import { loadConfig } from '../src/config/load.ts';
import { FAULT_POINTS } from '../src/fault.ts';
import { openWorkspace } from '../src/pipeline/workspace.ts';
import { incidentsOf, storyOf } from './support/alert-story.ts';
import { followParent } from './support/leash.ts';
import { createRandom } from './support/random.ts';
import { stormOf } from './support/storm.ts';

const CHILD = join(import.meta.dirname, 'support', 'alert-child.ts');
const POINTS = FAULT_POINTS.filter((point) => /^(alerts|outbox)\./.test(point));
const KILLS = stormOf(100, POINTS.length);
const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

followParent();

test(`killed ${KILLS} times, each incident is opened once and each message sent (seed ${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-alerts-'));
  await using first = await openReceiver();
  await using second = await openReceiver();
  const random = createRandom(seed);
  try {
    const storySeed = Math.floor(random() * 1e9);
    const run = (fault: string) => runChild(folder, storySeed, [first, second], fault);
    let kills = 0;
    for (let round = 0; kills < KILLS; round++) {
      const point = POINTS[round % POINTS.length];
      const ended = await run(`${point}:${1 + Math.floor(random() * 2)}`);
      if (ended !== 'SIGKILL') break;
      kills += 1;
    }
    assert.equal(await run(''), null);
    assert.ok(kills >= Math.min(KILLS, POINTS.length), `the story was over after ${kills} kills`);
    await compare(folder, storySeed, [first, second]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The signal that ended it; null when it came to its end. */
async function runChild(
  folder: string,
  storySeed: number,
  receivers: readonly Receiver[],
  fault: string,
): Promise<string | null> {
  const urls = receivers.map(({ url }) => url);
  const child = spawn(process.execPath, [CHILD, folder, String(storySeed), ...urls], {
    env: { ...process.env, ISOBAR_FAULT: fault },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [code, signal] = await once(child, 'close');
  assert.ok(code === 0 || signal === 'SIGKILL', `${fault}: ${errors}`);
  return signal;
}

async function compare(folder: string, storySeed: number, receivers: readonly Receiver[]) {
  const expected = incidentsOf(storyOf(storySeed));
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  await using workspace = await openWorkspace(config, false);
  const rows = await workspace.incidents.read();
  const found = rows.map(({ incident_id, opened_at, resolved_at }) => [
    incident_id,
    `opened ${opened_at} ${resolved_at === null ? '' : `resolved ${resolved_at} `}`,
  ]);
  assert.deepEqual(found.sort(), [...expected].sort());
  const kinds = [...expected].flatMap(([id, text]) =>
    text.includes('resolved') ? [`${id}.opened.1`, `${id}.resolved.1`] : [`${id}.opened.1`],
  );
  for (const [index, { received }] of receivers.entries()) {
    const name = ['first', 'second'][index];
    const keys = received.map(({ headers }) => String(headers['idempotency-key']));
    // A receiver that honours the key takes each once.
    assert.deepEqual([...new Set(keys)].sort(), kinds.map((kind) => `${kind}.${name}`).sort());
    for (const id of expected.keys()) {
      const end = keys.indexOf(`${id}.resolved.1.${name}`);
      assert.ok(end === -1 || keys.indexOf(`${id}.opened.1.${name}`) < end, 'the end came first');
    }
  }
  for (const { incident_id, notified } of rows) {
    const waits = notified.filter(({ state }) => state !== 'sent');
    assert.deepEqual(waits, [], incident_id);
  }
}
