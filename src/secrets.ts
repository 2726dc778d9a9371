/**
 * The secrets that this process uses must be in no text that it shows, keeps or sends. Other programs
 * repeat what they get in their refusals, so each error goes through here, whoever worded it.
 */

const inUse = new Set<string>();

/** From now on these values are in no error. */
export function keepOutOfErrors(values: readonly string[]): void {
  for (const value of values) inUse.add(value);
}

/** The text without any secret that is in use. */
export function withoutSecrets(text: string): string {
  return maskSecrets(text, inUse);
}

/** The text without any of the secrets, as they are or as an address would carry them. */
export function maskSecrets(text: string, secrets: Iterable<string>): string {
  let masked = text;
  for (const secret of secrets) {
    if (secret === '') continue;
    masked = masked.replaceAll(secret, '***').replaceAll(encodeURIComponent(secret), '***');
  }
  return masked;
}
