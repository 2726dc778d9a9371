/**
 * The Delta protocol, as far as we speak it: reader version 1, writer version 2.
 *
 *     commit      = _delta_log/<20 digits>.json, lines of one action each
 *     action      = {"commitInfo": …} | {"protocol": …} | {"metaData": …}
 *                 | {"txn": …} | {"add": …} | {"remove": …} | {"cdc": …} | {"domainMetadata": …}
 *     checkpoint  = _delta_log/<20 digits>.checkpoint.parquet, one row an action
 *     pointer     = _delta_log/_last_checkpoint
 *
 * Source: the protocol's specification (PROTOCOL.md of delta-io/delta), sections "Actions" and
 * "Checkpoints". Here lines become actions and actions lines; what they mean is in snapshot.ts.
 */

import { IsobarError } from '../errors.ts';
import type { Columns, ColumnType } from '../sql/engine.ts';

export interface CommitInfo {
  readonly timestamp: number;
  readonly operation: string;
  /** The program that made the commit, as it names itself. */
  readonly engine: string;
  /** What the operation was asked for, as texts. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Ours: names the commit, so that a commit whose answer was lost is recognised. */
  readonly isobarCommitId: string | null;
}

export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  /** Named from reader version 3 and writer version 7 on. */
  readonly readerFeatures: readonly string[];
  readonly writerFeatures: readonly string[];
}

export interface Metadata {
  readonly id: string;
  readonly name: string | null;
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  readonly createdTime: number | null;
}

export interface Transaction {
  readonly appId: string;
  readonly version: number;
  readonly lastUpdated: number | null;
}

export interface AddFile {
  /** Decoded, relative to the table's folder. */
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly modificationTime: number;
  readonly dataChange: boolean;
  readonly stats: string | null;
  /** Ours: `isobar.sha256` of the file's bytes. */
  readonly tags: Readonly<Record<string, string>> | null;
}

export interface RemoveFile {
  readonly path: string;
  readonly deletionTimestamp: number;
  readonly dataChange: boolean;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number | null;
}

export type Action =
  | { readonly commitInfo: CommitInfo }
  | { readonly protocol: Protocol }
  | { readonly metaData: Metadata }
  | { readonly txn: Transaction }
  | { readonly add: AddFile }
  | { readonly remove: RemoveFile };

export const READER_VERSION = 1;
export const WRITER_VERSION = 2;
export const OUR_PROTOCOL: Protocol = {
  minReaderVersion: READER_VERSION,
  minWriterVersion: WRITER_VERSION,
  readerFeatures: [],
  writerFeatures: [],
};
/** Of the tables' columns; a table of a higher one was written by a newer isobar. */
export const SCHEMA_VERSION = 3;
export const PARTITION_COLUMN = 'observed_month';

export interface FileStats {
  readonly numRecords: number;
  readonly minValues: Readonly<Record<string, unknown>>;
  readonly maxValues: Readonly<Record<string, unknown>>;
}

/** One line an action, each with its line end. */
export function formatActions(actions: readonly Action[]): string {
  return actions.map((action) => `${JSON.stringify(formatAction(action))}\n`).join('');
}

/** The action as the protocol writes it: paths encoded, our commit id beside the usual fields. */
export function formatAction(action: Action): object {
  if ('commitInfo' in action) {
    const { timestamp, operation, engine, parameters, isobarCommitId } = action.commitInfo;
    return {
      commitInfo: {
        timestamp,
        operation,
        operationParameters: parameters,
        engineInfo: engine,
        isobarCommitId,
      },
    };
  }
  if ('protocol' in action) {
    const { minReaderVersion, minWriterVersion } = action.protocol;
    return { protocol: { minReaderVersion, minWriterVersion } };
  }
  if ('metaData' in action) {
    return { metaData: { ...action.metaData, format: { provider: 'parquet', options: {} } } };
  }
  if ('add' in action) return { add: { ...action.add, path: encodePath(action.add.path) } };
  if ('remove' in action) {
    return {
      remove: {
        ...action.remove,
        path: encodePath(action.remove.path),
        extendedFileMetadata: true,
      },
    };
  }
  return action;
}

/** The actions of a commit's text; `place` is the commit's path, for the error. */
export function parseActions(text: string, place: string): Action[] {
  const actions: Action[] = [];
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const action = parseAction(line, `${place} line ${index + 1}`);
    if (action !== null) actions.push(action);
  }
  if (actions.length === 0) throw corrupt(place, 'it holds no action');
  return actions;
}

/** One action, or null for a kind that changes no row (change data, domain metadata). */
export function parseAction(line: string, place: string): Action | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw corrupt(place, 'it is not JSON', error);
  }
  const object = record(value, place);
  if (object.commitInfo) return { commitInfo: parseCommitInfo(record(object.commitInfo, place)) };
  if (object.protocol) return { protocol: parseProtocol(record(object.protocol, place), place) };
  if (object.metaData) return { metaData: parseMetadata(record(object.metaData, place), place) };
  if (object.txn) {
    const { appId, version, lastUpdated } = record(object.txn, place);
    return {
      txn: {
        appId: text(appId, 'txn.appId', place),
        version: whole(version, 'txn.version', place),
        lastUpdated: typeof lastUpdated === 'number' ? lastUpdated : null,
      },
    };
  }
  if (object.add) return { add: parseAdd(record(object.add, place), place) };
  if (object.remove) return { remove: parseRemove(record(object.remove, place), place) };
  if (object.cdc || object.domainMetadata) return null;
  throw new IsobarError(
    'TABLE_NEWER',
    `${place}: unknown action ${Object.keys(object).join(', ')}`,
  );
}

/** The statistics of an `add`, or null when it has none that can be read. */
export function parseStats(stats: string | null): FileStats | null {
  if (stats === null || stats === '') return null;
  try {
    const value = JSON.parse(stats) as Partial<FileStats> | null;
    const { numRecords, minValues, maxValues } = value ?? {};
    if (typeof numRecords !== 'number' || !Number.isSafeInteger(numRecords) || numRecords < 0) {
      return null;
    }
    return { numRecords, minValues: minValues ?? {}, maxValues: maxValues ?? {} };
  } catch {
    return null;
  }
}

/** The schema as the protocol writes it, from our columns. */
export function formatSchema(columns: Columns, partitionColumns: readonly string[]): string {
  const fields = [
    ...Object.entries(columns).map(([name, type]) => field(name, DELTA_TYPES[type])),
    ...partitionColumns.map((name) => field(name, 'string')),
  ];
  return JSON.stringify({ type: 'struct', fields });
}

const DELTA_TYPES: Readonly<Record<ColumnType, string>> = {
  VARCHAR: 'string',
  DOUBLE: 'double',
  INTEGER: 'integer',
  BIGINT: 'long',
  TIMESTAMPTZ: 'timestamp',
  BOOLEAN: 'boolean',
};

function field(name: string, type: string): object {
  return { name, type, nullable: true, metadata: {} };
}

function parseCommitInfo(object: Record<string, unknown>): CommitInfo {
  return {
    timestamp: timeOf(object.timestamp),
    operation: textOr(object.operation, ''),
    engine: textOr(object.engineInfo, textOr(object.clientVersion, '')),
    parameters: {},
    isobarCommitId: typeof object.isobarCommitId === 'string' ? object.isobarCommitId : null,
  };
}

function parseProtocol(object: Record<string, unknown>, place: string): Protocol {
  return {
    minReaderVersion: whole(object.minReaderVersion, 'protocol.minReaderVersion', place),
    minWriterVersion: whole(object.minWriterVersion, 'protocol.minWriterVersion', place),
    readerFeatures: featuresOf(object.readerFeatures),
    writerFeatures: featuresOf(object.writerFeatures),
  };
}

function parseMetadata(object: Record<string, unknown>, place: string): Metadata {
  const { partitionColumns, configuration } = object;
  if (!Array.isArray(partitionColumns))
    throw corrupt(place, 'metaData.partitionColumns is not a list');
  return {
    id: text(object.id, 'metaData.id', place),
    name: typeof object.name === 'string' ? object.name : null,
    schemaString: text(object.schemaString, 'metaData.schemaString', place),
    partitionColumns: partitionColumns.map((name) =>
      text(name, 'metaData.partitionColumns', place),
    ),
    configuration: texts(configuration, 'metaData.configuration', place),
    createdTime: typeof object.createdTime === 'number' ? object.createdTime : null,
  };
}

function parseAdd(object: Record<string, unknown>, place: string): AddFile {
  if (object.deletionVector) {
    throw new IsobarError(
      'TABLE_PROTOCOL',
      `${place}: a file with a deletion vector, which isobar does not read`,
    );
  }
  return {
    path: decodePath(text(object.path, 'add.path', place), place),
    partitionValues: textsOrNull(object.partitionValues, 'add.partitionValues', place),
    size: whole(object.size, 'add.size', place),
    modificationTime: whole(object.modificationTime, 'add.modificationTime', place),
    dataChange: object.dataChange !== false,
    stats: typeof object.stats === 'string' ? object.stats : null,
    tags: object.tags ? texts(object.tags, 'add.tags', place) : null,
  };
}

function parseRemove(object: Record<string, unknown>, place: string): RemoveFile {
  return {
    path: decodePath(text(object.path, 'remove.path', place), place),
    deletionTimestamp: timeOf(object.deletionTimestamp),
    dataChange: object.dataChange !== false,
    partitionValues: textsOrNull(object.partitionValues, 'remove.partitionValues', place),
    size: typeof object.size === 'number' ? object.size : null,
  };
}

/** Milliseconds since 1970 that make a date, or 0. */
function timeOf(value: unknown): number {
  const isTime = typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 8.64e15;
  return isTime ? value : 0;
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

function featuresOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
}

/** An object of texts; nulls are left out. */
function texts(value: unknown, name: string, place: string): Record<string, string> {
  const pairs = Object.entries(textsOrNull(value, name, place));
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== null));
}

function textsOrNull(value: unknown, name: string, place: string): Record<string, string | null> {
  const object = value ?? {};
  const isRight =
    typeof object === 'object' &&
    !Array.isArray(object) &&
    Object.values(object).every((one) => one === null || typeof one === 'string');
  if (!isRight) throw corrupt(place, `${name} is not an object of texts`);
  return object as Record<string, string | null>;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeSegment).join('/');
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3D', '=');
}

function decodePath(path: string, place: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (error) {
    throw corrupt(place, `the path ${path} is not encoded as it should be`, error);
  }
  // A path out of the table's folder would let a foreign commit make us read or delete elsewhere.
  if (decoded.startsWith('/') || decoded.split('/').includes('..') || decoded.includes(':')) {
    throw corrupt(place, `the path ${path} leads out of the table`);
  }
  return decoded;
}

function record(value: unknown, place: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw corrupt(place, 'it is not an action');
  }
  return value as Record<string, unknown>;
}

function text(value: unknown, name: string, place: string): string {
  if (typeof value !== 'string') throw corrupt(place, `${name} is not a text`);
  return value;
}

function whole(value: unknown, name: string, place: string): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
    throw corrupt(place, `${name} is not a whole number`);
  }
  return number;
}

function corrupt(place: string, why: string, cause?: unknown): IsobarError {
  return new IsobarError('TABLE_CORRUPT', `${place}: ${why}`, { cause });
}
