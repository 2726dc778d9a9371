import type { Config } from '../config/schema.ts';
import type { Storage } from './storage.ts';

/** The storage that the configuration asks for; a local one lies in `folder`. */
export async function openStorage(config: Config['lake'], folder: string): Promise<Storage> {
  switch (config.engine) {
    case 'local': {
      const { openLocalStorage } = await import('./local.ts');
      return openLocalStorage(folder);
    }
  }
}
