/**
 * The server as whoever asks may see it: all of it, or only some cities. Everything that is answered
 * comes from a view, so that rows, counts, facts and events of other cities are left out wherever an
 * answer is made; answers of a limited view are kept under the digest of its cities.
 */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { IsobarError } from '../errors.ts';
import { type CityScope, formatScope, isInScope } from '../model/access.ts';
import type { City } from '../model/city.ts';
import type { Question } from './answers.ts';
import type { Publication } from './context.ts';
import type { Conditions } from './latest-conditions.ts';
import { parseCities } from './parameters.ts';
import { indexCities, knownCities, listNumber, newestOf, oldestOf, type Server } from './server.ts';
import type { Current } from './versions.ts';

export interface View extends Server {
  /** Null for all cities. */
  readonly scope: CityScope | null;
  /** What the server has; `versions` are those of the view. */
  whole(): Current;
  /** What the view has of these versions. */
  limit(current: Current): Current;
  /** The question under a key that only views of the same cities have. */
  mark(question: Question, current: Current): Question;
  /** Whether rows, events and incidents of this city belong to the view. */
  allows(cityId: string, country?: string): boolean;
}

/** Cities of a limited view at most: each question names them all. */
const CITIES_MAX = 10_000;
/** Parts that are kept of each version and list. */
const PARTS_KEPT_MAX = 32;

export function viewOf(server: Server, { principal }: Pick<FastifyRequest, 'principal'>): View {
  const scope = principal?.cities ?? null;
  return scope === null ? openView(server) : limitedView(server, scope);
}

function openView(server: Server): View {
  return Object.assign(Object.create(server) as Server, {
    scope: null,
    whole: () => server.versions.current(),
    limit: (current: Current) => current,
    mark: (question: Question) => question,
    allows: () => true,
  });
}

function limitedView(server: Server, scope: CityScope): View {
  const { context, versions } = server;
  const name = formatScope(scope);
  const list = context.cities();
  const cities = keep(list, name, () => list.filter((city) => isInScope(scope, city)));
  const allows = (id: string, country = '') =>
    isInScope(scope, indexCities(list).get(id) ?? { city_id: id, country });
  const limit = ({ conditions, publication }: Current): Current => {
    const limited = keep(conditions, `${listNumber(list)} ${name}`, () =>
      limitConditions(conditions, allows),
    );
    const has = (id: string) => (conditions.newest.has(id) ? limited.newest.has(id) : allows(id));
    const first = limited.observedFrom?.slice(0, 7) ?? '';
    const seen = publication && limitPublication(publication, has, first);
    return { conditions: limited, publication: seen };
  };
  return Object.assign(Object.create(server) as Server, {
    scope,
    whole: () => versions.current(),
    limit,
    allows,
    mark(question: Question, limited: Current): Question {
      const { key, etagKey = key } = question;
      const { conditions } = limited;
      const digest = keep(conditions, `digest ${listNumber(cities)}`, () =>
        digestOf(idsOf(cities, conditions)),
      );
      return { ...question, key: `${digest} ${key}`, etagKey: `${digest} ${etagKey}` };
    },
    context: Object.assign(Object.create(context) as typeof context, { cities: () => cities }),
    versions: {
      current: () => limit(versions.current()),
      get failure() {
        return versions.failure;
      },
    },
  });
}

/**
 * Ids for a question to which none means all: those that were asked for, and in a limited view
 * otherwise all of its cities. Rejects with CITY_UNKNOWN, also for cities of others, and with
 * ACCESS_DENIED for a view that has no city, or too many.
 */
export function citiesOf(view: View, asked: readonly string[] | undefined): readonly string[] {
  const cities = namedCities(view, asked);
  if (cities.length > 0 || view.scope === null) return cities;
  const ids = allIds(view, view.versions.current());
  if (ids.length > 0 && ids.length <= CITIES_MAX) return ids;
  const limited = `access is limited to ${formatScope(view.scope).slice(0, 200)}`;
  const why =
    ids.length === 0
      ? 'no city here is one of these'
      : `${ids.length} cities are more than ${CITIES_MAX}; name them with city, or narrow the limit`;
  throw new IsobarError('ACCESS_DENIED', `${limited}: ${why}`);
}

/** Ids that were asked for. Rejects with CITY_UNKNOWN. */
export function namedCities(view: View, asked: readonly string[] | undefined): readonly string[] {
  return parseCities(asked, knownCities(view));
}

/** Every city that is watched, was imported, or is simply there; in order. */
export function allIds(view: View, { conditions }: Current): readonly string[] {
  return idsOf(view.context.cities(), conditions);
}

function idsOf(list: readonly City[], conditions: Conditions): readonly string[] {
  return keep(conditions, `ids ${listNumber(list)}`, () => {
    const ids = new Set(list.map(({ city_id }) => city_id));
    for (const id of conditions.newest.keys()) ids.add(id);
    return [...ids].sort();
  });
}

function digestOf(ids: readonly string[]): string {
  return createHash('sha256').update(ids.join(',')).digest('base64url').slice(0, 22);
}

function limitConditions(all: Conditions, allows: View['allows']): Conditions {
  const newest = new Map([...all.newest].filter(([id, { country }]) => allows(id, country ?? '')));
  const isIn = ([id]: readonly [string, unknown]) => newest.has(id);
  const oldest = new Map([...all.oldest].filter(isIn));
  const ids = [...newest.keys()];
  // Without ids they would be those of all.
  const [from, to] = ids.length === 0 ? [null, null] : [oldestOf(all, ids), newestOf(all, ids)];
  return {
    snapshot: all.snapshot,
    newest,
    oldest,
    sources: new Map([...all.sources].filter(isIn)),
    observedFrom: from,
    observedTo: to,
  };
}

/** `first` is the month in which the observations of the view begin. */
function limitPublication(
  all: Publication,
  has: (id: string) => boolean,
  first: string,
): Publication {
  const only = async <R extends { readonly city_id: string }>(rows: Promise<readonly R[]>) =>
    (await rows).filter(({ city_id }) => has(city_id));
  return {
    ...{ version: all.version, tableVersion: all.tableVersion, computedAt: all.computedAt },
    notEnoughValues: all.notEnoughValues.filter(has),
    quality: all.quality,
    judgedMonths: first === '' ? [] : all.judgedMonths.filter((month) => month >= first),
    learning: all.learning.filter(({ city_id }) => has(city_id)),
    events: (selection) => only(all.events(selection)),
    failedFlagPaths: (range) => all.failedFlagPaths(range),
    drift: (selection) => only(all.drift(selection)),
    flags: (selection) => only(all.flags(selection)),
    asked: () => all.asked(),
    prepare: (datasets) => all.prepare(datasets),
    rows: (dataset, part) => only(all.rows(dataset, part)),
    climate: (dataset, selection, signal) => only(all.climate(dataset, selection, signal)),
    cityDays: (selection, signal) => only(all.cityDays(selection, signal)),
  };
}

const parts = new WeakMap<object, Map<string, unknown>>();

/** What this name has of the whole, made once as long as few others are asked for. */
function keep<T>(whole: object, name: string, make: () => T): T {
  let made = parts.get(whole);
  if (made === undefined) {
    made = new Map();
    parts.set(whole, made);
  }
  const known = made.get(name) as T | undefined;
  const part = known ?? make();
  made.delete(name);
  made.set(name, part);
  const [first = name] = made.keys();
  if (made.size > PARTS_KEPT_MAX) made.delete(first);
  return part;
}
