/**
 * Notes of hours that are being exported.
 *
 * An exporter that is stopped in the middle and woken after another has taken over may put an older
 * hour over a newer one: a file is replaced unconditionally. So it notes the hours before writing.
 * The note goes when they are written by an exporter that still has its lease; one that has lost it
 * marks the note as `done` instead. Whoever exports now writes hours of others' notes again, as
 * long as the note is there: the writer may still wake; and once more when it is done.
 */
import { isErrorCode } from '../errors.ts';
import { RAW_NOTES_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { type NoteText, readNoteText } from './export-documents.ts';

export interface ExportNote extends Readonly<Omit<NoteText, 'hours'>> {
  readonly path: string;
  readonly hours: readonly string[];
}

/** A writer that was stopped for this long is considered gone. */
const FORGOTTEN_MS = 86_400_000;

/** `name` is the writer's lease. */
export function notePath(name: string): string {
  return `${RAW_NOTES_FOLDER}/${name}.json`;
}

export async function writeNote(storage: Storage, note: ExportNote): Promise<void> {
  await storage.replace(note.path, Buffer.from(`${JSON.stringify(note)}\n`));
}

/** The notes of all others; those that were forgotten count as done. */
export async function readNotes(storage: Storage, mine: string, now: Date): Promise<ExportNote[]> {
  const notes: ExportNote[] = [];
  for await (const { path } of storage.list(RAW_NOTES_FOLDER)) {
    if (path === notePath(mine)) continue;
    const note = await readNote(storage, path);
    if (note === null) continue;
    const isForgotten = now.getTime() - Date.parse(note.at) > FORGOTTEN_MS;
    notes.push({ ...note, done: note.done || isForgotten });
  }
  return notes;
}

/** One that is damaged, which verify reports, says nothing of any hour. */
async function readNote(storage: Storage, path: string): Promise<ExportNote | null> {
  const text = await readNoteText(storage, path).catch((error) => {
    if (isErrorCode(error, 'TABLE_CORRUPT')) return null;
    throw error;
  });
  return text === null ? null : { ...text, path };
}
