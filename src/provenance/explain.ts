/**
 * Provenance: from a published number to what is behind it.
 *
 *     publication → partial aggregates → data files and their commits → offsets of the log
 *                                      → raw export, import or provider's answer
 *
 * A statistic is explained at the version of the table that it was computed from, an observation at
 * the newest one. Nothing is written, and every list is bounded (`LISTED_MAX`).
 */
import type { Publication } from '../analytics/publication.ts';
import { nearest } from '../config/nearest.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import type { Dataset } from '../model/datasets.ts';
import { compareTimes } from '../model/iso-time.ts';
import {
  EXPLAINED,
  type Explained,
  type Explanation,
  ExplanationSchema,
  listEnds,
} from '../model/provenance.ts';
import type { Row } from '../sql/engine.ts';
import type { TableState } from '../table/snapshot.ts';
import { explainObservation, readWaiting } from './observation.ts';
import { explainPartials } from './partials.ts';
import { explainRaw } from './raw.ts';
import { countRejected } from './rejections.ts';
import type { Sources } from './sources.ts';
import { countRows, readNeighbours } from './table-rows.ts';

export interface Asked {
  readonly dataset: Explained;
  readonly cityId: string;
  /**
   * ISO 8601 in UTC: the observation, the anomaly, or the hour of the day (UTC) of the trends. Null for
   * all of the city.
   */
  readonly time: string | null;
  /**
   * Of a statistic that is computed for a range when it is asked for: from this time, and before that
   * one. Null for what is published.
   */
  readonly from?: string | null;
  readonly to?: string | null;
}

/** Rejects with USAGE and the name that was probably meant. */
export function parseExplained(text: string): Explained {
  const known = EXPLAINED.find((name) => name === text);
  if (known !== undefined) return known;
  throw new IsobarError('USAGE', `dataset: got ${JSON.stringify(text)}; ${meant(text, EXPLAINED)}`);
}

/**
 * Rejects with CITY_UNKNOWN, with OBSERVATION_UNKNOWN and the times before and after, PARAMETER_INVALID for a time
 * that the dataset does not have, and as the table, the storage and the engine do.
 */
export async function explain(
  sources: Sources,
  asked: Asked,
  signal?: AbortSignal,
): Promise<Explanation> {
  if (asked.dataset === 'city_statistics' && asked.time !== null) {
    const text = 'city_statistics has one row a city, of all times: leave the time out, or ask for';
    throw invalid('time', `${text} observations`);
  }
  const { from = null, to = null } = asked;
  const isRange = from !== null || to !== null;
  if (isRange && !RANGED.includes(asked.dataset)) {
    throw invalid(from === null ? 'to' : 'from', `expected with ${RANGED.join(' or ')} only`);
  }
  const explanation =
    asked.dataset === 'observations'
      ? await explainObservations(sources, asked, signal)
      : await explainDataset(sources, { ...asked, dataset: asked.dataset }, signal);
  return inOrder(explanation);
}

/** The fields as the schema has them, for those who read the JSON. */
function inOrder(explanation: Explanation): Explanation {
  const names = Object.keys(ExplanationSchema.properties) as (keyof Explanation)[];
  return Object.fromEntries(names.map((name) => [name, explanation[name]])) as Explanation;
}

/** What is computed anew for a range; anomalies are judged by the whole history. */
const RANGED: readonly Explained[] = ['city_statistics', 'hourly_trends'];

function invalid(field: string, text: string): IsobarError {
  return new IsobarError('PARAMETER_INVALID', `${field}: ${text}`, { details: { field } });
}

const NOTHING = {
  from: null,
  to: null,
  note: null,
  publication: null,
  partials: listEnds([]),
  live_months: listEnds([]),
  observation: null,
  versions: listEnds([]),
  waiting: [],
} satisfies Partial<Explanation>;

async function explainObservations(
  sources: Sources,
  { dataset, cityId, time }: Asked,
  signal?: AbortSignal,
): Promise<Explanation> {
  const state = await sources.observations.refresh(signal);
  const selected = { cityId, observedAt: time };
  const { city, months: _, ...counted } = await countRows(sources, state, selected, signal);
  const rejected = await countRejected(sources, selected);
  const waiting = await readWaiting(sources, state, selected, signal);
  if (counted.row_count + rejected.length + waiting.length === 0) {
    await assertCity(sources, state, cityId);
    if (time !== null) throw await unknownObservation(sources, state, { cityId, observedAt: time });
  }
  const common = {
    ...NOTHING,
    ...{ dataset, city_id: cityId, city, asked_at: time },
    table_version: state.version,
    ...counted,
    rejected,
    waiting,
    raw: await explainRaw(sources, counted),
  };
  if (time === null) return { ...common, state: 'landed' };
  const found = await explainObservation(sources, state, { cityId, observedAt: time });
  const landed = found.observation !== null;
  return {
    ...common,
    ...found,
    state: landed ? 'landed' : waiting.length > 0 ? 'waiting' : 'rejected',
  };
}

async function explainDataset(
  sources: Sources,
  asked: Asked & { readonly dataset: Dataset },
  signal?: AbortSignal,
): Promise<Explanation> {
  const { dataset, cityId, time, from = null, to = null } = asked;
  const newest = await sources.observations.refresh(signal);
  const publication = from === null && to === null ? await sources.publication() : null;
  const { state, note } =
    publication === null
      ? { state: newest, note: null }
      : await stateOf(sources, publication, newest);
  const selected = { cityId, observedAt: null, from, to };
  const { city, months, ...counted } = await countRows(sources, state, selected, signal);
  if (counted.row_count === 0) await assertCity(sources, newest, cityId);
  const common = {
    ...NOTHING,
    ...{ dataset, city_id: cityId, city, asked_at: time, from, to },
    table_version: state.version,
    ...counted,
    rejected: await countRejected(sources, selected),
    raw: await explainRaw(sources, counted),
  };
  if (publication === null) {
    const isRange = from !== null || to !== null;
    return { ...common, state: 'computed', note: isRange ? null : 'nothing is published yet' };
  }
  const own = (await sources.rows(publication, dataset)).filter((row) => row.city_id === cityId);
  const { listed, total } = listEnds(chooseRows(own, asked));
  const { version, computed_at, engine, table_version } = publication;
  const { path, sha256 } = publication.datasets[dataset];
  const one =
    dataset === 'anomalies' && time !== null
      ? await explainObservation(sources, newest, { cityId, observedAt: time })
      : {};
  return {
    ...common,
    ...{ state: 'published', note },
    publication: {
      ...{ version, computed_at, engine, table_version, path, sha256 },
      rows: listed.map(plainRow),
      row_count: total,
    },
    ...explainPartials(sources.aggregates(publication), dataset, months),
    ...one,
  };
}

/** The published rows that were asked for. Rejects with OBSERVATION_UNKNOWN when no row matches. */
function chooseRows(own: readonly Row[], { dataset, cityId, time }: Asked): readonly Row[] {
  if (time === null) return own;
  if (dataset === 'hourly_trends') {
    const hour = new Date(time).getUTCHours();
    return own.filter((row) => row.clock === 'utc' && row.hour === hour);
  }
  const rows = own.filter((row) => compareTimes(String(row.observed_at), time) === 0);
  if (rows.length > 0) return rows;
  const times = own.map((row) => String(row.observed_at)).sort(compareTimes);
  const before = times.findLast((one) => compareTimes(one, time) < 0) ?? null;
  const after = times.find((one) => compareTimes(one, time) > 0) ?? null;
  const text = `${cityId} has no anomaly at ${time}; ${beside({ before, after })}`;
  throw new IsobarError('OBSERVATION_UNKNOWN', text);
}

/** The state that the publication was computed from, or the newest with a note. */
async function stateOf(
  sources: Sources,
  { table_version }: Publication,
  newest: TableState,
): Promise<{ readonly state: TableState; readonly note: string | null }> {
  if (table_version === newest.version) return { state: newest, note: null };
  const changes = await sources.observations.changes(table_version, newest);
  // Commits since that changed no row: the files of before may have been removed.
  if (changes?.months.length === 0) return { state: newest, note: null };
  try {
    const state = await sources.stateAt(table_version);
    await sources.observations.localPaths(state.files);
    return { state, note: null };
  } catch (error) {
    if (!isErrorCode(error, 'TABLE_GAP', 'LAKE_MISSING')) throw error;
    const note =
      `files of version ${table_version} of the table are not kept any more: rows and files are ` +
      `those of version ${newest.version}`;
    return { state: newest, note };
  }
}

async function assertCity(sources: Sources, state: TableState, cityId: string): Promise<void> {
  const known = await sources.cityIds();
  if (known.includes(cityId)) return;
  const { row_count } = await countRows(sources, state, { cityId, observedAt: null });
  if (row_count > 0) return;
  const text = `city: unknown id ${JSON.stringify(cityId)}${hint(cityId, known)}`;
  throw new IsobarError('CITY_UNKNOWN', text, { details: { field: 'city' } });
}

async function unknownObservation(
  sources: Sources,
  state: TableState,
  asked: { readonly cityId: string; readonly observedAt: string },
): Promise<IsobarError> {
  const neighbours = await readNeighbours(sources, state, asked);
  const text = `${asked.cityId} has no observation at ${asked.observedAt}; ${beside(neighbours)}`;
  return new IsobarError('OBSERVATION_UNKNOWN', text);
}

function beside(times: { readonly before: string | null; readonly after: string | null }): string {
  return `the one before is at ${times.before ?? 'no time'}, the one after at ${times.after ?? 'no time'}`;
}

function meant(text: string, names: readonly string[]): string {
  const near = nearest(text, names);
  return near === undefined ? `expected one of ${names.join(', ')}` : `did you mean ${near}?`;
}

/** Ids have the country behind the name, which is easily left out. */
function hint(text: string, names: readonly string[]): string {
  const near = nearest(text, names) ?? names.find((name) => name.startsWith(`${text}-`));
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function plainRow(row: Row): Readonly<Record<string, string | number | boolean | null>> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? value
        : null,
    ]),
  );
}
