/**
 * The certificate that the server uses, read again when its files change. Files are looked at every
 * few seconds by time, size and inode: who renews a certificate replaces them, often by a rename, and
 * first the one and then the other. So a change is judged once the files have come to rest; a pair
 * that does not fit leaves the old one in use, with one warning and an error in the status.
 */
import { stat } from 'node:fs/promises';
import { type Pair, type PairFiles, readPair } from '../../config/tls-pair.ts';
import { ERRORS, type ErrorCode, IsobarError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { CertificateStatus, RoomError } from '../../model/status.ts';
import { pauseUnref } from '../../waiting.ts';

export interface Certificate extends AsyncDisposable {
  readonly pair: Pair;
  status(): CertificateStatus;
  /** Calls the listener with each new pair; it must not throw. */
  onChange(listener: (pair: Pair) => void): void;
}

export interface CertificateOptions {
  readonly files: PairFiles;
  readonly logger: Logger;
  readonly clock?: () => Date;
  readonly pollMs?: number;
}

const POLL_MS = 2_000;

/** Rejects with CONFIG_INVALID when the files hold no pair that can be used. */
export async function openCertificate(options: CertificateOptions): Promise<Certificate> {
  const { files, clock = () => new Date() } = options;
  const stamp = await stampOf(files);
  const certificate = new WatchedCertificate(options, await readPair(files, clock()), stamp);
  certificate.start();
  return certificate;
}

class WatchedCertificate implements Certificate {
  readonly #files: PairFiles;
  readonly #logger: Logger;
  readonly #clock: () => Date;
  readonly #pollMs: number;
  readonly #listeners: ((pair: Pair) => void)[] = [];
  readonly #stop = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #pair: Pair;
  #loadedAt: Date;
  /** Of the files when they were judged last, and when they were looked at last. */
  #judged: string;
  #seen: string;
  #refusal: RoomError | null = null;
  #expiry: RoomError | null = null;

  constructor(options: CertificateOptions, pair: Pair, stamp: string) {
    this.#files = options.files;
    this.#logger = options.logger;
    this.#clock = options.clock ?? (() => new Date());
    this.#pollMs = options.pollMs ?? POLL_MS;
    this.#pair = pair;
    this.#loadedAt = this.#clock();
    this.#judged = stamp;
    this.#seen = stamp;
  }

  start(): void {
    this.#lookAtExpiry();
    this.#watching = this.#watch();
  }

  get pair(): Pair {
    return this.#pair;
  }

  onChange(listener: (pair: Pair) => void): void {
    this.#listeners.push(listener);
  }

  status(): CertificateStatus {
    const { names, issuer, validFrom, validTo, fingerprint } = this.#pair;
    return {
      file: this.#files.certificate_file,
      names: [...names],
      issuer,
      valid_from: validFrom.toISOString(),
      expires_at: validTo.toISOString(),
      sha256: fingerprint,
      loaded_at: this.#loadedAt.toISOString(),
      error: this.#expiry ?? this.#refusal,
    };
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await pauseUnref(this.#pollMs, signal);
      if (signal.aborted) return;
      await this.#look();
      this.#lookAtExpiry();
    }
  }

  async #look(): Promise<void> {
    const stamp = await stampOf(this.#files);
    const isAtRest = stamp === this.#seen;
    this.#seen = stamp;
    if (!isAtRest || stamp === this.#judged) return;
    this.#judged = stamp;
    const now = this.#clock();
    try {
      const pair = await readPair(this.#files, now);
      if (pair.validTo <= now && this.#pair.validTo > now) {
        throw expired(this.#files, pair);
      }
      this.#use(pair, now);
    } catch (error) {
      const { code, message } =
        error instanceof IsobarError ? error : new IsobarError('INTERNAL', String(error));
      this.#refusal = this.#problem(code, message);
      this.#logger.warn(
        { code },
        `reading the new certificate: ${message}; going on with the one that is in use`,
      );
    }
  }

  #use(pair: Pair, now: Date): void {
    this.#refusal = null;
    // Written anew, but the same; or an old one was put back.
    if (pair.fingerprint === this.#pair.fingerprint) return;
    this.#pair = pair;
    this.#loadedAt = now;
    for (const listener of this.#listeners) listener(pair);
    const until = pair.validTo.toISOString();
    this.#logger.info(`using a new certificate for ${pair.names.join(', ')}, valid until ${until}`);
  }

  #lookAtExpiry(): void {
    const hasExpired = this.#pair.validTo <= this.#clock();
    if (!hasExpired) this.#expiry = null;
    if (!hasExpired || this.#expiry !== null) return;
    const { code, message } = expired(this.#files, this.#pair);
    this.#expiry = this.#problem(code, message);
    this.#logger.warn({ code }, `serving with a certificate that visitors refuse: ${message}`);
  }

  #problem(code: ErrorCode, message: string): RoomError {
    const { remedy } = ERRORS[code];
    return { code, message, remedy, since: this.#clock().toISOString() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }
}

export function expired(files: PairFiles, { validTo }: Pair): IsobarError {
  const text = `${files.certificate_file} has expired at ${validTo.toISOString()}`;
  return new IsobarError('CERTIFICATE_EXPIRED', `api.tls.certificate_file: ${text}`);
}

/** Another one after each change; a missing file has one, too. */
async function stampOf(files: PairFiles): Promise<string> {
  const stamps = [files.certificate_file, files.key_file].map(async (path) => {
    try {
      const { mtimeMs, ctimeMs, size, ino, mode } = await stat(path);
      return [mtimeMs, ctimeMs, size, ino, mode].join(' ');
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return (await Promise.all(stamps)).join('\n');
}
