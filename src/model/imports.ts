/** An import: what was read, when, how, and what became of its records. */

/** One file as it was read. */
export interface InputFile {
  /** As it was named on the command line. */
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal digits of its SHA-256. */
  readonly sha256: string;
}

/**
 * `running`: its records are being appended, or, in the table, the process that did so ended; the
 * same command goes on with it. `interrupted`: another import began before it ended, or, where people
 * read it, its process ended; what had been appended counts.
 */
type ImportState = 'running' | 'finished' | 'interrupted' | 'undone';

/** What an import did: read = landed + duplicate + (superseded − replaced) + invalid. */
export interface ImportCounts {
  /** Records that became rows of the table. */
  readonly landed: number;
  /** Records that say what is there already. */
  readonly duplicate: number;
  /** Versions that are superseded: rows of the table, and records of the import itself. */
  readonly superseded: number;
  /** Of those the rows of the table, in whose place a record landed. */
  readonly replaced: number;
  readonly invalid: number;
}

export interface ImportEntry extends ImportCounts {
  /** From 1, growing; a later import outranks an earlier one. */
  readonly import_id: number;
  /** `import:station` */
  readonly source: string;
  readonly state: ImportState;
  /** ISO 8601; also the time of collection of its records. */
  readonly started_at: string;
  /** When it finished or was undone; null before. */
  readonly ended_at: string | null;
  readonly inputs: readonly InputFile[];
  /** How the inputs were read: the mapping as JSON, or the units of recorded answers. */
  readonly options: string;
  /** Records read; 0 until it has finished, as the counts are. */
  readonly records: number;
}
