/** Secrets as files have them: editors and shells of all systems add marks and line ends. */
import { isUtf8 } from 'node:buffer';
import { parseRedisUrl, redisUrlProblem } from './redis-address.ts';
import { headersProblem } from './tracing-receiver.ts';

/**
 * The text of a file that holds a secret, without byte order mark and surrounding blanks. UTF-16 is
 * read by its mark. Throws an Error that says what is wrong and nothing of the text.
 */
export function decodeSecret(bytes: Buffer): string {
  const text = decode(bytes);
  if (text === null) {
    throw new Error('expected text in UTF-8, or in UTF-16 with a byte order mark');
  }
  return text.trim();
}

function decode(bytes: Buffer): string | null {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe;
  const isBig = bytes[0] === 0xfe && bytes[1] === 0xff;
  try {
    if (isLittle || isBig) {
      return new TextDecoder(isLittle ? 'utf-16le' : 'utf-16be', { fatal: true }).decode(bytes);
    }
  } catch {
    return null;
  }
  // A NUL is what UTF-16 without its mark looks like.
  if (!isUtf8(bytes) || bytes.includes(0)) return null;
  return new TextDecoder('utf-8').decode(bytes);
}

/** Whether others must not see the value; an address of a Redis without a password they may. */
export function holdsSecret(path: string, value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return path !== 'api.cache.redis_url' || parseRedisUrl(String(value))?.password !== '';
}

/** What makes this text no secret; null when it can be one. The text is in no message. */
export function secretProblem(path: string, value: string): string | null {
  if (/\p{Cc}/u.test(value)) {
    return `the value has a control character at place ${value.search(/\p{Cc}/u) + 1}`;
  }
  if (path === 'api.cache.redis_url') return redisUrlProblem(value);
  if (path === 'tracing.headers') return headersProblem(value);
  if (path !== 'openweather.key') return null;
  const at = value.search(/[^\x21-\x7e]/);
  if (at === -1) return null;
  const what = /\s/.test(value.charAt(at)) ? 'a blank' : 'a character that no key has';
  return (
    `the value has ${what} at place ${at + 1}; expected the key alone, letters and digits; ` +
    'copy it again from your account'
  );
}
