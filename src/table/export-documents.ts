/** The documents of the raw export, as they are read back: the cursor, a day's manifest, notes. */
import Type, { type Static, type TSchema } from 'typebox';
import Value from 'typebox/value';
import { IsobarError } from '../errors.ts';
import { RAW_CURSOR_PATH, rawManifestPath } from '../lake/layout.ts';
import { readJson } from '../lake/read-json.ts';
import type { Storage } from '../lake/storage.ts';
import { SCHEMA_VERSION } from './delta.ts';

const HOUR = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:00:00Z$';
const SHA256 = '^[0-9a-f]{64}$';

const CursorSchema = Type.Object({
  /** Every change up to this version is in the files, but for the pending hours. */
  table_version: Type.Integer({ minimum: 0 }),
  /** Hours (ISO 8601) whose change is not exported yet, with the last export of each. */
  pending: Type.Record(
    Type.String({ pattern: HOUR }),
    Type.Union([Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T' }), Type.Null()]),
    { additionalProperties: false },
  ),
});

const HourEntrySchema = Type.Object({
  revision: Type.Integer({ minimum: 1 }),
  rows: Type.Integer({ minimum: 1 }),
  bytes: Type.Integer({ minimum: 1 }),
  sha256: Type.String({ pattern: SHA256 }),
  table_version: Type.Integer({ minimum: 0 }),
  /** Of the table's columns when the file was written; absent in those of schema 1. */
  schema: Type.Optional(Type.Integer({ minimum: 1, maximum: SCHEMA_VERSION })),
});

const ManifestSchema = Type.Object({
  day: Type.String(),
  hours: Type.Record(Type.String({ pattern: '^\\d{2}$' }), HourEntrySchema, {
    additionalProperties: false,
  }),
});

const NoteSchema = Type.Object({
  hours: Type.Array(Type.String({ pattern: HOUR })),
  /** Whether its writer will write nothing more. */
  done: Type.Boolean(),
  process: Type.Object({ place: Type.String(), pid: Type.Integer(), began: Type.String() }),
  /** When it was written, by its writer. */
  at: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T' }),
});

export type ExportCursor = Static<typeof CursorSchema>;
export type HourEntry = Static<typeof HourEntrySchema>;
export type DayManifest = Static<typeof ManifestSchema>;
export type NoteText = Static<typeof NoteSchema>;

const EMPTY_CURSOR: ExportCursor = { table_version: -1, pending: {} };

/** The cursor, before the first export one that says so. Rejects with TABLE_CORRUPT. */
export async function readCursor(storage: Storage): Promise<ExportCursor> {
  return (await readDocument(storage, RAW_CURSOR_PATH, CursorSchema)) ?? EMPTY_CURSOR;
}

/** The day's manifest, empty when there is none. Rejects with TABLE_CORRUPT. */
export async function readManifest(storage: Storage, day: string): Promise<DayManifest> {
  const path = rawManifestPath(day);
  const manifest = await readDocument(storage, path, ManifestSchema);
  if (manifest === null) return { day, hours: {} };
  if (manifest.day === day) return manifest;
  throw new IsobarError('TABLE_CORRUPT', `${path}: day: expected ${day}, found ${manifest.day}`);
}

/** A note of hours in the making, or null when it is gone. Rejects with TABLE_CORRUPT. */
export function readNoteText(storage: Storage, path: string): Promise<NoteText | null> {
  return readDocument(storage, path, NoteSchema);
}

async function readDocument<T extends TSchema>(
  storage: Storage,
  path: string,
  schema: T,
): Promise<Static<T> | null> {
  const value = await readJson(storage, path);
  if (value === undefined) return null;
  if (Value.Check(schema, value)) return value as Static<T>;
  const [problem] = Value.Errors(schema, value);
  const field = problem?.instancePath ?? '';
  throw new IsobarError('TABLE_CORRUPT', `${path}${field}: ${problem?.message ?? 'unknown form'}`);
}
