/**
 * A small lake with all that a number may come from: made-up live observations of several landings, with
 * duplicates, a correction and garbage, and an imported history with a corrected second import.
 * Exported and published.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram } from '../../cli/program.ts';
import { openTestEnvironment } from '../../cli/testing/environment.ts';
import { loadConfig } from '../../config/load.ts';
import { silentLogger } from '../../logger.ts';
import { formatRecord, type Observation } from '../../model/observation.ts';
import { openMaintenance } from '../../pipeline/maintenance.ts';
import { openWorkspace, type Workspace } from '../../pipeline/workspace.ts';

const FIXTURE = join(import.meta.dirname, '../../import/fixtures/kaggle');

/** What the corrected import says of Denver at this time; the first one says 8 K less. */
export const CORRECTED_AT = '2012-10-02T02:00:00Z';

export function openLake(folder: string): Promise<Workspace> {
  const flags = { data: folder, 'table.checkpoint_commits': '4' };
  return openWorkspace(loadConfig({ file: null, env: {}, flags }).config, false);
}

/** Runs a command on the folder; resolves with what it printed. */
export async function runIn(folder: string, ...args: readonly string[]): Promise<string> {
  const { environment, printed } = openTestEnvironment();
  const common = ['--data', folder, '--log-level', 'error'];
  await buildProgram(environment).parseAsync([...args, ...common], { from: 'user' });
  return printed.stdout;
}

/** Resolves with the folder; whoever made it removes it. */
export async function makeLake(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-provenance-'));
  const history = mkdtempSync(join(tmpdir(), 'isobar-history-'));
  try {
    cpSync(FIXTURE, history, { recursive: true });
    await runIn(folder, 'import', history);
    correctHistory(join(history, 'temperature.csv'));
    await runIn(folder, 'import', history);
  } finally {
    rmSync(history, { recursive: true, force: true });
  }
  await using workspace = await openLake(folder);
  for (let round = 0; round < 5; round += 1) await landRound(workspace, round);
  await exportAndPublish(workspace);
  return folder;
}

function correctHistory(path: string): void {
  const lines = readFileSync(path, 'utf8').split('\n');
  const column = lines[0]?.split(',').indexOf('Denver') ?? -1;
  const at = lines.findIndex((line) => line.startsWith('2012-10-02 02:00:00'));
  const cells = lines[at]?.split(',') ?? [];
  cells[column] = String(Number(cells[column]) + 8);
  lines[at] = cells.join(',');
  writeFileSync(path, lines.join('\n'));
}

/** Four hours of four cities; from the third round on with a correction of an earlier one. */
async function landRound(workspace: Workspace, round: number): Promise<void> {
  const records = [0, 1, 2, 3].flatMap((city) =>
    [0, 1, 2, 3].map((hour) => liveObservation(`city-${city}`, round * 4 + hour)),
  );
  if (round > 2) {
    const earlier = liveObservation('city-1', 1);
    records.push({ ...earlier, collected_at: minutes(round * 60), temperature_c: 11 + round });
  }
  await append(workspace, records);
  const log = await workspace.log();
  await log.append([{ key: 'city-0', value: Buffer.from('garbage') }]);
  await land(workspace);
}

export async function append(workspace: Workspace, records: readonly Observation[]): Promise<void> {
  const log = await workspace.log();
  await log.append(records.map((record) => ({ key: record.city_id, value: formatRecord(record) })));
}

export async function land(workspace: Workspace): Promise<void> {
  const log = await workspace.log();
  const sink = await workspace.sink();
  for (let partition = 0; partition < log.partitionCount; partition += 1) {
    await sink.land(partition);
  }
}

export async function exportAndPublish(workspace: Workspace): Promise<void> {
  const { exporter } = await openMaintenance(workspace);
  await exporter.run({ closing: true });
  await (await workspace.refresher(silentLogger)).refresh();
}

function minutes(count: number): string {
  return new Date(Date.UTC(2024, 9, 31, 20) + count * 60_000).toISOString();
}

/** One of every seventeen is far too warm. */
export function liveObservation(city_id: string, hour: number): Observation {
  const isOdd = hour === 17;
  return {
    city_id,
    city: city_id.toUpperCase(),
    country: 'US',
    observed_at: minutes(hour * 60),
    collected_at: minutes(hour * 60 + 2),
    source: 'openweathermap',
    interval_s: 3_600,
    utc_offset_s: -18_000,
    provider_city_id: 1,
    temperature_c: isOdd ? 49 : 10 + (hour % 7) / 7,
    humidity_pct: hour % 5 === 0 ? null : 50 + hour,
    wind_speed_ms: hour % 3,
    wind_direction_deg: (350 + hour * 3) % 360,
    response: `{"main":{"temp":${10 + hour}}}`,
  };
}
