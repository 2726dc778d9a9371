/** The file of a lease, `_leases/<role>/<number>.<generation>.json`, and what it says. */
import { isErrorCode } from '../errors.ts';
import { readJson } from '../lake/read-json.ts';
import type { Storage } from '../lake/storage.ts';
import type { ProcessName } from '../lake/this-process.ts';

const ROLES = [
  'collect',
  'land',
  'partition',
  'analyze',
  'export',
  'maintain',
  'index',
  'serve',
  'import',
  'alert',
  'stream',
  'forecast',
] as const;

export type Role = (typeof ROLES)[number];

/** What a lease's file says. */
export interface LeaseText extends ProcessName {
  readonly host: string;
  /** `isobar land` */
  readonly command: string;
  /** Names the process that holds it, and all of its leases. */
  readonly holder: string;
  /** ISO 8601; for people. */
  readonly since: string;
  readonly heartbeat_s: number;
  /** Counts up, so that the file changes. */
  readonly beat: number;
  readonly released: boolean;
  /** What this role wants the others to know. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Heartbeats without a change after which a lease is silent. */
export const SILENT_HEARTBEATS = 2.5;

export interface Place {
  readonly role: Role;
  readonly number: number;
  readonly generation: number;
}

const PLACE = new RegExp(`/(${ROLES.join('|')})/(\\d{1,9})\\.(\\d{20})\\.json$`);

export function parsePlace(path: string): Place | null {
  const match = PLACE.exec(path);
  if (match === null) return null;
  const [, role = '', number = '', generation = ''] = match;
  return { role: role as Role, number: Number(number), generation: Number(generation) };
}

export function nameOf(role: Role, number: number, generation: number): string {
  return `${role}-${number}.${generation}`;
}

export function formatLease(text: LeaseText): Uint8Array {
  return Buffer.from(`${JSON.stringify(text)}\n`);
}

/** A file that says nothing sensible counts as a lease that never changes. */
const NONSENSE: LeaseText = {
  place: '',
  pid: 0,
  began: '',
  host: '',
  command: '',
  holder: '',
  since: '',
  heartbeat_s: 0,
  beat: 0,
  released: false,
  detail: {},
};

/** No isobar process writes longer texts. */
const TEXT_CHARACTERS_MAX = 500;
const HEARTBEAT_S_MAX = 3_600;
const LEASE_BYTES_MAX = 1024 * 1024;

/** What the file says, null when it is gone. */
export async function readLease(
  storage: Pick<Storage, 'read'>,
  path: string,
): Promise<LeaseText | null> {
  try {
    const value = await readJson(storage, path, LEASE_BYTES_MAX);
    if (value === undefined) return null;
    return isLease(value) ? value : NONSENSE;
  } catch (error) {
    if (isErrorCode(error, 'TABLE_CORRUPT', 'FILE_TOO_LARGE', 'FILE_NOT_REGULAR')) return NONSENSE;
    throw error;
  }
}

function isLease(value: unknown): value is LeaseText {
  if (typeof value !== 'object' || value === null) return false;
  const text = value as Partial<Record<keyof LeaseText, unknown>>;
  for (const [name, example] of Object.entries(NONSENSE)) {
    const found = text[name as keyof LeaseText];
    if (typeof found !== typeof example || found === null) return false;
    if (typeof found === 'string' && found.length > TEXT_CHARACTERS_MAX) return false;
    if (typeof found === 'number' && !(found >= 0)) return false;
  }
  return Number(text.heartbeat_s) <= HEARTBEAT_S_MAX;
}
