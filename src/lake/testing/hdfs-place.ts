import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HdfsOptions, type HdfsStorage, openHdfsStorage } from '../hdfs.ts';
import { type NameNodeMode, TestHdfs } from './hdfs.ts';
import type { Call, Certificates, Fault } from './hdfs-call.ts';

export const MIB = 1024 * 1024;

export class Place implements AsyncDisposable {
  readonly hdfs: TestHdfs;
  readonly scratch: string;

  constructor(hdfs: TestHdfs, scratch: string) {
    this.hdfs = hdfs;
    this.scratch = scratch;
  }

  static async make(
    modes: readonly NameNodeMode[] = ['active'],
    certificates: Certificates = {},
  ): Promise<Place> {
    const scratch = await mkdtemp(join(tmpdir(), 'isobar-hdfs-'));
    return new Place(await TestHdfs.make(modes, 2, certificates), scratch);
  }

  open(change: Partial<HdfsOptions> = {}): Promise<HdfsStorage> {
    return openHdfsStorage({
      nameNodes: this.hdfs.nameNodes,
      address: 'hdfs://ns',
      folder: '/lake',
      identity: { user: 'weather' },
      replication: null,
      verify: 'length',
      concurrency: 8,
      idleMs: 300,
      timeoutMs: 3_000,
      dataNodeHosts: [],
      cacheFolder: join(this.scratch, 'cache'),
      cacheBytesMax: 16 * MIB,
      ...change,
    });
  }

  /** Fails the first request that fits, then no more. */
  failOnce(op: string, fault: Fault, server = ''): void {
    let left = 1;
    this.hdfs.fault = (received: Call) => {
      if (left === 0 || received.op !== op || !received.server.startsWith(server)) return null;
      left -= 1;
      return fault;
    };
  }

  drafts(): string[] {
    return [...this.hdfs.nodes.keys()].filter((path) => path.startsWith('/lake/.tmp/'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hdfs[Symbol.asyncDispose]();
    await rm(this.scratch, { recursive: true, force: true });
  }
}

export const bytes = (text: string) => Buffer.from(text);
export const textOf = async (storage: HdfsStorage, path: string) =>
  Buffer.from(await storage.read(path)).toString();
