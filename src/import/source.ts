import type { City } from '../model/city.ts';
import type { CollectedRecord } from '../model/observation.ts';

/** What is imported: records in order of time, the same ones in the same order on each reading. */
export interface ImportSource {
  /** Goes into the records and names the import: `import:historical-hourly-weather`. */
  readonly name: string;
  /** Changes when the inputs change; an import of the same goes on where it was. */
  readonly fingerprint: string;
  /** About how many records there are, for a progress bar; null when nobody knows. */
  readonly recordsAbout: number | null;
  read(signal: AbortSignal): AsyncIterable<ImportedRecord>;
}

export interface ImportedRecord {
  readonly record: CollectedRecord;
  /** The city of the record, when it has one; the same object for the same city. */
  readonly city: City | null;
}
