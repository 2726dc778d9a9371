/** What DuckDB holds in memory, and the return of what it let go of. */
import type { DuckDBInstance } from '@duckdb/node-api';
import type { EngineMemory } from './engine.ts';

export interface MemoryKeeper {
  read(): Promise<EngineMemory>;
  /** Called after each statement: what it freed is returned to the system soon. */
  noteWork(): void;
  close(): Promise<void>;
}

const MIB = 1024 * 1024;
const RETURN_MS = 10_000;

export async function openMemoryKeeper(
  instance: DuckDBInstance,
  memoryMib: number,
): Promise<MemoryKeeper> {
  const connection = await instance.connect();
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;

  /**
   * The allocator keeps freed memory in the arena of each thread, several times of what is in use.
   * Setting the limit, even to what it is, makes DuckDB trim them (malloc_trim on glibc).
   */
  function returnFreed(): void {
    timer = null;
    // It fails while the limit is exceeded; then the next statement brings the next try.
    running = connection.run(`SET memory_limit = '${memoryMib}MiB'`).catch(() => {});
  }

  return {
    async read() {
      const reader = await connection.runAndReadAll(
        'SELECT tag, memory_usage_bytes FROM duckdb_memory() WHERE memory_usage_bytes > 0',
      );
      const bytes = reader.getRows().map(([tag, held]) => [String(tag), Number(held)]);
      return { bytes: Object.fromEntries(bytes), bytesMax: memoryMib * MIB };
    },
    noteWork() {
      if (closed || timer !== null) return;
      timer = setTimeout(returnFreed, RETURN_MS);
      timer.unref();
    },
    async close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      await running;
      connection.closeSync();
    },
  };
}
