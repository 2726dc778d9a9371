/** ETags: what they are made from, and whether a client has that answer already (RFC 9110). */
import { createHash } from 'node:crypto';

/** For answers that are the same byte for byte. */
export function strongEtag(bytes: Uint8Array | string): string {
  return `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
}

/** For answers that mean the same: what is not among the parts, such as an age, may differ. */
export function weakEtag(parts: readonly unknown[]): string {
  return `W/${strongEtag(JSON.stringify(parts))}`;
}

/** Whether the header If-None-Match names the answer; the comparison is the weak one. */
export function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const bare = etag.replace(/^W\//, '');
  return header.split(',').some((one) => one.trim().replace(/^W\//, '') === bare);
}
