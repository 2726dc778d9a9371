/**
 * Passwords, hashed with Argon2id (RFC 9106) as PHC strings. The costs are those that OWASP's
 * Password Storage Cheat Sheet recommends: 19 MiB, two passes, one lane.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { IsobarError } from '../errors.ts';
import { PASSWORD_CHARACTERS } from '../model/access.ts';
import { isFrequentPassword } from './frequent-passwords.ts';

const argon2Async = promisify(argon2);

const COSTS = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const TAG_BYTES = 32;
const SALT_BYTES = 16;
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d)\$([\w+/]{11,64})\$([\w+/]{16,128})$/;
/** Hashing takes memory and a thread: so many at a time, and so many that wait. */
const RUNNING_MAX = 2;
const WAITING_MAX = 32;

const DISTINCT_LEAST = 5;
/** Words that stand to reason here, and how much a password has beside them (docs/asvs.md). */
const OBVIOUS = /isobar|openweather(?:map)?|weather|password|viewer|operator|admin(?:istrator)?/g;
const BESIDE_LEAST = 8;

/**
 * The hash of a new password. Rejects with PASSWORD_WEAK, whose text says why, and with BUSY. `field`
 * is the one that it was given in.
 */
export async function hashNewPassword(
  name: string,
  password: string,
  field?: string,
): Promise<string> {
  const problem = passwordProblem(name, password) ?? (await frequencyProblem(password));
  if (problem === null) return hashPassword(password);
  const text = `${field ?? 'the password'}: ${problem}`;
  throw new IsobarError('PASSWORD_WEAK', text, { details: { field } });
}

async function frequencyProblem(password: string): Promise<string | null> {
  if (!(await isFrequentPassword(password))) return null;
  return 'expected another one than a frequent password, two of them, or one that is repeated';
}

function passwordProblem(name: string, password: string): string | null {
  const { least, most } = PASSWORD_CHARACTERS;
  const { length } = [...password];
  if (length < least) return `expected at least ${least} characters; got ${length}`;
  if (length > most) return `expected at most ${most} characters; got ${length}`;
  if (new Set(password.toLowerCase()).size < DISTINCT_LEAST) {
    return `expected at least ${DISTINCT_LEAST} different characters`;
  }
  if (isSequence(password)) return 'expected something else than characters in a row';
  if (password.toLowerCase().includes(name.toLowerCase())) {
    return 'expected a password that does not contain the name of the user';
  }
  if ([...password.toLowerCase().replace(OBVIOUS, '')].length < BESIDE_LEAST) {
    return `expected ${BESIDE_LEAST} characters beside words such as isobar, weather and password`;
  }
  return null;
}

/** `123456789012345`, `abcdefghijklmno`, and the rows of a keyboard. */
function isSequence(password: string): boolean {
  const text = password.toLowerCase();
  const rows = ['0123456789', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm'];
  return rows.some((row) => {
    const long = row.repeat(Math.ceil(PASSWORD_CHARACTERS.most / row.length));
    const back = [...long].reverse().join('');
    return long.includes(text) || back.includes(text);
  });
}

/** Rejects with BUSY when too many are hashed already. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const tag = await derive(password, nonce, COSTS, TAG_BYTES);
  const { memory, passes, parallelism } = COSTS;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(nonce)}$${base64(tag)}`;
}

/** False as well for a hash that is not one of ours. Rejects with BUSY. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [, memory, passes, parallelism, salt = '', wanted = ''] = PHC.exec(hash) ?? [];
  if (memory === undefined) return false;
  const expected = Buffer.from(wanted, 'base64');
  const costs = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  };
  const tag = await derive(password, Buffer.from(salt, 'base64'), costs, expected.length);
  return timingSafeEqual(tag, expected);
}

/** Whether a hash was made with other costs than today's: it is made anew at the next login. */
export function isOutdatedHash(hash: string): boolean {
  const { memory, passes, parallelism } = COSTS;
  return !hash.startsWith(`$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$`);
}

let decoy: Promise<string> | null = null;

/** Takes as long as `verifyPassword`, for a user that does not exist. */
export async function verifyNothing(password: string): Promise<false> {
  decoy ??= hashPassword(randomBytes(SALT_BYTES).toString('hex'));
  await verifyPassword(password, await decoy);
  return false;
}

let running = 0;
const waiting: (() => void)[] = [];

async function derive(
  password: string,
  nonce: Buffer,
  costs: { readonly memory: number; readonly passes: number; readonly parallelism: number },
  tagLength: number,
): Promise<Buffer> {
  if (running >= RUNNING_MAX) {
    if (waiting.length >= WAITING_MAX) throw new IsobarError('BUSY', 'too many logins at once');
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  running += 1;
  try {
    // The same characters, however a keyboard composes them (RFC 8265).
    const message = Buffer.from(password.normalize('NFC'), 'utf8');
    return await argon2Async('argon2id', { message, nonce, ...costs, tagLength });
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
