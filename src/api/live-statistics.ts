/**
 * Statistics that are ahead of the published ones: with what lies in the log and has not been published.
 *
 * Only an observation that is newer than all published ones of its city is merged. One that comes late
 * or corrects another counts once it has landed and was published, and so do cities that are new.
 * When the next publication comes, what was answered meanwhile is compared with it.
 */
import { asIsobarError } from '../errors.ts';
import { isClose } from '../model/agreement.ts';
import type { CityStatistics } from '../model/datasets.ts';
import { compareTimes } from '../model/iso-time.ts';
import {
  beginMerging,
  type LiveStatistics,
  type Merging,
  mergeObservation,
} from '../model/live-statistics.ts';
import type { Snapshot } from '../table/table.ts';
import type { ApiContext, Publication } from './context.ts';
import type { Newest } from './latest-conditions.ts';
import { beats, type Tail, type TailEvent } from './tail.ts';
import type { Current } from './versions.ts';

export interface LiveAnswer {
  readonly rows: readonly LiveStatistics[];
  /** Observations that were merged. */
  readonly merged: number;
  /** Those that count once they were published: late ones, corrections, those of new cities. */
  readonly waiting: number;
  /** Why nothing was merged; null if all was. */
  readonly note: string | null;
}

export interface ComparedCounts {
  /** Rows of cities that were compared with a later publication, and those that differed. */
  readonly compared: number;
  readonly different: number;
}

/** More records of the log than this are not merged: the next publication has them soon. */
const RECORDS_MAX = 2_000;
/** Versions of the table of which it is known up to where the log has landed. */
const VERSIONS_MAX = 256;

type Context = Pick<ApiContext, 'lastLanded' | 'log' | 'table' | 'logger'>;

export class LiveStatisticsReader {
  readonly #context: Context;
  readonly #tail: () => Tail | null;
  /** Version of the table → next offset of each partition. */
  readonly #landed = new Map<number, readonly bigint[]>();
  /** The publication that was answered from last, until the next one comes. */
  #answered: Publication | null = null;
  #comparing: Promise<void> = Promise.resolve();
  #counts: ComparedCounts = { compared: 0, different: 0 };

  constructor(context: Context, tail: () => Tail | null) {
    this.#context = context;
    this.#tail = tail;
  }

  get counts(): ComparedCounts {
    return this.#counts;
  }

  /** Changes with what an answer would be made from. */
  get position(): string {
    return (this.#tail()?.next ?? []).join();
  }

  /** Of these cities, all when empty. Rejects as the log and the storage do. */
  async read({ publication }: Current, cities: readonly string[]): Promise<LiveAnswer> {
    const chosen = new Set(cities);
    const isChosen = (id: string) => chosen.size === 0 || chosen.has(id);
    const published = await begin(publication, isChosen);
    const answer = (note: string | null): LiveAnswer => ({
      ...{ rows: [...published.values()].map(finish), merged: 0, waiting: 0, note },
    });
    const tail = this.#tail();
    if (publication === null) return answer(null);
    if (await isEarlier(publication)) return answer('the publication is of an earlier version');
    if (tail === null) return answer('the log cannot be followed: as published');
    const from = this.#landed.get(publication.tableVersion);
    if (from === undefined) return answer('as published, until the next publication');
    const events = await tail.readSince(from, RECORDS_MAX);
    if (events === null) return answer(`more than ${RECORDS_MAX} records wait: as published`);
    this.#answered = publication;
    const { rows, merged, late } = merge(
      published,
      events.filter(({ observation }) => observation !== null && isChosen(observation.city_id)),
    );
    const waiting = [...late.values()].reduce((sum, count) => sum + count, 0);
    return { rows: [...rows.values()].map(finish), merged, waiting, note: null };
  }

  /** Called with each version that is answered from, in order. */
  move({ conditions, publication }: Current): void {
    const { snapshot } = conditions;
    const partitions = this.#context.log?.partitionCount ?? 0;
    this.#landed.set(
      snapshot.version,
      Array.from({ length: partitions }, (_, partition) => {
        const last = this.#context.lastLanded(snapshot, partition);
        return last === null ? 0n : BigInt(last) + 1n;
      }),
    );
    for (const version of this.#landed.keys()) {
      if (this.#landed.size <= VERSIONS_MAX) break;
      this.#landed.delete(version);
    }
    const before = this.#answered;
    if (before === null || publication === null || publication.version === before.version) return;
    this.#answered = null;
    this.#comparing = this.#comparing
      .then(() => this.#compare(before, publication, snapshot))
      .catch((error: unknown) => {
        const { code, message } = asIsobarError(error);
        this.#context.logger.debug({ code }, `comparing live statistics: ${message}`);
      });
  }

  /** Resolves once nothing is being compared. */
  settled(): Promise<void> {
    return this.#comparing;
  }

  /** What would have been answered from `before` with all that `next` has, beside what `next` says. */
  async #compare(before: Publication, next: Publication, snapshot: Snapshot): Promise<void> {
    const [from, to] = [before, next].map((one) => this.#landed.get(one.tableVersion));
    const tail = this.#tail();
    if (tail === null || from === undefined || to === undefined) return;
    // Other values have failed since.
    if (before.quality?.key !== next.quality?.key) return;
    const events = await tail.readSince(from, RECORDS_MAX);
    if (events === null) return;
    const landed = events.filter(({ partition, offset }) => offset < (to[partition] ?? 0n));
    const { rows, late } = merge(await begin(before), landed);
    const published = await begin(next);
    let [compared, different] = [0, 0];
    const differences: string[] = [];
    for (const [id, row] of rows) {
      const other = published.get(id);
      if (row.unpublished_count === 0 || late.has(id) || other === undefined) continue;
      compared += 1;
      const names = (Object.keys(row) as (keyof Merging)[]).filter(
        (name) => name !== 'unpublished_count' && !isClose(row[name], other[name]),
      );
      if (names.length === 0) continue;
      different += 1;
      differences.push(`${id} ${names.map((name) => `${name} ${row[name]} ≠ ${other[name]}`)}`);
    }
    if (different > 0) {
      // An import that was undone took rows away.
      const { table } = this.#context;
      const changes = await table.changes(before.tableVersion, snapshot);
      if (changes === null || changes.rowsRemoved) return;
      this.#context.logger.error(
        `live statistics differ from publication ${next.version}: ${differences.slice(0, 5).join('; ')}`,
      );
    }
    const counts = this.#counts;
    this.#counts = {
      compared: counts.compared + compared,
      different: counts.different + different,
    };
  }
}

async function begin(
  publication: Publication | null,
  isChosen: (cityId: string) => boolean = () => true,
): Promise<Map<string, Merging>> {
  const rows: readonly CityStatistics[] = (await publication?.rows('city_statistics')) ?? [];
  const begun = new Map<string, Merging>();
  for (const row of rows) {
    const merging = isChosen(row.city_id) ? beginMerging(row) : null;
    if (merging !== null) begun.set(row.city_id, merging);
  }
  return begun;
}

/** Whether its rows lack what merging needs. */
async function isEarlier(publication: Publication): Promise<boolean> {
  const [row] = await publication.rows('city_statistics');
  return row !== undefined && beginMerging(row) === null;
}

interface Merged {
  readonly rows: ReadonlyMap<string, Merging>;
  readonly merged: number;
  /** City → observations that were not merged. */
  readonly late: ReadonlyMap<string, number>;
}

/** In order of time; of two words on one observation the last one counts. */
function merge(published: ReadonlyMap<string, Merging>, events: readonly TailEvent[]): Merged {
  const newest = new Map<string, Newest>();
  for (const { observation } of events) {
    if (observation === null) continue;
    const key = `${observation.city_id}\n${observation.observed_at}`;
    const known = newest.get(key);
    if (known === undefined || beats(observation, known)) newest.set(key, observation);
  }
  const rows = new Map(published);
  const late = new Map<string, number>();
  let merged = 0;
  const inOrder = [...newest.values()].sort((a, b) => compareTimes(a.observed_at, b.observed_at));
  for (const observation of inOrder) {
    const { city_id, observed_at } = observation;
    const row = rows.get(city_id);
    if (row === undefined || compareTimes(observed_at, row.last_observed_at) <= 0) {
      late.set(city_id, (late.get(city_id) ?? 0) + 1);
      continue;
    }
    rows.set(city_id, mergeObservation(row, observation));
    merged += 1;
  }
  return { rows, merged, late };
}

function finish({ temperature_c_count: _, humidity_pct_count: __, ...row }: Merging) {
  return row;
}
