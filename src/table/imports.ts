/** The table `imports`: one row per import. It gives imports their numbers. */
import type { ImportCounts, ImportEntry, InputFile } from '../model/imports.ts';
import { formatTime } from '../model/time-zone.ts';
import { openSmallTable, type SmallTableOptions } from './small-table.ts';
import { IMPORT_COLUMNS } from './table.ts';

export interface ImportTable {
  /** In the order of their numbers. */
  read(): Promise<readonly ImportEntry[]>;

  /**
   * Begins an import, or goes on with the last one when that is the same and did not end: then the
   * number and the time stay. One that did not end and is another is interrupted.
   */
  begin(wanted: Pick<ImportEntry, 'source' | 'inputs' | 'options'>): Promise<ImportEntry>;

  /** An import that did not end is not gone on with any more, as before it is taken back. */
  interrupt(importId: number): Promise<void>;

  finish(importId: number, counts: ImportCounts & { readonly records: number }): Promise<void>;

  markUndone(importId: number): Promise<void>;
}

type ImportRow = Omit<ImportEntry, 'inputs'> & { readonly inputs: string };

const NOTHING = { records: 0, landed: 0, replaced: 0, duplicate: 0, superseded: 0, invalid: 0 };

export function openImportTable(options: Omit<SmallTableOptions, 'columns' | 'key'>): ImportTable {
  const { clock = () => new Date() } = options;
  const columns = { columns: IMPORT_COLUMNS, key: 'import_id' };
  const imports = openSmallTable<ImportRow>({ ...options, ...columns });

  async function change(importId: number, changes: Partial<ImportRow>): Promise<void> {
    const ended = { ended_at: formatTime(clock()) };
    await imports.update((rows) =>
      rows.map((row) => (row.import_id === importId ? { ...row, ...ended, ...changes } : row)),
    );
  }

  return {
    read: async () => (await imports.read()).map(parseRow),
    async begin(wanted) {
      let begun: ImportEntry | null = null;
      await imports.update((rows) => {
        const last = rows.at(-1);
        if (last?.state === 'running' && isSame(parseRow(last), wanted)) {
          begun = parseRow(last);
          return null;
        }
        const entry: ImportEntry = {
          import_id: (last?.import_id ?? 0) + 1,
          state: 'running',
          started_at: formatTime(clock()),
          ended_at: null,
          ...NOTHING,
          ...wanted,
        };
        begun = entry;
        const before = rows.map((row) =>
          row.state === 'running' ? { ...row, state: 'interrupted' as const } : row,
        );
        return [...before, { ...entry, inputs: JSON.stringify(entry.inputs) }];
      });
      if (begun === null) throw new Error('the update of a small table did not call its change');
      return begun;
    },
    interrupt: (importId) => change(importId, { state: 'interrupted' }),
    finish: (importId, counts) => change(importId, { ...counts, state: 'finished' }),
    markUndone: (importId) => change(importId, { state: 'undone' }),
  };
}

/**
 * The files of these that a finished import read in the same way, whatever they are called now. One of
 * which nothing could be used does not count: a newer isobar may read what it could not.
 */
export function importedBefore(
  entries: readonly ImportEntry[],
  inputs: readonly InputFile[],
  options: string,
): ReadonlyMap<InputFile, ImportEntry> {
  const found = new Map<InputFile, ImportEntry>();
  for (const entry of entries) {
    if (entry.state !== 'finished' || entry.options !== options) continue;
    if (entry.records > 0 && entry.invalid === entry.records) continue;
    const read = new Set(entry.inputs.map(({ sha256 }) => sha256));
    for (const input of inputs) if (read.has(input.sha256)) found.set(input, entry);
  }
  return found;
}

function isSame(
  entry: ImportEntry,
  wanted: Pick<ImportEntry, 'source' | 'inputs' | 'options'>,
): boolean {
  const sums = (inputs: readonly InputFile[]) => inputs.map(({ sha256 }) => sha256).join(' ');
  return (
    entry.source === wanted.source &&
    entry.options === wanted.options &&
    sums(entry.inputs) === sums(wanted.inputs)
  );
}

function parseRow(row: ImportRow): ImportEntry {
  return { ...row, inputs: JSON.parse(row.inputs) as InputFile[] };
}
