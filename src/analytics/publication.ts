/**
 * The publication: one numbered file names everything that was computed from one version of the
 * table, so that a reader sees all datasets of the same version or none.
 */
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { asIsobarError, IsobarError, isErrorCode } from '../errors.ts';
import { ANALYTICS_FOLDER, publicationPath } from '../lake/layout.ts';
import { readJson } from '../lake/read-json.ts';
import type { Storage } from '../lake/storage.ts';

const Month = Type.String({ pattern: '^(\\d{4}-\\d{2})?$' });
const Time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}' });

const PublishedFile = Type.Object({
  path: Type.String({ pattern: `^${ANALYTICS_FOLDER}/_(data|partials)/` }),
  rows: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});

const MergedFiles = {
  city_statistics: PublishedFile,
  coverage: PublishedFile,
  hourly_trends: PublishedFile,
};

const PartialFiles = Type.Object({ ...MergedFiles, days: PublishedFile });

/** Days are not merged over months: the rollup holds the months of the city's clock before its last. */
const RollupFiles = Type.Object({
  ...MergedFiles,
  month_rows: PublishedFile,
  calendar_months: PublishedFile,
});

const Partial = Type.Object({
  /** Months that count; the file may hold others, which a newer partial aggregate replaces. */
  months: Type.Array(Month),
  /** Whether the file holds no others. */
  whole: Type.Boolean(),
  /** Which engine computed it; 0.1.0 did not write it. */
  engine: Type.Optional(Type.String()),
  files: PartialFiles,
});

const Rollup = Type.Object({ months: Type.Array(Month), files: RollupFiles });

/** Changes with the meaning of the aggregates, and of what is computed from them. */
export const AGGREGATES_FORMAT = 7;

/** What the next refresh goes on from. */
const AggregatesSchema = Type.Object({
  format: Type.Literal(AGGREGATES_FORMAT),
  partials: Type.Array(Partial),
  /** The months that are merged into one, all but the newest ones. */
  rollup: Type.Union([Rollup, Type.Null()]),
  /** Days of the months that have no partial; null when each has one. */
  days_live: Type.Union([PublishedFile, Type.Null()]),
  /** Of these months, days of rows that came since: JSON lines; null where none came. */
  days_appended: Type.Union([PublishedFile, Type.Null()]),
  /** Candidates in the rollup's months and in the others. */
  anomaly_candidates: Type.Object({ rollup: PublishedFile, free: PublishedFile }),
  anomaly_bounds: PublishedFile,
});

const QualityMonth = Type.Object({
  month: Month,
  /** Of the table, whose rows of the month were checked. */
  table_version: Type.Integer({ minimum: 0 }),
  /** Values that failed, and that are suspect. */
  failed: Type.Integer({ minimum: 0 }),
  suspect: Type.Integer({ minimum: 0 }),
  /** Of the failed values: what the datasets of the month depend on. */
  failed_sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** Null where no file was written. */
  flags: Type.Union([PublishedFile, Type.Null()]),
  /** Differences from the neighbours by day; null where no file was written. */
  drift: Type.Optional(Type.Union([PublishedFile, Type.Null()])),
});

/** Quality control of the months that were checked so far. */
const QualitySchema = Type.Object({
  /** Where the stations were. */
  places: PublishedFile,
  months: Type.Array(QualityMonth),
});

const EventsMonth = Type.Object({
  month: Month,
  /** Of the months that its events depend on, as they were checked. */
  basis_sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** Null where no file was written. */
  events: Type.Union([PublishedFile, Type.Null()]),
  /** Those of the climatological test, which are suspect; null where no file was written. */
  flags: Type.Optional(Type.Union([PublishedFile, Type.Null()])),
  /** Values that it alone finds suspect. */
  suspect: Type.Optional(Type.Integer({ minimum: 0 })),
  /** City → days that are known of it while the rule learns, at the end of the month. */
  learning: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
});

/** One a second reaches it in 30,000 years: a file of a higher number is not ours. */
const VERSION_MAX = 1e12;

const PublicationSchema = Type.Object({
  version: Type.Integer({ minimum: 1, maximum: VERSION_MAX }),
  table_version: Type.Integer({ minimum: -1 }),
  computed_at: Time,
  engine: Type.String({ pattern: '^[a-z]+$' }),
  /** Expected observations that hold a value, over all cities, in percent; null without a city. */
  coverage_pct: Type.Union([Type.Number(), Type.Null()]),
  observed_from: Type.Union([Time, Type.Null()]),
  observed_to: Type.Union([Time, Type.Null()]),
  not_enough_values: Type.Array(Type.String()),
  datasets: Type.Object({
    city_statistics: PublishedFile,
    hourly_trends: PublishedFile,
    anomalies: PublishedFile,
  }),
  /** Values that failed are not in the datasets. Without it no value was checked. */
  quality: Type.Optional(QualitySchema),
  /** Events of the rule seasonal, of the months that were judged so far. */
  events: Type.Optional(Type.Array(EventsMonth)),
  /** Only for the refresh: see `aggregatesOf`. */
  aggregates: Type.Unknown(),
});

export type PublishedFile = Static<typeof PublishedFile>;
export type PartialFiles = Static<typeof PartialFiles>;
export type RollupFiles = Static<typeof RollupFiles>;
export type Partial = Static<typeof Partial>;
export type Rollup = Static<typeof Rollup>;
export type Aggregates = Static<typeof AggregatesSchema>;
export type Quality = Static<typeof QualitySchema>;
export type QualityMonth = Static<typeof QualityMonth>;
export type EventsMonth = Static<typeof EventsMonth>;
export type Publication = Static<typeof PublicationSchema>;

/** The partial aggregates that a publication names, or null when this program cannot continue from them. */
export function aggregatesOf(publication: Publication | null): Aggregates | null {
  const aggregates = publication?.aggregates;
  return Value.Check(AggregatesSchema, aggregates) ? aggregates : null;
}

/** Whether an earlier version of this program made it, whose datasets counted otherwise. */
export function isOutdated({ aggregates }: Publication): boolean {
  const format = (aggregates as { readonly format?: unknown } | null)?.format;
  return Number.isInteger(format) && Number(format) > 0 && Number(format) < AGGREGATES_FORMAT;
}

/** What is wrong with its partial aggregates, as a list of at most one sentence. */
export function aggregatesProblem(publication: Publication): string[] {
  const { aggregates, version } = publication;
  if (aggregatesOf(publication) !== null || isOutdated(publication)) return [];
  const [problem] = Value.Errors(AggregatesSchema, aggregates);
  const why = problem === undefined ? '' : `: ${problem.instancePath} ${problem.message}`;
  return [`publication ${version}: its partial aggregates are of an unknown form${why}`];
}

/** Called with the path of a publication that is skipped and the problem with it. */
export type OnGarbled = (path: string, problem: string) => void;

/**
 * The newest publication, or null before the first. With one that is known already it walks on from
 * there, which costs one look for a file that is not there yet. One that is damaged, or says another
 * number than its name, is stepped over.
 */
export async function readPublication(
  storage: Storage,
  known: Publication | null = null,
  onGarbled: OnGarbled = () => {},
): Promise<Publication | null> {
  let newest = known;
  // Cleaning removes the oldest first: as long as the known one is there, none after it is gone.
  if (newest !== null && (await storage.stat(publicationPath(newest.version))) === null) {
    newest = null;
  }
  newest ??= await newestByListing(storage, onGarbled);
  if (newest === null) return null;
  for (let version = newest.version + 1; ; version++) {
    const next = await readSound(storage, version, onGarbled);
    if (next === 'missing') return newest;
    if (next !== 'garbled') newest = next;
  }
}

/** The publication of this number; null when there is none. Rejects with TABLE_CORRUPT. */
export async function readOne(storage: Storage, version: number): Promise<Publication | null> {
  const path = publicationPath(version);
  const value = withNewNames(await readJson(storage, path));
  if (value === undefined) return null;
  if (!Value.Check(PublicationSchema, value)) {
    const [problem] = Value.Errors(PublicationSchema, value);
    const place = `${path}${problem?.instancePath ?? ''}`;
    throw new IsobarError('TABLE_CORRUPT', `${place}: ${problem?.message ?? 'it is foreign'}`);
  }
  if (value.version !== version) {
    const text = `${path}: it says that it is publication ${value.version}`;
    throw new IsobarError('TABLE_CORRUPT', text);
  }
  return value;
}

/** In 0.1.0 `aggregates` were called `states`. */
function withNewNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('states' in value)) return value;
  const { states, ...rest } = value;
  return { aggregates: states, ...rest };
}

async function readSound(
  storage: Storage,
  version: number,
  onGarbled: OnGarbled,
): Promise<Publication | 'missing' | 'garbled'> {
  try {
    const found = await readOne(storage, version);
    if (found === null) return 'missing';
    for (const { path } of Object.values(found.datasets)) {
      if ((await storage.stat(path)) !== null) continue;
      throw new IsobarError('TABLE_CORRUPT', `${publicationPath(version)}: ${path} is missing`);
    }
    return found;
  } catch (error) {
    if (!isErrorCode(error, 'TABLE_CORRUPT', 'FILE_TOO_LARGE', 'FILE_NOT_REGULAR')) throw error;
    onGarbled(publicationPath(version), asIsobarError(error).message);
    return 'garbled';
  }
}

/** The numbers of all files that are called like publications, ascending. */
export async function listPublications(
  storage: Storage,
  onGarbled: OnGarbled = () => {},
): Promise<number[]> {
  const versions: number[] = [];
  for await (const { path } of storage.list(`${ANALYTICS_FOLDER}/_versions`)) {
    const digits = /\/(\d{20})\.json$/.exec(path)?.[1];
    if (digits === undefined) continue;
    if (Number(digits) <= VERSION_MAX) versions.push(Number(digits));
    else onGarbled(path, `${path}: no publication has so high a number`);
  }
  return versions;
}

async function newestByListing(
  storage: Storage,
  onGarbled: OnGarbled = () => {},
): Promise<Publication | null> {
  for (const version of (await listPublications(storage, onGarbled)).reverse()) {
    const found = await readSound(storage, version, onGarbled);
    if (typeof found === 'object') return found;
  }
  return null;
}

/**
 * The number of the publication that follows: the next that is free, damaged ones are stepped over.
 * Rejects with LAKE_EXISTS when another process has published meanwhile.
 */
export async function nextVersion(storage: Storage, before: Publication | null): Promise<number> {
  for (let version = (before?.version ?? 0) + 1; ; version++) {
    const there = await readSound(storage, version, () => {});
    if (there === 'missing') return version;
    if (there === 'garbled') continue;
    throw new IsobarError('LAKE_EXISTS', `${publicationPath(version)}: it was published meanwhile`);
  }
}

/**
 * Puts the publication that was made to follow `before`; rejects with LAKE_EXISTS when another
 * process took its number.
 */
export async function putPublication(
  storage: Storage,
  publication: Publication,
  before: Publication | null,
): Promise<void> {
  const path = publicationPath(publication.version);
  const text = `${JSON.stringify(publication, null, 1)}\n`;
  try {
    await storage.putIfAbsent(path, Buffer.from(text));
  } catch (error) {
    if (!isErrorCode(error, 'LAKE_EXISTS', 'LAKE_UNAVAILABLE')) throw error;
    const there = await readOne(storage, publication.version);
    // The answer to a put that succeeded may have been lost.
    if (JSON.stringify(there) !== JSON.stringify(publication)) throw error;
  }
  // A process that slept for days may find its number free because cleaning has passed over it.
  if (before !== null && (await storage.stat(publicationPath(before.version))) !== null) return;
  const newest = await newestByListing(storage);
  if (newest === null || newest.version <= publication.version) return;
  await storage.delete(path);
  throw new IsobarError('LAKE_EXISTS', `${path}: publication ${newest.version} is newer`);
}

/** Every file that a publication names. */
export function filesOf(publication: Publication): PublishedFile[] {
  const aggregates = aggregatesOf(publication);
  const shown = [
    ...Object.values(publication.datasets),
    ...qualityFiles(publication.quality),
    ...(publication.events ?? []).flatMap(({ events, flags }) => written(events, flags)),
  ];
  if (aggregates === null) return shown;
  return [
    ...shown,
    ...aggregates.partials.flatMap((partial) => Object.values(partial.files)),
    ...Object.values(aggregates.rollup?.files ?? {}),
    ...written(aggregates.days_live, aggregates.days_appended),
    ...Object.values(aggregates.anomaly_candidates),
    aggregates.anomaly_bounds,
  ];
}

function qualityFiles(quality: Quality | undefined): PublishedFile[] {
  if (quality === undefined) return [];
  const { places, months } = quality;
  return [places, ...months.flatMap(({ flags, drift }) => written(flags, drift))];
}

function written(...files: readonly (PublishedFile | null | undefined)[]): PublishedFile[] {
  return files.filter((file) => file !== null && file !== undefined);
}

/**
 * Removes publications that are older than `keepDays`, but never the newest, and files that no
 * publication left names; resolves with how many files it removed. A file that no publication
 * names is kept for a day: one may be in the making.
 */
export async function cleanPublications(
  storage: Storage,
  keepDays: number,
  clock: () => Date = () => new Date(),
): Promise<number> {
  const newest = await readPublication(storage);
  if (newest === null) return 0;
  const now = clock().getTime();
  let removed = 0;
  const kept = new Set(filesOf(newest).map((file) => file.path));
  for await (const file of storage.list(`${ANALYTICS_FOLDER}/_versions`)) {
    const version = Number(/\/(\d{20})\.json$/.exec(file.path)?.[1] ?? Number.NaN);
    if (!(version < newest.version)) continue;
    if (file.modifiedAt.getTime() < now - keepDays * 86_400_000) {
      if (await storage.delete(file.path)) removed += 1;
      continue;
    }
    const publication = await readSound(storage, version, () => {});
    if (typeof publication === 'string') continue;
    for (const { path } of filesOf(publication)) kept.add(path);
  }
  // The last is that of 0.1.0.
  for (const folder of ['_data', '_partials', '_state']) {
    for await (const file of storage.list(`${ANALYTICS_FOLDER}/${folder}`)) {
      if (kept.has(file.path) || file.modifiedAt.getTime() > now - 86_400_000) continue;
      if (await storage.delete(file.path)) removed += 1;
    }
  }
  return removed;
}
