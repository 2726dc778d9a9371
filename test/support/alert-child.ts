/**
 * A process for the kill tests of the alerts: it evaluates the story of its seed, sends messages to
 * two receivers and shares incidents with the lake, until it is killed or the story is over.
 *
 *     node test/support/alert-child.ts FOLDER SEED URL URL
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAlertLoop } from '../../src/alerts/alert-loop.ts';
import { startOutbox } from '../../src/alerts/outbox.ts';
import { shareIncidents } from '../../src/alerts/sharing.ts';
import { openAlertStore } from '../../src/alerts/sqlite-store.ts';
import { NO_FACTS } from '../../src/alerts/testing/alerting.ts';
import { open } from '../../src/alerts/testing/open.ts';
import { exampleStatus } from '../../src/api/testing/status.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/logger.ts';
import { openWorkspace } from '../../src/pipeline/workspace.ts';
import { pause } from '../../src/waiting.ts';
import { STORY_CITIES, STORY_RULES, STORY_START, storyOf } from './alert-story.ts';

const [folder = '', seedText = '1', ...urls] = process.argv.slice(2);
const story = storyOf(Number(seedText));
const progress = join(folder, 'progress');
let given = 0;
try {
  given = Number(readFileSync(progress, 'utf8'));
} catch {
  // The first run.
}
const now = () => story[given - 1]?.point.at ?? STORY_START;

const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
await using workspace = await openWorkspace(config, false);
using store = openAlertStore(join(folder, 'alerts'));
const table = workspace.incidents;
const stop = new AbortController();
const channels = [];
for (const [index, name] of ['first', 'second'].entries()) {
  const channel = await open({ type: 'webhook', url: urls[index] }, {}, name);
  channels.push({ channel, giveUpAfterMs: Number.POSITIVE_INFINITY, fallback: null });
}
const outbox = startOutbox({
  store,
  channels,
  logger: silentLogger,
  urlOf: () => null,
  signal: stop.signal,
  delays: { least: 10, most: 100 },
});
const loop = await startAlertLoop({
  rules: STORY_RULES,
  store,
  facts: { ...NO_FACTS, refresh: async () => {} },
  cities: () => STORY_CITIES,
  status: async () => exampleStatus(),
  engines: () => [],
  history: async () => story.slice(0, given),
  refreshMs: () => null,
  onChange: () => outbox.wake(),
  simulated: true,
  lookMs: 3_600_000,
  logger: silentLogger,
  clock: now,
});
while (given < story.length) {
  given += 1;
  writeFileSync(progress, String(given));
  loop.observe(story.slice(given - 1, given));
  await loop.look();
  if (loop.failure !== null) throw new Error(loop.failure.message);
  if (given % 20 === 0) await shareIncidents({ store, table, keepDays: 36_500 });
}
while (store.waiting().length > 0) await pause(20);
await shareIncidents({ store, table, keepDays: 36_500 });
await loop.stop();
stop.abort();
await outbox.ended;
