import type { Config } from '../config/schema.ts';
import type { Log } from './log.ts';

export interface OpenLogOptions {
  readonly clock?: () => Date;
}

/** The log that the configuration asks for; an embedded one lies in `folder`. */
export async function openLog(
  config: Config['log'],
  folder: string,
  options: OpenLogOptions = {},
): Promise<Log> {
  switch (config.engine) {
    case 'sqlite': {
      const { openSqliteLog } = await import('./sqlite.ts');
      return openSqliteLog({ config, folder, clock: options.clock });
    }
    case 'kafka': {
      const { openKafkaLog } = await import('./kafka.ts');
      return openKafkaLog({ config, clock: options.clock });
    }
  }
}
