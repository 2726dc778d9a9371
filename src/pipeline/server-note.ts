/** `server.json` in a data folder: which process serves it, and where. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { NOTE_BYTES_MAX, readRegularFile } from '../regular-file.ts';

export interface ServerNote {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly command: string;
  /** Of the certificate in use, hexadecimal with colons; without it the server speaks plain HTTP. */
  readonly certificate_sha256?: string;
}

export const SERVER_NOTE = 'server.json';

/** Readers see the one before or this one. */
export async function writeServerNote(path: string, note: ServerNote): Promise<void> {
  const draft = `${path}.${note.pid}`;
  await writeFile(draft, `${JSON.stringify(note)}\n`);
  await rename(draft, path);
}

export async function removeServerNote(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Rejects when no server has written one. */
export async function readServerNote(path: string): Promise<ServerNote> {
  const bytes = await readRegularFile(path, { bytesMax: NOTE_BYTES_MAX });
  return JSON.parse(bytes.toString('utf8'));
}
