import type { Config } from '../config/schema.ts';
import type { AnomalyIndex } from './anomaly-index.ts';

/** The index that the configuration asks for; an embedded one lies in `folder`. */
export async function openIndex(
  config: Config['index'],
  folder: string,
  simulated: boolean,
): Promise<AnomalyIndex> {
  switch (config.engine) {
    case 'sqlite': {
      const { openSqliteIndex } = await import('./sqlite.ts');
      return openSqliteIndex(folder);
    }
    case 'opensearch': {
      const { openOpenSearchIndex } = await import('./opensearch.ts');
      return openOpenSearchIndex(config.opensearch, simulated);
    }
  }
}
