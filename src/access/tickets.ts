/**
 * What the browser keeps between leaving for the provider and coming back: encrypted, so that it can be
 * neither read nor made by others, and bound to this one login by the state in it. Nothing of it is kept
 * here, so that logins that are begun and never ended cost no memory.
 */
import { timingSafeEqual } from 'node:crypto';

export interface Ticket {
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE. */
  readonly verifier: string;
  /** Where the provider sends the browser back to. */
  readonly callback: string;
  /** Where the page is to go on: a path of this server. */
  readonly to: string;
}

export const TICKET_S = 600;
const TICKET_CHARACTERS_MAX = 4_000;
const ALGORITHMS = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };
const PURPOSE = 'isobar login';

/** With a key of 32 bytes. */
export async function sealTicket(ticket: Ticket, key: Uint8Array, now: Date): Promise<string> {
  const { EncryptJWT } = await import('jose');
  const seconds = Math.floor(now.getTime() / 1_000);
  return new EncryptJWT({ ...ticket })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setAudience(PURPOSE)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + TICKET_S)
    .encrypt(key);
}

/** Null for what is damaged, made by others, or too old. */
export async function openTicket(
  sealed: string,
  key: Uint8Array,
  now: Date,
): Promise<Ticket | null> {
  if (sealed === '' || sealed.length > TICKET_CHARACTERS_MAX) return null;
  const { jwtDecrypt } = await import('jose');
  try {
    const options = { ...ALGORITHMS, audience: PURPOSE, requiredClaims: ['exp'], currentDate: now };
    const { payload } = await jwtDecrypt<Ticket>(sealed, key, options);
    return payload;
  } catch {
    return null;
  }
}

/** Whether both are the same, in a time that does not say where they differ. */
export function isSame(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
