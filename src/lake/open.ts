import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nameNodesOf } from '../config/hdfs.ts';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import type { HdfsOptions, LakePermissions } from './hdfs.ts';
import type { Storage } from './storage.ts';

const MIB = 1024 * 1024;

/**
 * The storage that the configuration asks for. A local one lies in `folder`; of another one the
 * cache lies beside it, and simulated data in a folder of their own. Once the signal aborts, one
 * that is reached over a network is not waited for any more.
 */
export async function openStorage(
  config: Config['lake'],
  folder: string,
  simulated = false,
  signal?: AbortSignal,
): Promise<Storage> {
  switch (config.engine) {
    case 'local': {
      const { openLocalStorage } = await import('./local.ts');
      return openLocalStorage(folder);
    }
    case 'hdfs': {
      const { openHdfsStorage } = await import('./hdfs.ts');
      return openHdfsStorage({ ...(await hdfsOptions(config.hdfs, folder, simulated)), signal });
    }
  }
}

/** Whether that storage has something at this path, a file or a folder; makes nothing. */
export async function isInStorage(
  config: Config['lake'],
  folder: string,
  simulated: boolean,
  path: string,
): Promise<boolean> {
  switch (config.engine) {
    case 'local':
      return existsSync(join(folder, path));
    case 'hdfs': {
      const { isOnHdfs } = await import('./hdfs.ts');
      return isOnHdfs(await hdfsOptions(config.hdfs, folder, simulated), path);
    }
  }
}

/** Shows and changes rights below the lake's folder, real and simulated. Only HDFS has them. */
export async function openLakePermissions(
  { engine, hdfs }: Config['lake'],
  signal: AbortSignal,
): Promise<LakePermissions> {
  if (engine !== 'hdfs') {
    throw new IsobarError('CONFIG_INVALID', `lake.engine: expected hdfs; got ${engine}`);
  }
  const root = hdfs.folder.replace(/\/+$/, '');
  if (root === '') {
    const text = 'expected a folder that belongs to the lake alone; got /, which is all of HDFS';
    throw new IsobarError('CONFIG_INVALID', `lake.hdfs.folder: ${text}`);
  }
  const { openHdfsPermissions } = await import('./hdfs.ts');
  return openHdfsPermissions({ ...(await hdfsOptions(hdfs, '', false)), signal }, root);
}

async function hdfsOptions(
  config: Config['lake']['hdfs'],
  folder: string,
  simulated: boolean,
): Promise<HdfsOptions> {
  const { parseHostRules } = await import('./webhdfs/transfer.ts');
  const { hdfsLogin } = await import('./hdfs-login.ts');
  const { replication } = config;
  return {
    ...(await hdfsLogin(config)),
    nameNodes: nameNodesOf(config.namenodes),
    address: config.address,
    folder: simulated ? `${config.folder}/simulated` : config.folder,
    replication: replication === 0 ? null : replication,
    verify: config.verify,
    concurrency: config.concurrency,
    idleMs: config.timeout_s * 1_000,
    timeoutMs: config.retry_timeout_s * 1_000,
    dataNodeHosts: parseHostRules(config.datanode_hosts),
    cacheFolder: join(folder, '..', 'lake-cache'),
    cacheBytesMax: config.cache_mib * MIB,
  };
}
