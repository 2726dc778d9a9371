/** A lake in memory, for processes in virtual time. */
import { IsobarError } from '../../errors.ts';
import type { Storage, StoredFile } from '../../lake/storage.ts';
import type { TestClock } from './clock.ts';

/** A lake in memory, as each process reaches it: of a dead one nothing arrives any more. */
export function openMemoryLake(clock: TestClock) {
  const files = new Map<string, { readonly bytes: Uint8Array; readonly modifiedAt: Date }>();
  let writes = 0;
  function put(path: string, bytes: Uint8Array): void {
    writes += 1;
    // No two versions of one file look alike.
    files.set(path, { bytes, modifiedAt: new Date(clock.now() + writes / 1_000) });
  }
  return (reach: () => 'whole' | 'cut' | 'dead'): Storage => {
    async function enter(path: string): Promise<void> {
      if (reach() === 'dead') await new Promise(() => {});
      if (reach() === 'cut') throw new IsobarError('LAKE_UNAVAILABLE', path);
    }
    const storage: Partial<Storage> = {
      async read(path) {
        await enter(path);
        const file = files.get(path);
        if (file === undefined) throw new IsobarError('LAKE_MISSING', path);
        return file.bytes;
      },
      async *list(folder) {
        await enter(folder);
        for (const path of [...files.keys()].sort()) {
          const file = files.get(path);
          if (!path.startsWith(`${folder}/`) || file === undefined) continue;
          const { bytes, modifiedAt } = file;
          yield { path, bytes: bytes.length, modifiedAt } satisfies StoredFile;
        }
      },
      async putIfAbsent(path, content) {
        await enter(path);
        if (files.has(path)) throw new IsobarError('LAKE_EXISTS', path);
        put(path, content as Uint8Array);
      },
      async replace(path, content) {
        await enter(path);
        put(path, content as Uint8Array);
      },
      async delete(path) {
        await enter(path);
        return files.delete(path);
      },
    };
    return storage as Storage;
  };
}
