/** An import from its plan to its outcome: the rooms that it needs, joined. */
import { join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { describeInputs } from '../import/fingerprint.ts';
import { type Outcome, readOutcome } from '../import/outcome.ts';
import { runImport } from '../import/run.ts';
import { type ImportPlan, type TimesRead, withTimes } from '../import/source.ts';
import { silentLogger } from '../logger.ts';
import type { ImportEntry, InputFile } from '../model/imports.ts';
import { formatRecord } from '../model/observation.ts';
import { formatTime } from '../model/time-zone.ts';
import { importedBefore } from '../table/imports.ts';
import { openPreview, type Preview } from '../table/preview.ts';
import { OBSERVATION_COLUMNS, REJECTED_COLUMNS } from '../table/table.ts';
import { type Undone, undoImport } from '../table/undo.ts';
import { IMPORT, UNDO } from './import-states.ts';
import { openMaintenance } from './maintenance.ts';
import { openWorkspaceLeases, type Workspace } from './workspace.ts';

const MIB = 1024 * 1024;
const PREVIEW_RECORDS = 100_000;

export interface ImportingOptions {
  readonly signal: AbortSignal;
  /** Records read so far, and about how many there are, where that is known. */
  readonly onProgress: (records: number, about: number | null) => void;
}

/** Files that were imported before in the same way, and those that are still to read. */
interface Inputs {
  readonly fresh: readonly InputFile[];
  readonly known: ReadonlyMap<InputFile, ImportEntry>;
}

export interface Imported {
  /** Null when every file was imported before. */
  readonly entry: ImportEntry | null;
  readonly records: number;
  readonly times: TimesRead;
  readonly outcome: Outcome | null;
  readonly known: Inputs['known'];
}

/** Reads and lands what the plan names; files that were imported before in the same way are left out. */
export async function importPlanned(
  workspace: Workspace,
  plan: ImportPlan,
  { signal, onProgress }: ImportingOptions,
): Promise<Imported> {
  await using stack = new AsyncDisposableStack();
  const lease = await leaseImport(workspace, stack);
  const { fresh, known } = await chooseInputs(workspace, plan, signal);
  const times: TimesRead = { observed_from: null, observed_to: null };
  if (fresh.length === 0) return { entry: null, records: 0, times, outcome: null, known };
  const wanted = { source: plan.name, inputs: fresh, options: plan.options };
  const entry = await workspace.imports.begin(wanted);
  const { observations } = workspace;
  const before = (await observations.refresh(signal)).version;
  const log = await workspace.log();
  const sink = await workspace.sink();
  const running = runImport({
    entry,
    source: withTimes(await plan.open(fresh.map(({ path }) => path)), times),
    log,
    folder: join(workspace.folder, 'import'),
    rememberCities: (cities) => workspace.cities.remember(cities),
    assertAlone() {
      if (lease.isHeld) return;
      throw new IsobarError('ABORTED', 'importing: another process may have begun an import');
    },
    async land() {
      for (let partition = 0; partition < log.partitionCount; partition++) {
        while ((await sink.land(partition, signal)) !== null) {}
      }
    },
    signal,
    onProgress,
  });
  const records = await running.catch((error) => {
    if (!signal.aborted) throw error;
    throw new IsobarError('IMPORT_INTERRUPTED', `import ${entry.import_id}`, { cause: error });
  });
  const outcome = await readImportOutcome(workspace, entry.import_id);
  const { landed, replaced, duplicate, superseded, invalid } = outcome;
  const counts = { records, landed, replaced, duplicate, superseded, invalid };
  await workspace.imports.finish(entry.import_id, counts);
  await bringUpToDate(workspace, before, signal);
  return { entry, records, times, outcome, known };
}

async function readImportOutcome(workspace: Workspace, importId: number): Promise<Outcome> {
  const { observations, rejected } = workspace;
  await observations.refresh();
  await rejected.refresh();
  const session = await workspace.session();
  const columns = { observations: OBSERVATION_COLUMNS, rejected: REJECTED_COLUMNS };
  return readOutcome({ session, observations, rejected, columns }, importId);
}

export interface Previewed {
  readonly preview: Preview;
  readonly records: number;
  readonly times: TimesRead;
  readonly known: Inputs['known'];
}

/** What an import would do; nothing is written. */
export async function previewPlanned(
  workspace: Workspace,
  plan: ImportPlan,
  { signal, onProgress }: ImportingOptions,
): Promise<Previewed> {
  const { fresh, known } = await chooseInputs(workspace, plan, signal);
  const entries = await workspace.imports.read();
  const numbers = {
    import_id: (entries.at(-1)?.import_id ?? 0) + 1,
    collected_at: formatTime(new Date()),
  };
  const session = await workspace.session();
  const { observations, scratch, simulated } = workspace;
  const preview = await openPreview({ session, observations, scratch, simulated });
  const times: TimesRead = { observed_from: null, observed_to: null };
  let records = 0;
  let batch: Uint8Array[] = [];
  if (fresh.length > 0) {
    const source = withTimes(await plan.open(fresh.map(({ path }) => path)), times);
    for await (const { record } of source.read(signal)) {
      records += 1;
      batch.push(formatRecord({ ...record, ...numbers, import_row: records }));
      if (batch.length < PREVIEW_RECORDS) continue;
      await preview.add(batch, signal);
      onProgress(records, source.recordsAbout);
      batch = [];
    }
    if (batch.length > 0) await preview.add(batch, signal);
  }
  return { preview, records, times, known };
}

/** Takes an import back, or finishes an undo that was killed. */
export async function undoNumbered(
  workspace: Workspace,
  importId: number,
  signal: AbortSignal,
): Promise<Undone> {
  await using stack = new AsyncDisposableStack();
  await leaseImport(workspace, stack, UNDO);
  const entries = await workspace.imports.read();
  const entry = entries.find(({ import_id }) => import_id === importId);
  if (entry === undefined) throw new IsobarError('IMPORT_UNKNOWN', `import ${importId}`);
  // From the mark on its records do not count: the same command must begin a new import.
  if (entry.state === 'running') await workspace.imports.interrupt(importId);
  const { observations, rejected, storage, scratch, simulated, config } = workspace;
  const before = (await observations.refresh(signal)).version;
  const undone = await undoImport(
    {
      log: await workspace.log(),
      sink: await workspace.sink(),
      observations,
      rejected,
      storage,
      session: await workspace.session(),
      scratch,
      simulated,
      fileBytesMax: config.table.file_mib_max * MIB,
      signal,
    },
    importId,
  );
  await workspace.imports.markUndone(importId);
  await bringUpToDate(workspace, before, signal);
  return undone;
}

/** One import at a time: their numbers and their records in the log must grow together. */
async function leaseImport(workspace: Workspace, stack: AsyncDisposableStack, command = IMPORT) {
  const leases = stack.use(await openWorkspaceLeases(workspace, command, silentLogger));
  const lease = await leases.take('import', 0);
  if (lease === null) {
    const holder = leases.seen.find(({ role }) => role === 'import');
    const place = holder === undefined ? '' : ` ${holder.pid} on ${holder.host}`;
    const since = holder === undefined ? '' : `, since ${holder.since}`;
    throw new IsobarError('IMPORT_RUNNING', `process${place}${since}`);
  }
  stack.defer(() => lease.release());
  return lease;
}

async function chooseInputs(
  workspace: Workspace,
  plan: ImportPlan,
  signal: AbortSignal,
): Promise<Inputs> {
  const inputs = await describeInputs(plan.files, signal);
  const known = importedBefore(await workspace.imports.read(), inputs, plan.options);
  if (plan.isDivisible) return { fresh: inputs.filter((input) => !known.has(input)), known };
  return known.size === inputs.length ? { fresh: [], known } : { fresh: inputs, known: new Map() };
}

/** Compacts the months that changed since that version, and computes the datasets. */
async function bringUpToDate(
  workspace: Workspace,
  before: number,
  signal: AbortSignal,
): Promise<void> {
  const { observations } = workspace;
  // A history comes in by partition, so every month has got a few files.
  const changes = await observations.changes(before, await observations.refresh());
  const maintenance = await openMaintenance(workspace);
  await maintenance.compact(signal, changes?.months);
  const refresher = await workspace.refresher();
  await refresher.refresh(signal);
  await refresher.check(signal);
}
