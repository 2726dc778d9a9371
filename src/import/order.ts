/**
 * Records in order of time, in bounded memory, since landing prefers them so. A run of them is held
 * at a time. Runs are passed on as they come for as long as all is in order; from the first one that
 * is not, the rest is sorted in runs on disk that are merged. Records of one time keep their order.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { translateFileError } from '../errors.ts';
import type { City } from '../model/city.ts';
import type { CollectedRecord } from '../model/observation.ts';
import type { ImportedRecord } from './source.ts';
import { readLines } from './text-file.ts';

export interface OrderOptions {
  /** Folder for the runs. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** About how many bytes of records are sorted in memory. */
  readonly runBytes?: number;
}

interface Timed extends ImportedRecord {
  /** Milliseconds since 1970; that of the record before where there is none. */
  readonly at: number;
}

const RUN_BYTES = 16 * 1024 * 1024;
const RUNS_MAX = 48;
/** Of a run that is merged, in memory at a time. */
const CHUNK_BYTES = 32 * 1024;
/** Of an observation without its response, as an object. */
const RECORD_BYTES = 700;

export async function* orderByTime(
  records: AsyncIterable<ImportedRecord>,
  options: OrderOptions,
): AsyncGenerator<ImportedRecord> {
  const { runBytes = RUN_BYTES } = options;
  await using sorter = openSorter(options);
  let at = Number.NEGATIVE_INFINITY;
  let isOrdered = true;
  let run: Timed[] = [];
  let bytes = 0;
  for await (const imported of records) {
    const before = at;
    at = timeOf(imported.record) ?? before;
    isOrdered &&= at >= before;
    run.push({ ...imported, at });
    bytes += RECORD_BYTES + (imported.record.response?.length ?? 0) * 2;
    if (bytes < runBytes) continue;
    if (isOrdered) yield* run;
    else await sorter.add(sorted(run));
    run = [];
    bytes = 0;
  }
  yield* sorter.merge(sorted(run));
}

function timeOf(record: CollectedRecord): number | null {
  return 'observed_at' in record ? Date.parse(record.observed_at) : null;
}

function sorted(run: Timed[]): Timed[] {
  return run.sort((a, b) => a.at - b.at);
}

function openSorter({ scratch, signal }: OrderOptions) {
  const cities = new Map<string, City>();
  let folder: string | null = null;
  let runs: string[] = [];
  let count = 0;

  async function write(records: AsyncIterable<Timed> | Iterable<Timed>): Promise<string> {
    try {
      folder ??= await mkdtemp(join(scratch, 'import-'));
      const path = join(folder, `${count++}.jsonl`);
      await pipeline(Readable.from(blocks(records)), createWriteStream(path), { signal });
      return path;
    } catch (error) {
      signal.throwIfAborted();
      throw translateFileError(error, scratch, 'DATA_UNWRITABLE');
    }
  }

  async function* read(path: string): AsyncGenerator<readonly Timed[]> {
    const options = { signal, chunkBytes: CHUNK_BYTES };
    for await (const { lines } of readLines({ path, name: path }, options)) {
      yield lines.map((line) => {
        const [at, record] = JSON.parse(line) as [number | null, CollectedRecord];
        const city = cities.get(record.city_id) ?? null;
        return { at: at ?? Number.NEGATIVE_INFINITY, record, city };
      });
    }
  }

  return {
    async add(run: readonly Timed[]): Promise<void> {
      for (const { city } of run) if (city !== null) cities.set(city.city_id, city);
      runs.push(await write(run));
      if (runs.length < RUNS_MAX) return;
      const merged = await write(mergeRuns(runs.map(read)));
      for (const path of runs) await rm(path, { force: true });
      runs = [merged];
    },
    /** What was added and the last run. */
    async *merge(last: Timed[]): AsyncGenerator<Timed> {
      if (runs.length === 0) yield* last;
      else yield* mergeRuns(runs.map(read), last);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    },
  };
}

const BLOCK_CHARACTERS = 256 * 1024;

async function* blocks(records: AsyncIterable<Timed> | Iterable<Timed>): AsyncGenerator<string> {
  let block = '';
  for await (const { at, record } of records) {
    block += `${JSON.stringify([at, record])}\n`;
    if (block.length < BLOCK_CHARACTERS) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}

/** A run that is being read: its next record is `batch[index]`. */
interface Head {
  readonly run: AsyncGenerator<readonly Timed[]>;
  batch: readonly Timed[];
  index: number;
}

/** The earliest first; of one time those of the earlier run first. */
async function* mergeRuns(
  runs: readonly AsyncGenerator<readonly Timed[]>[],
  last: readonly Timed[] = [],
): AsyncGenerator<Timed> {
  try {
    const heads: Head[] = runs.map((run) => ({ run, batch: [], index: 0 }));
    for (const head of heads) await fill(head);
    const rest = { run: noMore(), batch: last, index: 0 };
    const all = [...heads, rest];
    for (;;) {
      let first: Head = rest;
      let earliest = Number.POSITIVE_INFINITY;
      for (const head of all) {
        const at = head.batch[head.index]?.at ?? Number.POSITIVE_INFINITY;
        if (at >= earliest) continue;
        earliest = at;
        first = head;
      }
      const record = first.batch[first.index];
      if (record === undefined) return;
      yield record;
      first.index += 1;
      if (first.index === first.batch.length) await fill(first);
    }
  } finally {
    for (const run of runs) await run.return(undefined);
  }
}

/** The run's next batch that has records; an empty one at its end. */
async function fill(head: Head): Promise<void> {
  do {
    const { value, done } = await head.run.next();
    head.batch = done === true ? [] : value;
    head.index = 0;
    if (done === true) return;
  } while (head.batch.length === 0);
}

async function* noMore(): AsyncGenerator<readonly Timed[]> {}
