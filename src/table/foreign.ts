/**
 * Commits of other programs: which of them a writer may not pass over, and how to say so.
 *
 * A commit that only rearranges files (OPTIMIZE), removes old ones or sets properties is passed
 * over. One that changes rows, or asks for a protocol that isobar does not speak, stops writers
 * until an operator decides; readers go on as long as they can read the files.
 */

import { IsobarError } from '../errors.ts';
import { oneLine } from '../printable.ts';
import type { Columns } from '../sql/engine.ts';
import {
  type Action,
  type CommitInfo,
  formatSchema,
  type Protocol,
  READER_VERSION,
} from './delta.ts';

export interface CommitOrigin {
  readonly version: number;
  /** Such as `DELETE`; `an unnamed operation` when it does not say. */
  readonly operation: string;
  /** Such as `delta-rs:py-1.6.6`. */
  readonly engine: string;
  readonly at: Date | null;
}

/** In the table's configuration: commits of others up to this version are accepted or undone. */
export const RESOLVED_KEY = 'isobar.foreign_resolved';
/** In the table's configuration: accepted rows that no log brought. */
export const ROWS_KEY = 'isobar.foreign_rows';
/** A program that commits forever must not fill our memory. */
const KEPT_MAX = 1_000;
const NAME_CHARACTERS_MAX = 100;

export function originOf(version: number, info: CommitInfo | null): CommitOrigin {
  const at = info === null || info.timestamp === 0 ? null : new Date(info.timestamp);
  return {
    version,
    operation: named(info?.operation, 'an unnamed operation'),
    engine: named(info?.engine, 'an unnamed program'),
    at,
  };
}

/** A name for people, whatever the other program wrote there. */
function named(name: string | undefined, otherwise: string): string {
  if (name === undefined || name === '') return otherwise;
  return oneLine(
    name.length > NAME_CHARACTERS_MAX ? `${name.slice(0, NAME_CHARACTERS_MAX)}…` : name,
  );
}

/** The unresolved commits after one more; `isForeign` says that it changed rows and is not ours. */
export function afterCommit(
  before: readonly CommitOrigin[],
  origin: CommitOrigin,
  isForeign: boolean,
  configuration: Readonly<Record<string, string>>,
): readonly CommitOrigin[] {
  const resolved = resolvedUpTo(configuration);
  const left = before.some(({ version }) => version <= resolved)
    ? before.filter(({ version }) => version > resolved)
    : before;
  if (!isForeign || origin.version <= resolved || left.length >= KEPT_MAX) return left;
  return [...left, origin];
}

/** The version up to which an operator has decided about commits of others; −1 for none. */
export function resolvedUpTo(configuration: Readonly<Record<string, string>>): number {
  const resolved = Number(configuration[RESOLVED_KEY] ?? -1);
  return Number.isSafeInteger(resolved) ? resolved : -1;
}

/** `commit 12 (DELETE by delta-rs:py-1.6.6)` */
export function formatOrigin({ version, operation, engine }: CommitOrigin): string {
  return `commit ${version} (${operation} by ${engine})`;
}

type Configuration = Readonly<Record<string, string>>;

/** Options of the commands that repair a table; the observations of real weather need none. */
function options(folder: string, configuration: Configuration): string {
  const name = folder.split('/').at(-1) ?? '';
  const table = name === 'observations' ? '' : ` --table ${name}`;
  return configuration['isobar.simulated'] === 'true' ? `${table} --simulated` : table;
}

export function foreignRows(
  folder: string,
  unresolved: readonly CommitOrigin[],
  configuration: Configuration,
): IsobarError {
  const [first] = unresolved;
  if (first === undefined) throw new IsobarError('INTERNAL', `${folder}: no foreign commit`);
  const more = unresolved.length - 1;
  const others = more === 0 ? '' : `, and ${more} more after it`;
  const back = Math.max(0, first.version - 1);
  const where = options(folder, configuration);
  return new IsobarError(
    'TABLE_FOREIGN',
    `${folder}: ${formatOrigin(first)} changed rows${others}; accept it with ` +
      `\`isobar table accept-foreign ${first.version}${where}\`, or go back with ` +
      `\`isobar table restore ${back}${where}\``,
    {
      details: { folder, commit: first.version, operation: first.operation, engine: first.engine },
    },
  );
}

/** Of a table whose commits below a checkpoint of another program are gone. */
export function foreignCheckpoint(
  folder: string,
  {
    unproven,
    version,
    metadata,
  }: {
    readonly unproven: string | null;
    readonly version: number;
    readonly metadata: { readonly configuration: Configuration } | null;
  },
  difference: string,
): IsobarError {
  return new IsobarError(
    'TABLE_FOREIGN',
    `${unproven}: a checkpoint of another program, below which commits are gone, and the rows do ` +
      `not add up: ${difference}; keep the table as it is with ` +
      `\`isobar table accept-foreign ${version}${options(folder, metadata?.configuration ?? {})}\``,
    { details: { folder, version } },
  );
}

const WRITER_FEATURES: Readonly<Record<number, string>> = {
  3: 'check constraints',
  4: 'change data feed or generated columns',
  5: 'column mapping',
  6: 'identity columns',
};

/** What the protocol asks for, and who raised it. */
export function protocolError(
  folder: string,
  protocol: Protocol,
  raisedBy: CommitOrigin | null,
  configuration: Readonly<Record<string, string>>,
): IsobarError {
  const { minReaderVersion, minWriterVersion } = protocol;
  const forReading = minReaderVersion > READER_VERSION;
  const needs = forReading
    ? `reader version ${minReaderVersion}`
    : `writer version ${minWriterVersion}`;
  const listed = [...protocol.readerFeatures, ...protocol.writerFeatures];
  const hasFeed = configuration['delta.enableChangeDataFeed'] === 'true';
  const feature =
    listed.length > 0
      ? [...new Set(listed)].join(', ')
      : forReading
        ? 'column mapping'
        : minWriterVersion === 4 && hasFeed
          ? 'change data feed'
          : (WRITER_FEATURES[minWriterVersion] ?? 'table features');
  const who = raisedBy === null ? 'another program' : formatOrigin(raisedBy);
  const back =
    raisedBy === null || raisedBy.version === 0
      ? ''
      : `, or go back with \`isobar table restore ${raisedBy.version - 1}${options(folder, configuration)}\``;
  return new IsobarError(
    'TABLE_PROTOCOL',
    `${folder}: ${who} raised the protocol to ${needs} (${feature}), which isobar does not ` +
      `${forReading ? 'read' : 'write'}; switch the feature off in that program${back}`,
    { details: { folder, commit: raisedBy?.version, feature } },
  );
}

/** What of our columns the table's schema lacks, or holds otherwise; null when all is there. */
export function schemaProblem(
  schemaString: string,
  columns: Columns,
  partitionColumns: readonly string[],
): string | null {
  const wanted = fieldsOf(formatSchema(columns, partitionColumns)) ?? new Map();
  const found = fieldsOf(schemaString);
  if (found === null) return 'its schema cannot be read';
  for (const [name, type] of wanted) {
    const other = found.get(name);
    if (other !== undefined && other !== type) {
      return `column ${name}: expected the type ${type}, found ${other}`;
    }
  }
  const missing = [...wanted.keys()].filter((name) => !found.has(name));
  return missing.length === 0 ? null : `columns that are missing: ${missing.join(', ')}`;
}

/** Name → type; nested types as JSON. */
function fieldsOf(schemaString: string): Map<string, string> | null {
  try {
    const { fields } = JSON.parse(schemaString) as { fields: { name: string; type: unknown }[] };
    const textOf = (type: unknown) => (typeof type === 'string' ? type : JSON.stringify(type));
    return new Map(fields.map(({ name, type }) => [String(name), textOf(type)]));
  } catch {
    return null;
  }
}

/** Whether these actions change rows. */
export function changesRows(actions: readonly Action[]): boolean {
  return actions.some(
    (action) =>
      ('add' in action && action.add.dataChange) ||
      ('remove' in action && action.remove.dataChange),
  );
}
