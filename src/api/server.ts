/** What the routes share: one of each, made by `buildApp`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Answers, Ask } from './answers.ts';
import type { ApiContext } from './context.ts';
import type { Conditions } from './latest-conditions.ts';
import type { Reader } from './reader.ts';
import type { RowsReader } from './rows.ts';
import type { Condition } from './staleness.ts';
import type { StatusWatch } from './status-watch.ts';
import type { Tail } from './tail.ts';
import type { Current, Versions } from './versions.ts';

export interface Server {
  readonly context: ApiContext;
  readonly clock: () => Date;
  readonly reader: Reader;
  readonly rows: RowsReader;
  readonly versions: Versions;
  readonly answers: Answers;
  readonly status: StatusWatch;
  /** Null without a log. */
  readonly tail: Tail | null;
  /** Sends the status to the viewers when it has changed. */
  publishStatus(): void;
  /** Where the events stand. */
  position(): string;
}

/** What concerns every answer at this moment: whether we serve older things than we should. */
async function currentCondition(server: Server): Promise<Condition> {
  const { context, versions } = server;
  const failures: string[] = [];
  const { failure } = versions;
  if (failure !== null) {
    failures.push(`the newest version cannot be read (${failure.code}: ${failure.message})`);
  }
  const failed = context.publications.failure;
  if (failed !== null) {
    failures.push(`the last run of the analytics failed (${failed.code}: ${failed.message})`);
  }
  return {
    staleAfterS: context.config.stale_after_s,
    empty:
      versions.current().conditions.snapshot.rowCount > 0 ? null : await explainEmptyLake(server),
    failures,
  };
}

/** Answers from the current versions. */
export async function answer(
  server: Server,
  request: FastifyRequest,
  reply: FastifyReply,
  ask: Ask,
): Promise<FastifyReply> {
  const current = server.versions.current();
  return server.answers.send(ask, current, await currentCondition(server), request, reply);
}

/** Every city that may be asked for: watched, imported, or simply there. */
export function knownCities(server: Server): { has(id: string): boolean } {
  const { conditions } = server.versions.current();
  const listed = indexCities(server.context.cities());
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

export function tableVersionOf(current: Current): number | null {
  const { version } = current.conditions.snapshot;
  return version < 0 ? null : version;
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

/** Why nothing is there, when there is nothing at all. */
async function explainEmptyLake(server: Server): Promise<string> {
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
