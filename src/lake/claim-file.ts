/** The file of a claim, `_claims/<role>/<number>.<generation>.json`, and what it says. */
import { isErrorCode } from '../errors.ts';
import type { Storage } from './storage.ts';
import type { ProcessName } from './this-process.ts';

export type Role =
  | 'collect'
  | 'land'
  | 'partition'
  | 'analyze'
  | 'export'
  | 'maintain'
  | 'serve'
  | 'import';

/** What a claim's file says. */
export interface ClaimText extends ProcessName {
  readonly host: string;
  /** `isobar land` */
  readonly command: string;
  /** Names the process that holds it, and all of its claims. */
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

/** Heartbeats without a change after which a claim is silent. */
export const SILENT_HEARTBEATS = 2.5;

export interface Place {
  readonly role: Role;
  readonly number: number;
  readonly generation: number;
}

export function parsePlace(path: string): Place | null {
  const match = /\/([a-z]+)\/(\d+)\.(\d{20})\.json$/.exec(path);
  if (match === null) return null;
  const [, role = '', number = '', generation = ''] = match;
  return { role: role as Role, number: Number(number), generation: Number(generation) };
}

export function nameOf(role: Role, number: number, generation: number): string {
  return `${role}-${number}.${generation}`;
}

export function formatClaim(text: ClaimText): Uint8Array {
  return Buffer.from(`${JSON.stringify(text)}\n`);
}

/** A file that says nothing sensible counts as a claim that never changes. */
const NONSENSE: ClaimText = {
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

export async function readClaim(
  storage: Pick<Storage, 'read'>,
  path: string,
): Promise<ClaimText | null> {
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(path);
  } catch (error) {
    if (isErrorCode(error, 'LAKE_MISSING')) return null;
    throw error;
  }
  try {
    const text: Partial<ClaimText> = JSON.parse(new TextDecoder().decode(bytes));
    const isRight = typeof text.holder === 'string' && typeof text.detail === 'object';
    return isRight ? { ...NONSENSE, ...text } : NONSENSE;
  } catch {
    return NONSENSE;
  }
}
