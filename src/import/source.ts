import type { City } from '../model/city.ts';
import { type CollectedRecord, isInvalidRecord } from '../model/observation.ts';

/** What a command line names: files, and how they would be read. */
export interface ImportPlan {
  /** Goes into the records and names the import: `import:historical-hourly-weather`. */
  readonly name: string;
  /** In the order in which they are read; of two files with one observation the later one counts. */
  readonly files: readonly string[];
  /** How they are read, as text: the same file read in the same way gives the same records. */
  readonly options: string;
  /** Whether each file makes sense without the others. */
  readonly isDivisible: boolean;
  /** The records of some of the files, in the order above. */
  open(files: readonly string[]): Promise<ImportSource>;
}

/** Records to import: the same ones in the same order on each reading. */
export interface ImportSource {
  /** About how many records there are, for a progress bar; null when that is not known. */
  readonly recordsAbout: number | null;
  /** Of two records of one observation the later one counts. */
  read(signal: AbortSignal): AsyncIterable<ImportedRecord>;
}

export interface ImportedRecord {
  /** Its time of collection and numbers are set when it is appended. */
  readonly record: CollectedRecord;
  /** The city of the record, when it has one; the same object for the same city. */
  readonly city: City | null;
}

/** First and last time of the observations that were read, ISO 8601 in UTC; null without one. */
export interface TimesRead {
  observed_from: string | null;
  observed_to: string | null;
}

/** The same records; `times` follows them. */
export function withTimes(source: ImportSource, times: TimesRead): ImportSource {
  return {
    ...source,
    async *read(signal) {
      for await (const imported of source.read(signal)) {
        const { record } = imported;
        if (!isInvalidRecord(record)) {
          const { observed_at } = record;
          const { observed_from: from, observed_to: to } = times;
          if (from === null || observed_at < from) times.observed_from = observed_at;
          if (to === null || observed_at > to) times.observed_to = observed_at;
        }
        yield imported;
      }
    },
  };
}
