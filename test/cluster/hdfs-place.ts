/** A lake on the cluster's HDFS, in a folder of its own that goes with the test. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Addresses } from '../../src/cluster/plan.ts';
import { type HdfsOptions, type HdfsStorage, openHdfsStorage } from '../../src/lake/hdfs.ts';
import type { StoragePlace } from '../../src/lake/testing/contract.ts';
import { openWebHdfs, type WebHdfs } from '../../src/lake/webhdfs/client.ts';
import { exchange } from '../../src/lake/webhdfs/exchange.ts';

export type Hdfs = NonNullable<Addresses['hdfs']>;

/** The cluster's administrator is whoever started it. */
const ADMIN = process.env.USER ?? 'root';
const MIB = 1024 * 1024;

export interface HdfsPlace extends StoragePlace {
  /** On HDFS. */
  readonly folder: string;
  /** On this machine. */
  readonly scratch: string;
  readonly options: HdfsOptions;
  readonly client: WebHdfs;
  open(change?: Partial<HdfsOptions>): Promise<HdfsStorage>;
}

function hdfsOptions(hdfs: Hdfs, folder: string, scratch: string): HdfsOptions {
  return {
    nameNodes: hdfs.namenodes.split(','),
    address: hdfs.address,
    folder,
    identity: { user: ADMIN },
    replication: null,
    verify: 'length',
    concurrency: 16,
    idleMs: 10_000,
    timeoutMs: 60_000,
    dataNodeHosts: [],
    cacheFolder: join(scratch, 'cache'),
    cacheBytesMax: 256 * MIB,
  };
}

export async function makeHdfsPlace(hdfs: Hdfs): Promise<HdfsPlace> {
  const scratch = await mkdtemp(join(tmpdir(), 'isobar-hdfs-'));
  const folder = `/test/${randomUUID()}`;
  const options = hdfsOptions(hdfs, folder, scratch);
  const client = openWebHdfs({ ...options, addresses: options.nameNodes });
  return {
    folder,
    scratch,
    options,
    client,
    open: (change = {}) => openHdfsStorage({ ...options, ...change }),
    async [Symbol.asyncDispose]() {
      await atActive(options.nameNodes, 'DELETE', folder, 'DELETE&recursive=true');
      await client[Symbol.asyncDispose]();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** An operation that a lake never needs, as the administrator: the text of the answer. */
export async function atActive(
  nameNodes: readonly string[],
  method: 'GET' | 'PUT' | 'DELETE',
  path: string,
  op: string,
): Promise<string> {
  const until = performance.now() + 60_000;
  for (;;) {
    for (const address of nameNodes) {
      const url = new URL(`${address}/webhdfs/v1${path}?user.name=${ADMIN}&op=${op}`);
      const reply = await exchange({ method, url, idleMs: 10_000 }).catch(() => null);
      const text = (await reply?.text()) ?? '';
      if (reply?.status === 200) return text;
      if (performance.now() > until) throw new Error(`${op} ${path}: ${text}`);
    }
  }
}
