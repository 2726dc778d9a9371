/**
 * A process for the fault suite: it appends unique observations at a steady rate until it is asked
 * to stop, then waits until no observation waits on this machine any more. It prints how many were
 * acknowledged: numbers below that all were.
 *
 *     node test/faults/producer.ts PROFILE DATA FIRST
 */
import { loadConfig } from '../../src/config/load.ts';
import { formatRecord } from '../../src/model/observation.ts';
import { openWorkspace } from '../../src/pipeline/workspace.ts';
import { CITIES, observationOf, PRODUCE_EVERY_MS } from './observations.ts';

const [profile = '', data = '', first = '0'] = process.argv.slice(2);
const { config } = loadConfig({ file: profile, env: {}, flags: { data } });
let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

await using workspace = await openWorkspace(config, false);
const log = await workspace.log();
let next = Number(first);
while (!stopping) {
  const batch = Array.from({ length: CITIES }, (_, at) => observationOf(next + at));
  await log.append(
    batch.map((observation) => ({ key: observation.city_id, value: formatRecord(observation) })),
    { mayWait: true },
  );
  next += CITIES;
  process.stdout.write(`acknowledged ${next}\n`);
  await pause(PRODUCE_EVERY_MS);
}
for (;;) {
  const { waiting } = await log.size();
  if (waiting === null || waiting.records === 0n) break;
  await pause(100);
}
process.stdout.write('drained\n');
