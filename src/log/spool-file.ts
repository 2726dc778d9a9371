/** The file of the spool: a log of one partition, made when the first record must wait. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { translateFileError } from '../errors.ts';
import type { Log, WaitingRecords } from './log.ts';

export class SpoolFile {
  readonly #folder: string;
  readonly #openLog: (folder: string) => Promise<Log>;
  #opened: Promise<Log> | null = null;

  constructor(folder: string, openLog: (folder: string) => Promise<Log>) {
    this.#folder = folder;
    this.#openLog = openLog;
  }

  /** Whether it is open or being opened. */
  get isOpen(): boolean {
    return this.#opened !== null;
  }

  get exists(): boolean {
    return this.isOpen || existsSync(join(this.#folder, 'log.sqlite'));
  }

  open(): Promise<Log> {
    this.#opened ??= this.#make().catch((error) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }

  async #make(): Promise<Log> {
    await mkdir(this.#folder, { recursive: true }).catch((error) => {
      throw translateFileError(error, this.#folder, 'DATA_UNWRITABLE');
    });
    return this.#openLog(this.#folder);
  }

  /** Everything in the file waits: what got in was removed. */
  async count(): Promise<Pick<WaitingRecords, 'records' | 'since'>> {
    const log = await this.open();
    const { first, next } = await log.range(0);
    return { records: next - first, since: await log.timeOf(0, first) };
  }

  async close(): Promise<void> {
    const log = await this.#opened?.catch(() => null);
    await log?.[Symbol.asyncDispose]();
  }
}
