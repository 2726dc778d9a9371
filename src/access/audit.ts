/**
 * The audit log: who did what, from where, and how it ended. One JSON line each, only ever appended;
 * a full file is put aside under the time at which it was full. Of a flood of failures some are noted
 * and the rest are counted, so that whoever is refused cannot push older entries out.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asIsobarError, isRefusedInput, translateFileError } from '../errors.ts';
import { networkOf } from '../model/network.ts';
import { formatTime } from '../model/time-zone.ts';
import { readRegularFile } from '../regular-file.ts';

export interface AuditEntry {
  readonly at: string;
  /** Name of the user or key; null where that is not known. */
  readonly who: string | null;
  /** Address of the visitor; `command` for a command on this machine. */
  readonly from: string;
  /** `login`, `logout`, `POST /api/silence`, `users add`. */
  readonly action: string;
  /** What it was done to. */
  readonly target: string | null;
  /** `ok`, or the code of the error. */
  readonly outcome: string;
}

/** `error` is what it failed with, null when it did not. */
export type Audited = Omit<AuditEntry, 'at' | 'outcome'> & { readonly error: unknown };

export interface Audit extends AsyncDisposable {
  /** Resolves once it is in the file, or counted. Rejects with DISK_FULL or DATA_UNWRITABLE. */
  record(entry: Audited): Promise<void>;
}

const NAME = 'audit.jsonl';
const OLD = /^audit-\d{8}T\d{9}Z\.jsonl$/;
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const OLD_FILES_MAX = 20;
const TEXT_CHARACTERS_MAX = 256;
/**
 * What is noted in a minute, from one network and in all. What was written wrongly is counted for
 * itself: it costs nothing to send, and must not hide failed logins.
 */
const NOTED_MAX = {
  failures: { network: 60, all: 600 },
  'refused parameters': { network: 10, all: 60 },
} as const;
const MINUTE_MS = 60_000;

export function openAudit(
  folder: string,
  clock: () => Date = () => new Date(),
  bytesMax = FILE_BYTES_MAX,
): Audit {
  const path = join(folder, NAME);
  let file: FileHandle | null = null;
  let bytes = 0;
  /** One line at a time. */
  let turn: Promise<unknown> = Promise.resolve();
  const floods = {
    failures: openFlood(NOTED_MAX.failures),
    'refused parameters': openFlood(NOTED_MAX['refused parameters']),
  };

  async function append(entry: AuditEntry): Promise<void> {
    try {
      if (file === null) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        file = await open(path, 'a', 0o600);
        bytes = (await file.stat()).size;
      }
      if (bytes >= bytesMax) await putAside();
      const line = Buffer.from(`${JSON.stringify(entry)}\n`);
      await file.write(line);
      bytes += line.length;
    } catch (error) {
      throw translateFileError(error, path, 'DATA_UNWRITABLE');
    }
  }

  async function putAside(): Promise<void> {
    await file?.close();
    const stamp = clock().toISOString().replaceAll(/[-:.]/g, '');
    await rename(path, join(folder, `audit-${stamp}.jsonl`));
    const old = (await readdir(folder)).filter((name) => OLD.test(name)).sort();
    for (const name of old.slice(0, -OLD_FILES_MAX)) await rm(join(folder, name));
    file = await open(path, 'a', 0o600);
    bytes = 0;
  }

  /** Of minutes that are over; null: of the one that runs, too. */
  const leftOutEntries = (now: Date | null): AuditEntry[] =>
    Object.entries(floods).flatMap(([kind, flood]) => {
      const count = flood.takeLeftOut(now);
      if (count === 0) return [];
      return {
        ...{ at: formatTime(clock()), who: null, from: 'server', action: 'left out' },
        ...{ target: `${count} more ${kind}`, outcome: 'RATE_LIMITED' },
      };
    });

  return {
    record({ who, from, action, target, error }) {
      const cut = (text: string | null) =>
        text?.slice(0, TEXT_CHARACTERS_MAX).toWellFormed() ?? null;
      const entry = {
        at: formatTime(clock()),
        ...{ who: cut(who), from, action, target: cut(target) },
        outcome: error === null ? 'ok' : asIsobarError(error).code,
      };
      const leftOut = leftOutEntries(clock());
      const kind = isRefusedInput(error) ? 'refused parameters' : 'failures';
      const isNoted = error === null || floods[kind].admit(from);
      const done = turn.then(async () => {
        for (const one of leftOut) await append(one);
        if (isNoted) await append(entry);
      });
      turn = done.catch(() => {});
      return done;
    },
    async [Symbol.asyncDispose]() {
      await turn;
      for (const one of leftOutEntries(null)) await append(one).catch(() => {});
      await file?.close();
      file = null;
    },
  };
}

/** Counts what comes in a minute. */
function openFlood(most: { readonly network: number; readonly all: number }) {
  const noted = new Map<string, number>();
  let [minute, all, leftOut] = [0, 0, 0];
  return {
    admit(from: string): boolean {
      const network = networkOf(from);
      const count = (noted.get(network) ?? 0) + 1;
      const isNoted = count <= most.network && all < most.all;
      if (isNoted) {
        noted.set(network, count);
        all += 1;
      } else leftOut += 1;
      return isNoted;
    },
    /** How many were not noted, once their minute is over; null: in any case. */
    takeLeftOut(now: Date | null): number {
      const next = now === null ? null : Math.floor(now.getTime() / MINUTE_MS);
      if (next === minute) return 0;
      const taken = leftOut;
      noted.clear();
      [minute, all, leftOut] = [next ?? minute, 0, 0];
      return taken;
    },
  };
}

/** The last entries, oldest first; lines that are damaged are left out and counted. */
export async function readAudit(
  folder: string,
  limit: number,
): Promise<{ readonly entries: readonly AuditEntry[]; readonly damaged: number }> {
  const names = await readdir(folder).catch((): string[] => []);
  const files = [
    ...names.filter((name) => OLD.test(name)).sort(),
    ...names.filter((n) => n === NAME),
  ];
  const entries: AuditEntry[] = [];
  let damaged = 0;
  for (const name of files.reverse()) {
    if (entries.length >= limit) break;
    const bytes = await readRegularFile(join(folder, name), { bytesMax: 2 * FILE_BYTES_MAX });
    const lines = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
    for (const line of lines.reverse()) {
      if (entries.length >= limit) break;
      const entry = parseEntry(line);
      if (entry === null) damaged += 1;
      else entries.push(entry);
    }
  }
  return { entries: entries.reverse(), damaged };
}

function parseEntry(line: string): AuditEntry | null {
  try {
    const { at, who, from, action, target, outcome } = JSON.parse(line);
    const texts = [at, from, action, outcome];
    const isEntry = texts.every((text) => typeof text === 'string');
    return isEntry ? { at, who: who ?? null, from, action, target: target ?? null, outcome } : null;
  } catch {
    return null;
  }
}
