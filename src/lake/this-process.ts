/**
 * Which process this is, so that others of the same machine can see at once that it is gone.
 *
 * A process number means something only on one machine, since its last start, and among the
 * processes that see each other; `place` names all of that. Where the system does not provide
 * them, a process counts as running until its heartbeats stop.
 */
import { readFileSync, readlinkSync } from 'node:fs';

export interface ProcessName {
  readonly place: string;
  readonly pid: number;
  /** When it began, in the system's own ticks: a number that is used again is another process. */
  readonly began: string;
}

/** What is so for as long as this process runs: asked for again and again, read once. */
const PLACE = placeOf();
const BEGAN = beganOf(process.pid);

export function nameThisProcess(): ProcessName {
  return { place: PLACE, pid: process.pid, began: BEGAN ?? '' };
}

/** Whether that process has certainly ended; false where this cannot be determined. */
export function hasEnded(named: ProcessName, here: string = PLACE): boolean {
  if (here === '' || named.place !== here || named.began === '') return false;
  const began = named.pid === process.pid ? BEGAN : beganOf(named.pid);
  return began !== named.began;
}

function placeOf(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** Null when the process does not exist, or is a zombie that its parent has not yet reaped. */
function beganOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything; state is the first field after it, begin the 20th.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** Whether a process of this number runs here, as far as we see. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
