import type { Config } from '../config/schema.ts';
import type { SqlEngine } from './engine.ts';

/** The engine that the configuration names; `tempFolder` is on this machine. */
export async function openEngine(
  config: Config['analytics'],
  tempFolder: string,
): Promise<SqlEngine> {
  switch (config.engine) {
    case 'duckdb': {
      const { openDuckdbEngine } = await import('./duckdb.ts');
      return openDuckdbEngine({
        memoryMib: config.memory_mib,
        threads: config.threads,
        tempFolder,
      });
    }
    case 'spark': {
      const { openSparkEngine } = await import('./spark/spark.ts');
      const { address, token, user, timeout_s, properties, tls_authority } = config.spark;
      return openSparkEngine({
        ...{ address, token, user, authorityFile: tls_authority },
        ...{ timeoutSeconds: timeout_s, properties },
      });
    }
  }
}
