/** What is behind a published number: the same shape for the command, the API and the page. */
import { Type } from 'typebox';
import { DATASETS } from './datasets.ts';
import { type Of, orNull, record, text, time, timeOrNull, whole } from './schema.ts';

/** What can be explained: the rows of the table, and what is published of them. */
export const EXPLAINED = ['observations', ...DATASETS] as const;
export type Explained = (typeof EXPLAINED)[number];

/** Entries of each list at most: the first and the last ones of a longer one. */
export const LISTED_MAX = 10;

const wholeOrNull = (description: string) => orNull(Type.Integer(), description);
const textOrNull = (description: string) => orNull(Type.String(), description);
const row = (description: string) =>
  Type.Record(
    Type.String(),
    Type.Union([Type.Number(), Type.String(), Type.Boolean(), Type.Null()]),
    {
      description,
    },
  );
const listed = <T extends ReturnType<typeof record>>(item: T, description: string) =>
  record(
    {
      total: whole('How many there are.'),
      listed: Type.Array(item, { description: 'The first and the last of them, in order.' }),
    },
    description,
  );

const PublicationSchema = record(
  {
    version: whole('Number of the publication.'),
    computed_at: time('When it was computed.'),
    engine: text('Engine that computed it.'),
    table_version: whole('Version of the table that it was computed from.'),
    path: text('The file that holds the rows.'),
    sha256: text('Its SHA-256.'),
    rows: Type.Array(row('One published row.'), { description: 'The rows of this city.' }),
    row_count: whole('How many rows there are of this city.'),
  },
  'The publication that holds the number.',
);

const PartialSchema = record(
  {
    role: Type.Enum(['rollup', 'partial', 'merged', 'candidates', 'bounds'], {
      description:
        'rollup: of all months but the newest; partial: of months that are not in it; merged: one that the rollup was made from; candidates, bounds: of the anomalies.',
    }),
    kind: text('What it holds, such as city_statistics.'),
    path: text('The file.'),
    sha256: text('Its SHA-256.'),
    engine: textOrNull('Engine that computed it.'),
    month_count: whole('Months that count from it.'),
    first_month: textOrNull('The first of them.'),
    last_month: textOrNull('The last of them.'),
  },
  'One file of partial aggregates.',
);

const CommitSchema = record(
  {
    version: whole('Number of the commit.'),
    at: timeOrNull('When it was made, by its writer.'),
    operation: text('WRITE for a landing, OPTIMIZE for a compaction.'),
  },
  'The commit that added the file.',
);

const DataFileSchema = record(
  {
    path: text('The file.'),
    rows: whole('Rows of this city in it that count for the number.'),
    observed_from: time('First of them.'),
    observed_to: time('Last of them.'),
    sha256: textOrNull('SHA-256 of the file, as its commit says.'),
    commit: orNull(CommitSchema, 'Null where the commit is not kept any more.'),
  },
  'One data file of the table.',
);

const OffsetsSchema = record(
  {
    log_id: text('Id of the log.'),
    log_partition: whole('Partition.'),
    first_offset: whole('First offset.'),
    last_offset: whole('Last offset.'),
    count: whole('Rows of this city between them.'),
  },
  'Offsets of one partition.',
);

const InputSchema = record(
  { name: text('Name of the file.'), sha256: text('Its SHA-256.') },
  'One file that an import read.',
);

const SourceSchema = record(
  {
    source: text('Where the rows came from.'),
    import_id: wholeOrNull('Number of the import; null for live data.'),
    imported_at: timeOrNull('When the import began.'),
    rows: whole('Rows of this city.'),
    observed_from: time('First of them.'),
    observed_to: time('Last of them.'),
    inputs: orNull(listed(InputSchema, 'Files that the import read.')),
  },
  'Rows of one source.',
);

const VersionSchema = record(
  {
    state: text('current for the one that counts, else why it does not.'),
    collected_at: timeOrNull('When it was collected.'),
    source: textOrNull('Where it came from.'),
    import_id: wholeOrNull('Number of the import that it came with.'),
    import_row: wholeOrNull('Its row within the import.'),
    by_import_id: wholeOrNull('The import whose version took its place.'),
    log_id: text('Id of the log.'),
    log_partition: whole('Partition.'),
    log_offset: whole('Offset.'),
    detail: textOrNull('What more is known of a rejection.'),
    values: row('Its measurements.'),
  },
  'One version of the observation.',
);

const RawFileSchema = record(
  {
    path: text('The file of one hour.'),
    sha256: textOrNull('Its SHA-256, as its manifest says; null where it is not written yet.'),
    table_version: wholeOrNull('Version of the table that it was written from.'),
    pending: Type.Boolean({ description: 'Whether it is to be written again.' }),
  },
  'One file of the raw export.',
);

const WaitingSchema = record(
  {
    log_partition: whole('Partition.'),
    log_offset: whole('Offset.'),
    appended_at: time('When the log accepted it.'),
    collected_at: time('When it was collected.'),
    source: text('Where it came from.'),
    trace_id: text('Id of its trace.'),
    values: row('Its measurements.'),
  },
  'A record of the log that has not landed.',
);

const ObservationSchema = record(
  {
    observed_at: time('Time of the observation.'),
    collected_at: time('When it was collected.'),
    trace_id: text('Id of its trace.'),
    log_id: text('Id of the log.'),
    log_partition: whole('Partition.'),
    log_offset: whole('Offset.'),
    appended_at: timeOrNull('When the log accepted it; null once the log has removed it.'),
    import_id: wholeOrNull('Number of the import that it came with.'),
    import_row: wholeOrNull('Its row within the import.'),
    values: row('Its measurements.'),
    rejected_fields: textOrNull('Measurements that were not used, as JSON.'),
    response: textOrNull('The provider’s answer, as it came.'),
  },
  'The observation as the table has it.',
);

export const ExplanationSchema = record(
  {
    dataset: Type.Enum([...EXPLAINED], { description: 'What is explained.' }),
    city_id: text('Identity of the city.'),
    city: textOrNull('Name of the city.'),
    asked_at: timeOrNull('The time that was asked for.'),
    from: timeOrNull('Only rows at this time or later, of a statistic of a range.'),
    to: timeOrNull('Only rows before this time.'),
    state: Type.Enum(['published', 'computed', 'landed', 'waiting', 'rejected'], {
      description:
        'published: of a dataset; computed: of a range, or of a dataset before its first publication, when it was asked for; landed: rows of the table; waiting: in the log only; rejected: not in the table, with the reason in versions.',
    }),
    publication: orNull(PublicationSchema),
    table_version: whole('Version of the table whose files are listed.'),
    note: textOrNull('What keeps the explanation from being complete.'),
    partials: listed(PartialSchema, 'Partial aggregates that count for the number.'),
    live_months: listed(
      record({ month: text('Such as 2024-10.') }, 'A month.'),
      'Months that are computed from rows at each publication.',
    ),
    row_count: whole('Rows of the table that count for the number.'),
    observed_from: timeOrNull('First of them.'),
    observed_to: timeOrNull('Last of them.'),
    files: listed(DataFileSchema, 'Data files that hold them.'),
    offsets: listed(OffsetsSchema, 'Offsets of the log that they came with.'),
    sources: listed(SourceSchema, 'Where they came from.'),
    rejected: Type.Array(
      record({ reason: text('Why.'), rows: whole('How many.') }, 'Records of one reason.'),
      { description: 'Rejected records of the city, or of the observation.' },
    ),
    observation: orNull(ObservationSchema),
    versions: listed(VersionSchema, 'Versions of the observation, the one that counts first.'),
    waiting: Type.Array(WaitingSchema, { description: 'Versions that have not landed.' }),
    raw: record(
      {
        table_version: whole('Version of the table up to which hours are exported; −1 for none.'),
        files: listed(RawFileSchema, 'Files of the hours concerned: the first and the last.'),
      },
      'The raw export.',
    ),
  },
  'What is behind a number.',
);

export type Explanation = Of<typeof ExplanationSchema>;
export type Listed<T> = { readonly total: number; readonly listed: readonly T[] };

/** The first and the last of a list, with how many there are. */
export function listEnds<T>(all: readonly T[], total = all.length): Listed<T> {
  if (all.length <= LISTED_MAX) return { total, listed: all };
  const half = LISTED_MAX / 2;
  return { total, listed: [...all.slice(0, half), ...all.slice(-half)] };
}
