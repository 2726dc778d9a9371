/**
 * The publication: one numbered file names everything that was computed from one version of the
 * table, so that a reader sees all datasets of the same version or none.
 */
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { IsobarError, isErrorCode } from '../errors.ts';
import { ANALYTICS_FOLDER, publicationPath } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';

const PublishedFile = Type.Object({
  path: Type.String(),
  rows: Type.Integer({ minimum: 0 }),
  sha256: Type.String(),
});

const StateFiles = Type.Object({
  city_statistics: PublishedFile,
  coverage: PublishedFile,
  hourly_trends: PublishedFile,
});

const Layer = Type.Object({
  /** Months whose states count; the file may hold others, whose states are in a newer layer. */
  months: Type.Array(Type.String()),
  /** Whether the file holds no others. */
  whole: Type.Boolean(),
  files: StateFiles,
});

const Base = Type.Object({ months: Type.Array(Type.String()), files: StateFiles });

/** Changes with the meaning of the states, and of what is computed from them. */
export const STATES_FORMAT = 3;

/** What the next refresh goes on from. */
const StatesSchema = Type.Object({
  format: Type.Literal(STATES_FORMAT),
  layers: Type.Array(Layer),
  /** The months that are merged into one, all but the newest ones. */
  base: Type.Union([Base, Type.Null()]),
  /** Candidates in the base's months and in the others. */
  anomaly_candidates: Type.Object({ base: PublishedFile, free: PublishedFile }),
  anomaly_bounds: PublishedFile,
});

const PublicationSchema = Type.Object({
  version: Type.Integer({ minimum: 0 }),
  table_version: Type.Integer({ minimum: -1 }),
  computed_at: Type.String(),
  engine: Type.String(),
  /** Expected observations that hold a value, over all cities, in percent; null without a city. */
  coverage_pct: Type.Union([Type.Number(), Type.Null()]),
  observed_from: Type.Union([Type.String(), Type.Null()]),
  observed_to: Type.Union([Type.String(), Type.Null()]),
  not_enough_values: Type.Array(Type.String()),
  datasets: Type.Object({
    city_statistics: PublishedFile,
    hourly_trends: PublishedFile,
    anomalies: PublishedFile,
  }),
  /** Only for the refresh: see `statesOf`. */
  states: Type.Unknown(),
});

export type PublishedFile = Static<typeof PublishedFile>;
export type StateFiles = Static<typeof StateFiles>;
export type Layer = Static<typeof Layer>;
export type Base = Static<typeof Base>;
export type States = Static<typeof StatesSchema>;
export type Publication = Static<typeof PublicationSchema>;

/** The states that a publication names, or null when this program cannot go on from them. */
export function statesOf(publication: Publication | null): States | null {
  const states = publication?.states;
  return Value.Check(StatesSchema, states) ? states : null;
}

/** Whether an earlier version of this program made it, whose datasets counted otherwise. */
export function isOutdated({ states }: Publication): boolean {
  const format = (states as { readonly format?: unknown } | null)?.format;
  return typeof format === 'number' && format < STATES_FORMAT;
}

/**
 * The newest publication, or null before the first. With one that is known already it walks on from
 * there, which costs one look for a file that is not there yet.
 */
export async function readPublication(
  storage: Storage,
  known: Publication | null = null,
): Promise<Publication | null> {
  let newest = known;
  // Cleaning removes the oldest first: as long as the known one is there, none after it is gone.
  if (newest !== null && (await storage.stat(publicationPath(newest.version))) === null) {
    newest = null;
  }
  newest ??= await newestByListing(storage);
  while (newest !== null) {
    const next = await readOne(storage, newest.version + 1);
    if (next === null) return newest;
    newest = next;
  }
  return null;
}

export async function readOne(storage: Storage, version: number): Promise<Publication | null> {
  const path = publicationPath(version);
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(path);
  } catch (error) {
    if (isErrorCode(error, 'LAKE_MISSING')) return null;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new IsobarError('TABLE_CORRUPT', `${path}: it is not JSON`, { cause: error });
  }
  if (Value.Check(PublicationSchema, value)) return value;
  const [problem] = Value.Errors(PublicationSchema, value);
  const place = `${path}${problem?.instancePath ?? ''}`;
  throw new IsobarError('TABLE_CORRUPT', `${place}: ${problem?.message ?? 'it is foreign'}`);
}

async function newestByListing(storage: Storage): Promise<Publication | null> {
  let version = -1;
  for await (const { path } of storage.list(`${ANALYTICS_FOLDER}/_versions`)) {
    const number = /\/(\d{20})\.json$/.exec(path)?.[1];
    if (number !== undefined) version = Math.max(version, Number(number));
  }
  return version < 0 ? null : readOne(storage, version);
}

/**
 * Puts the publication that was made to follow `before`; rejects with LAKE_EXISTS when somebody
 * else took its number.
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
  const states = statesOf(publication);
  const datasets = Object.values(publication.datasets);
  if (states === null) return datasets;
  return [
    ...datasets,
    ...states.layers.flatMap((layer) => Object.values(layer.files)),
    ...Object.values(states.base?.files ?? {}),
    ...Object.values(states.anomaly_candidates),
    states.anomaly_bounds,
  ];
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
    const publication = await readOne(storage, version);
    for (const { path } of publication === null ? [] : filesOf(publication)) kept.add(path);
  }
  for (const folder of ['_data', '_state']) {
    for await (const file of storage.list(`${ANALYTICS_FOLDER}/${folder}`)) {
      if (kept.has(file.path) || file.modifiedAt.getTime() > now - 86_400_000) continue;
      if (await storage.delete(file.path)) removed += 1;
    }
  }
  return removed;
}
