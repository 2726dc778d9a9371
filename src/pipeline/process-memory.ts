/** What this process holds: memory by who has it, and open files. */
import { readdir } from 'node:fs/promises';
import type { ProcessStatus } from '../model/status.ts';
import type { SqlEngine } from '../sql/engine.ts';
import { stderr } from '../stderr.ts';

export async function readProcess(engine: Pick<SqlEngine, 'memory'>): Promise<ProcessStatus> {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const held = await engine.memory();
  return {
    pid: process.pid,
    resident_bytes: rss,
    heap_used_bytes: heapUsed,
    heap_bytes: heapTotal,
    external_bytes: external,
    engine_bytes: held?.bytes ?? {},
    engine_bytes_max: held?.bytesMax ?? null,
    open_files: await countOpenFiles(),
    dropped_log_lines: stderr.droppedCount,
  };
}

/** Null where the system does not say (Linux does). */
async function countOpenFiles(): Promise<number | null> {
  try {
    // The folder itself is open while it is read.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}
