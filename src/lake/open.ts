import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Storage } from './storage.ts';

const MIB = 1024 * 1024;

/**
 * The storage that the configuration asks for. A local one lies in `folder`; of another one the
 * cache lies beside it, and simulated data in a folder of their own.
 */
export async function openStorage(
  config: Config['lake'],
  folder: string,
  simulated = false,
): Promise<Storage> {
  switch (config.engine) {
    case 'local': {
      const { openLocalStorage } = await import('./local.ts');
      return openLocalStorage(folder);
    }
    case 'hdfs': {
      const { openHdfsStorage } = await import('./hdfs.ts');
      const { parseHostRules } = await import('./webhdfs/transfer.ts');
      const { hdfs } = config;
      const token = hdfs.token === '' ? null : { token: hdfs.token };
      return openHdfsStorage({
        nameNodes: hdfs.namenodes.split(',').map((address) => address.trim()),
        address: hdfs.address,
        folder: simulated ? `${hdfs.folder.replace(/\/+$/, '')}/simulated` : hdfs.folder,
        identity: token ?? { user: hdfs.user === '' ? userInfo().username : hdfs.user },
        replication: hdfs.replication === 0 ? null : hdfs.replication,
        verify: hdfs.verify,
        concurrency: hdfs.concurrency,
        idleMs: hdfs.timeout_s * 1_000,
        patienceMs: hdfs.patience_s * 1_000,
        dataNodeHosts: parseHostRules(hdfs.datanode_hosts),
        cacheFolder: join(folder, '..', 'lake-cache'),
        cacheBytesMax: hdfs.cache_mib * MIB,
      });
    }
  }
}
