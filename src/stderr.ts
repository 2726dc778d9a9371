/**
 * Standard error, written so that it can stop nothing: on a full disk, a closed pipe, or a pipe
 * that is not read, lines are dropped and counted, and the count is written as soon as it can be.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';

export interface Stderr {
  /** Whole lines. Never throws, never waits. */
  write(lines: string): void;
  /** Lines that could not be written so far. */
  readonly droppedCount: number;
}

const STDERR = 2;

function openStderr(descriptor: number = STDERR): Stderr {
  const target = unblocked(descriptor);
  let droppedCount = 0;
  let untold = 0;
  /** A line was cut off in the middle. */
  let cut = false;

  /** Whether all of it was written. */
  function put(text: string): boolean {
    let rest = Buffer.from(cut ? `\n${text}` : text);
    try {
      while (rest.length > 0) {
        rest = rest.subarray(writeSync(target, rest));
        cut = rest.length > 0;
      }
      return true;
    } catch {
      return false;
    }
  }

  return {
    write(lines) {
      const lost = untold === 0 ? '' : `${JSON.stringify(lostLine(untold))}\n`;
      if (put(`${lost}${lines}`)) {
        untold = 0;
        return;
      }
      const count = lines.split('\n').length - 1;
      droppedCount += count;
      untold += count;
    },
    get droppedCount() {
      return droppedCount;
    },
  };
}

function lostLine(count: number): object {
  const msg = `${count} log lines were dropped: standard error could not be written`;
  return { level: 40, time: new Date().toISOString(), msg };
}

/** A pipe of our own that refuses what does not fit, instead of waiting for its reader. */
function unblocked(descriptor: number): number {
  try {
    if (!fstatSync(descriptor).isFIFO()) return descriptor;
    const { O_WRONLY, O_NONBLOCK } = constants;
    return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK);
  } catch {
    return descriptor;
  }
}

let shared: Stderr | null = null;

/** That of this process; opened when it is first written to. */
export const stderr: Stderr = {
  write(lines) {
    shared ??= openStderr();
    shared.write(lines);
  },
  get droppedCount() {
    return shared?.droppedCount ?? 0;
  },
};
