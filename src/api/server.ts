/** What the routes share: one of each, made by `buildApp`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TrustedProxies } from '../config/trusted-proxies.ts';
import { compareTimes } from '../model/iso-time.ts';
import type { Answers, Ask } from './answers.ts';
import type { ApiContext } from './context.ts';
import type { Conditions } from './latest-conditions.ts';
import type { LiveStatisticsReader } from './live-statistics.ts';
import type { RateLimiting } from './rate-limiting.ts';
import type { Reader } from './reader.ts';
import type { RowsReader } from './rows.ts';
import type { Condition } from './staleness.ts';
import type { StatusWatch } from './status-watch.ts';
import type { Tail } from './tail.ts';
import type { Current, Versions } from './versions.ts';
import type { View } from './view.ts';

export interface Server {
  readonly context: ApiContext;
  readonly clock: () => Date;
  readonly reader: Reader;
  readonly rows: RowsReader;
  readonly versions: Pick<Versions, 'current' | 'failure'>;
  readonly liveStatistics: LiveStatisticsReader;
  readonly answers: Answers;
  readonly status: StatusWatch;
  /** Whose word about the visitor is believed. */
  readonly proxies: TrustedProxies;
  /** Null where nothing is limited. */
  readonly limiting: RateLimiting | null;
  /** Null without a log. */
  readonly tail: Tail | null;
  /** Sends the status to the viewers when it has changed. */
  publishStatus(): void;
  /** Where the events stand. */
  position(): string;
}

/** What concerns every answer at this moment: whether we serve older things than we should. */
async function currentCondition(view: View): Promise<Condition> {
  const { context, versions } = view;
  const failures: string[] = [];
  // Messages may name other cities.
  const shown = ({ code, message }: { readonly code: string; readonly message: string }) =>
    view.scope === null ? `${code}: ${message}` : code;
  const { failure } = versions;
  if (failure !== null) failures.push(`the newest version cannot be read (${shown(failure)})`);
  const failed = context.publications.failure;
  if (failed !== null) failures.push(`the last run of the analytics failed (${shown(failed)})`);
  return {
    staleAfterS: context.config.stale_after_s,
    empty: versions.current().conditions.newest.size > 0 ? null : await explainEmptyLake(view),
    failures,
  };
}

/** Answers from the current versions. */
export async function answer(
  view: View,
  request: FastifyRequest,
  reply: FastifyReply,
  ask: Ask,
): Promise<FastifyReply> {
  const limited: Ask = (current) => {
    const seen = view.limit(current);
    return view.mark(ask(seen), seen);
  };
  return view.answers.send(limited, view.whole(), await currentCondition(view), request, reply);
}

/** Answers with how things are now, which is out of date at the next request. */
export function sendNow(reply: FastifyReply, answer: object): FastifyReply {
  reply.header('cache-control', 'no-store').type('application/json; charset=utf-8');
  return reply.send(JSON.stringify(answer));
}

/** Every city that may be asked for: watched, imported, or simply there. */
export function knownCities(view: View): { has(id: string): boolean } {
  const { conditions } = view.versions.current();
  const listed = indexCities(view.context.cities());
  return { has: (id) => listed.has(id) || conditions.newest.has(id) };
}

const indexes = new WeakMap<object, ReadonlyMap<string, City>>();

/** id → city; made once for each array. */
export function indexCities(cities: readonly City[]): ReadonlyMap<string, City> {
  let index = indexes.get(cities);
  if (index === undefined) {
    index = new Map(cities.map((city) => [city.city_id, city]));
    indexes.set(cities, index);
  }
  return index;
}

type City = ReturnType<ApiContext['cities']>[number];

const listNumbers = new WeakMap<object, number>();
let listCount = 0;

/** Another list of cities is another number. */
export function listNumber(list: readonly City[]): number {
  const number = listNumbers.get(list) ?? listCount++;
  listNumbers.set(list, number);
  return number;
}

const sortedIds = new WeakMap<Conditions, readonly string[]>();

/** These cities, or without any the first `max` by id of those that have an observation. */
export function chosenCities(
  conditions: Conditions,
  cities: readonly string[],
  max: number,
): readonly string[] {
  if (cities.length > 0) return cities;
  let ids = sortedIds.get(conditions);
  if (ids === undefined) {
    ids = [...conditions.newest.keys()].sort();
    sortedIds.set(conditions, ids);
  }
  return ids.slice(0, max);
}

export function tableVersionOf(current: Current): number | null {
  const { version } = current.conditions.snapshot;
  return version < 0 ? null : version;
}

/** The version of the table that the published datasets were made from. */
export function publishedVersionOf(current: Current): number | null {
  return current.publication?.tableVersion ?? tableVersionOf(current);
}

/** What an answer from the newest publication alone depends on. */
export function fromPublication(current: Current, asked: object) {
  const version = current.publication?.version ?? null;
  return {
    key: JSON.stringify([version, asked]),
    basis: 'publication',
    tableVersion: publishedVersionOf(current),
    analyticsVersion: version,
  } as const;
}

/** Sources of the observations of these cities (all when empty), in order. */
export function sourcesOf(conditions: Conditions, cities: readonly string[]): readonly string[] {
  const sources = new Set<string>();
  const lists =
    cities.length === 0
      ? conditions.sources.values()
      : cities.map((city) => conditions.sources.get(city) ?? []);
  for (const list of lists) for (const source of list) sources.add(source);
  return [...sources].sort();
}

/** Time of the newest observation of these cities (all when empty); null without any. */
export function newestOf(conditions: Conditions, cities: readonly string[]): string | null {
  if (cities.length === 0) return conditions.observedTo;
  let newest: string | null = null;
  for (const city of cities) {
    const time = conditions.newest.get(city)?.observed_at;
    if (time !== undefined && (newest === null || Date.parse(time) > Date.parse(newest))) {
      newest = time;
    }
  }
  return newest;
}

/** Time of the oldest observation of these cities (all when empty); null without any. */
export function oldestOf(conditions: Conditions, cities: readonly string[]): string | null {
  if (cities.length === 0) return conditions.observedFrom;
  let oldest: string | null = null;
  for (const city of cities) {
    const time = conditions.oldest.get(city);
    if (time !== undefined && (oldest === null || compareTimes(time, oldest) < 0)) oldest = time;
  }
  return oldest;
}

/** What is the same in the facts of all that is computed from these cities' observations. */
export function factsOf(server: Server, { conditions }: Current, cities: readonly string[]) {
  const newest = newestOf(conditions, cities);
  return {
    sources: sourcesOf(conditions, cities),
    observedFrom: oldestOf(conditions, cities),
    observedTo: newest,
    newest,
    computedAt: server.clock().toISOString(),
    coveragePct: null,
  };
}

/** Why nothing is there, when there is nothing at all. */
async function explainEmptyLake(server: View): Promise<string> {
  if (server.scope !== null) return 'no observation of these cities has landed yet';
  const status = await server.status.get().catch(() => null);
  const waiting = status?.log.partitions.reduce((sum, { waiting }) => sum + waiting, 0) ?? 0;
  const collector = status?.collector;
  const parts = ['no observation has landed yet'];
  if (waiting > 0)
    parts.push(`${waiting} ${waiting === 1 ? 'record waits' : 'records wait'} in the log`);
  if (collector !== undefined && collector !== null && collector.state !== 'live') {
    parts.push(`the collector is ${collector.state.replaceAll('_', ' ')}: ${collector.message}`);
  }
  if (status?.landing.error) parts.push(`landing fails: ${status.landing.error.message}`);
  return parts.join('; ');
}
