/**
 * What a connection to the brokers trusts and shows: read from files when it is opened, and again
 * once they have changed. Files that cannot be used then leave what is in use.
 */
import { statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { clientPair } from '../config/kafka.ts';
import type { Config } from '../config/schema.ts';
import { authorityOf } from '../config/tls-authority.ts';
import { readPairSync } from '../config/tls-pair.ts';
import { asIsobarError } from '../errors.ts';

type Files = Pick<
  Config['log']['kafka'],
  'tls_authority' | 'tls_certificate_file' | 'tls_key_file'
>;

export class KafkaTls {
  readonly #files: Files;
  #stamp = '';
  #context: SecureContext;
  /** Of the certificate that is shown. */
  #validTo: Date | null = null;
  #problem: string | null = null;

  /** Throws CONFIG_INVALID for files that cannot be used. */
  constructor(files: Files) {
    this.#files = files;
    const stamp = this.#stampNow();
    this.#context = this.#read();
    this.#stamp = stamp;
  }

  /** Why files that have changed are not in use, or that what is in use has expired. */
  get problem(): string | null {
    if (this.#problem !== null || this.#validTo === null || this.#validTo > new Date()) {
      return this.#problem;
    }
    const { tls_certificate_file } = this.#files;
    return `${tls_certificate_file} has expired at ${this.#validTo.toISOString()}`;
  }

  /** Of the next connection: the library asks for it each time. */
  get options(): { readonly secureContext: SecureContext } {
    const current = () => this.#current();
    return {
      get secureContext() {
        return current();
      },
    };
  }

  #current(): SecureContext {
    const stamp = this.#stampNow();
    if (stamp === this.#stamp) return this.#context;
    try {
      this.#context = this.#read();
      this.#stamp = stamp;
      this.#problem = null;
    } catch (error) {
      // A renewal may be half done: the next connection looks again.
      this.#problem = `new files are not in use: ${asIsobarError(error).message}`;
    }
    return this.#context;
  }

  #read(): SecureContext {
    const { tls_authority, tls_certificate_file } = this.#files;
    const ca = authorityOf('log.kafka.tls_authority', tls_authority);
    const trust = { ...(ca && { ca }) };
    if (tls_certificate_file === '') return createSecureContext(trust);
    const pair = readPairSync(clientPair(this.#files), new Date());
    this.#validTo = pair.validTo;
    const { certificate: cert, key } = pair;
    return createSecureContext({ ...trust, cert, key });
  }

  /** Another one after each change; a missing file has one, too. */
  #stampNow(): string {
    const stamps = Object.values(this.#pick()).map((path) => {
      const found = path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
      if (found === undefined) return 'none';
      return [found.mtimeMs, found.ctimeMs, found.size, found.ino, found.mode].join(' ');
    });
    return stamps.join(', ');
  }

  #pick(): Files {
    const { tls_authority, tls_certificate_file, tls_key_file } = this.#files;
    return { tls_authority, tls_certificate_file, tls_key_file };
  }
}
