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

const MonthStates = Type.Object({
  city_statistics: PublishedFile,
  hourly_trends: PublishedFile,
});

const PublicationSchema = Type.Object({
  version: Type.Integer({ minimum: 0 }),
  table_version: Type.Integer({ minimum: -1 }),
  computed_at: Type.String(),
  engine: Type.String(),
  /** Expected slots that hold a value, over all cities, in percent; null without a city. */
  coverage_pct: Type.Union([Type.Number(), Type.Null()]),
  observed_from: Type.Union([Type.String(), Type.Null()]),
  observed_to: Type.Union([Type.String(), Type.Null()]),
  not_enough_values: Type.Array(Type.String()),
  datasets: Type.Object({
    city_statistics: PublishedFile,
    hourly_trends: PublishedFile,
    anomalies: PublishedFile,
  }),
  states: Type.Object({
    months: Type.Record(Type.String(), MonthStates),
    /** The months that are merged in `base`, all but the newest ones. */
    base: Type.Union([
      Type.Object({ months: Type.Array(Type.String()), files: MonthStates }),
      Type.Null(),
    ]),
    anomaly_candidates: PublishedFile,
    anomaly_bounds: PublishedFile,
  }),
});

export type PublishedFile = Static<typeof PublishedFile>;
export type MonthStates = Static<typeof MonthStates>;
export type Publication = Static<typeof PublicationSchema>;

/** The newest publication above `known` (which one is found by walking on), or null. */
export async function readPublication(
  storage: Storage,
  known: Publication | null = null,
): Promise<Publication | null> {
  let newest = known ?? (await newestByListing(storage));
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

/** Puts the publication; rejects with LAKE_EXISTS when somebody else took its number. */
export async function putPublication(storage: Storage, publication: Publication): Promise<void> {
  const text = `${JSON.stringify(publication, null, 1)}\n`;
  try {
    await storage.putIfAbsent(publicationPath(publication.version), Buffer.from(text));
  } catch (error) {
    if (!isErrorCode(error, 'LAKE_EXISTS', 'LAKE_UNAVAILABLE')) throw error;
    const there = await readOne(storage, publication.version);
    // The answer to a put that succeeded may have been lost.
    if (JSON.stringify(there) !== JSON.stringify(publication)) throw error;
  }
}

/** Every file that a publication names. */
export function filesOf(publication: Publication): PublishedFile[] {
  const { datasets, states } = publication;
  const months = Object.values(states.months).flatMap((month) => Object.values(month));
  const base = states.base === null ? [] : Object.values(states.base.files);
  return [
    ...Object.values(datasets),
    ...months,
    ...base,
    states.anomaly_candidates,
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
