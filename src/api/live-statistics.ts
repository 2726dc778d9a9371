/**
 * Statistics and trends that are ahead of the published ones: with what lies in the log and has not been
 * published.
 *
 * Only an observation that is newer than all published ones of its city is merged. One that comes late
 * or corrects another counts once it has landed and was published, and so do cities that are new.
 * When the next publication comes, what was answered meanwhile is compared with it.
 */
import type { DatasetPart } from '../analytics/export.ts';
import { asIsobarError } from '../errors.ts';
import { isClose } from '../model/agreement.ts';
import { HOURS_OF_A_CITY } from '../model/datasets.ts';
import type { LiveStatistics, LiveTrend } from '../model/live-statistics.ts';
import type { Row } from '../sql/engine.ts';
import type { Snapshot } from '../table/table.ts';
import type { ApiContext, Publication } from './context.ts';
import {
  beginCities,
  beginHours,
  hourOf,
  type IsChosen,
  type LiveCity,
  mergeEvents,
} from './live-merging.ts';
import type { Tail, TailEvent } from './tail.ts';
import type { Current } from './versions.ts';

export interface LiveAnswer<R> {
  readonly rows: readonly R[];
  /** Observations that were merged. */
  readonly merged: number;
  /** Time of the newest of them; null without any. */
  readonly newest: string | null;
  /** Those that count once they were published: late ones, corrections, those of new cities. */
  readonly waiting: number;
  /** Why nothing was merged; null if all was. */
  readonly note: string | null;
}

export interface ComparedCounts {
  /** Rows that were compared with a later publication, and those that differed. */
  readonly compared: number;
  readonly different: number;
}

/** More records of the log than this are not merged: the next publication has them soon. */
const RECORDS_MAX = 2_000;
/** Versions of the table of which it is known up to where the log has landed. */
const VERSIONS_MAX = 256;
/** Cities whose trends are compared with each publication. */
const COMPARED_CITIES_MAX = 100;
const EXAMPLES_MAX = 5;

type Context = Pick<ApiContext, 'lastLanded' | 'log' | 'table' | 'logger'>;
type Begin = (publication: Publication) => Promise<Map<string, LiveCity> | null>;

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
  async statistics(
    { publication }: Current,
    cities: readonly string[],
  ): Promise<LiveAnswer<LiveStatistics>> {
    const isChosen = choose(cities);
    const begin: Begin = (published) => beginCities(published, isChosen);
    return this.#read(publication, isChosen, begin, ({ sums, merged }) => [
      { ...sums.row(), unpublished_count: merged },
    ]);
  }

  /** The same of the hours of the day; of a large publication this part. */
  async trends({ publication }: Current, part: DatasetPart): Promise<LiveAnswer<LiveTrend>> {
    const isChosen = choose(part.cities);
    const begin: Begin = (published) => beginHours(published, isChosen, part);
    return this.#read(publication, isChosen, begin, ({ sums, hours, published }) => {
      const { city_id, city } = sums.row();
      return (hours?.rows(city_id, city) ?? []).map((row) => ({
        ...row,
        unpublished_count: row.observation_count - (published.get(hourOf(row)) ?? 0),
      }));
    });
  }

  async #read<R>(
    publication: Publication | null,
    isChosen: IsChosen,
    begin: Begin,
    rowsOf: (city: LiveCity) => R[],
  ): Promise<LiveAnswer<R>> {
    const nothing = { rows: [], merged: 0, newest: null, waiting: 0 };
    if (publication === null) return { ...nothing, note: null };
    const cities = await begin(publication);
    if (cities === null) return { ...nothing, note: 'the publication is of an earlier version' };
    const asPublished = (note: string) => ({
      ...{ ...nothing, rows: [...cities.values()].flatMap(rowsOf), note },
    });
    const tail = this.#tail();
    if (tail === null) return asPublished('the log cannot be followed: as published');
    const from = this.#landed.get(publication.tableVersion);
    if (from === undefined) return asPublished('as published, until the next publication');
    const events = await tail.readSince(from, RECORDS_MAX);
    if (events === null) return asPublished(`more than ${RECORDS_MAX} records wait: as published`);
    this.#answered = publication;
    const { merged, newest, late } = mergeEvents(
      cities,
      events.filter(({ observation }) => observation !== null && isChosen(observation.city_id)),
    );
    const waiting = [...late.values()].reduce((sum, count) => sum + count, 0);
    return { rows: [...cities.values()].flatMap(rowsOf), merged, newest, waiting, note: null };
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
    const landed = await this.#landedBetween(before, next);
    if (landed === null) return;
    const found = await compareLanded(before, next, landed);
    if (found === null) return;
    const { compared, differences } = found;
    if (differences.length > 0) {
      // An import that was undone took rows away.
      const { table } = this.#context;
      const changes = await table.changes(before.tableVersion, snapshot);
      if (changes === null || changes.rowsRemoved) return;
      this.#context.logger.error(
        `live statistics differ from publication ${next.version}: ` +
          differences.slice(0, EXAMPLES_MAX).join('; '),
      );
    }
    const counts = this.#counts;
    this.#counts = {
      compared: counts.compared + compared,
      different: counts.different + differences.length,
    };
  }

  /** Null when it cannot be said. */
  async #landedBetween(before: Publication, next: Publication): Promise<TailEvent[] | null> {
    const [from, to] = [before, next].map((one) => this.#landed.get(one.tableVersion));
    const tail = this.#tail();
    if (tail === null || from === undefined || to === undefined) return null;
    // Other values have failed since.
    if (before.quality?.key !== next.quality?.key) return null;
    const events = await tail.readSince(from, RECORDS_MAX);
    return events?.filter(({ partition, offset }) => offset < (to[partition] ?? 0n)) ?? null;
  }
}

function choose(cities: readonly string[]): IsChosen {
  const chosen = new Set(cities);
  return (id) => chosen.size === 0 || chosen.has(id);
}

interface Compared {
  readonly compared: number;
  /** A sentence for each row that differs. */
  readonly differences: readonly string[];
}

/** The rows of cities of which nothing came late; null for a publication of an earlier version. */
async function compareLanded(
  before: Publication,
  next: Publication,
  landed: readonly TailEvent[],
): Promise<Compared | null> {
  const cities = await beginCities(before, () => true);
  if (cities === null) return null;
  const { late } = mergeEvents(cities, landed);
  const isCompared = (id: string) => (cities.get(id)?.merged ?? 0) > 0 && !late.has(id);
  const ids = [...cities.keys()].filter(isCompared);
  if (ids.length === 0) return { compared: 0, differences: [] };
  const statistics = compareRows(
    ids.map((id) => [id, cities.get(id)?.sums.row()]),
    new Map((await next.rows('city_statistics')).map((row) => [row.city_id, row])),
  );
  const chosen = ids.slice(0, COMPARED_CITIES_MAX);
  const part = { cities: chosen, fromCity: null, limit: chosen.length * HOURS_OF_A_CITY };
  const withHours = await beginHours(before, (id) => chosen.includes(id), part);
  if (withHours === null) return null;
  mergeEvents(withHours, landed);
  const trends = compareRows(
    [...withHours].flatMap(([id, { hours, sums }]) =>
      (hours?.rows(id, sums.city) ?? []).map((row) => [`${id} ${hourOf(row)}`, row]),
    ),
    new Map(
      (await next.rows('hourly_trends', part)).map((row) => [`${row.city_id} ${hourOf(row)}`, row]),
    ),
  );
  return {
    compared: statistics.compared + trends.compared,
    differences: [...statistics.differences, ...trends.differences],
  };
}

/** Cities that are not in the publication yet, or not any more, are not compared. */
function compareRows(
  merged: readonly (readonly [string, object | undefined])[],
  published: ReadonlyMap<string, object>,
): Compared {
  let compared = 0;
  const differences: string[] = [];
  for (const [name, row] of merged) {
    const [mine, other] = [row as Row | undefined, published.get(name) as Row | undefined];
    if (mine === undefined || other === undefined) continue;
    compared += 1;
    const columns = Object.keys(mine).filter((column) => !isClose(mine[column], other[column]));
    if (columns.length === 0) continue;
    differences.push(
      `${name} ${columns.map((column) => `${column} ${mine[column]} ≠ ${other[column]}`)}`,
    );
  }
  return { compared, differences };
}
