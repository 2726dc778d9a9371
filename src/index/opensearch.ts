/**
 * The index on OpenSearch: an index of documents (opensearch-documents.ts) behind an alias. A
 * replacement is a new one to which the alias moves at once.
 */
import { randomUUID } from 'node:crypto';
import Type from 'typebox';
import type { Config } from '../config/schema.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { Facets } from '../model/anomaly-facets.ts';
import { type AnomalyQuestion, FACET_FIELDS } from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import {
  type AnomalyIndex,
  type CommittedState,
  type Found,
  type IndexChange,
  type IndexState,
  nothingIndexed,
  nothingToUpdate,
} from './anomaly-index.ts';
import { KeptCounts } from './kept-counts.ts';
import { openSearchClient, type SearchClient } from './opensearch-client.ts';
import {
  DocumentWriter,
  FIRST_STATE,
  indexBody,
  PART_ROWS,
  type StateBody,
} from './opensearch-documents.ts';
import {
  CountAnswer,
  countBody,
  facetsOf,
  SearchAnswer,
  searchBody,
  type Visible,
} from './opensearch-search.ts';
import {
  type Located,
  locate,
  readCounts,
  stateOf,
  WriteAnswer,
  writeState,
} from './opensearch-state.ts';
import { pageOf } from './row-order.ts';

/** Generations that were given up and are still left out by name. */
const ABANDONED_MAX = 64;
/** Commits that a reader may meet in the middle of its answer. */
const ATTEMPTS_MAX = 5;
const ORPHAN_MS = 3_600_000;

const Acknowledged = Type.Object({ acknowledged: Type.Literal(true) });
const IndexList = Type.Record(
  Type.String(),
  Type.Object({
    aliases: Type.Record(Type.String(), Type.Unknown()),
    settings: Type.Object({ index: Type.Object({ creation_date: Type.String() }) }),
  }),
);

/** Made-up data has an index of its own. */
export function openOpenSearchIndex(
  config: Config['index']['opensearch'],
  simulated: boolean,
): AnomalyIndex {
  const alias = `${config.prefix}${simulated ? '-simulated' : ''}-anomalies`;
  return new OpenSearchIndex(openSearchClient(config), alias, config.replicas);
}

class OpenSearchIndex implements AnomalyIndex {
  readonly engine = 'opensearch';
  readonly #client: SearchClient;
  readonly #alias: string;
  readonly #replicas: number;
  /** Of the generation that was read last. */
  #kept: { readonly of: string; readonly counts: KeptCounts | null } | null = null;

  constructor(client: SearchClient, alias: string, replicas: number) {
    this.#client = client;
    this.#alias = alias;
    this.#replicas = replicas;
  }

  async state(signal?: AbortSignal): Promise<IndexState | null> {
    const located = await locate(this.#client, this.#alias, signal);
    return located === null ? null : stateOf(located.body);
  }

  async search(question: AnomalyQuestion, signal?: AbortSignal): Promise<Found> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const located = await locate(this.#client, this.#alias, signal);
      if (located === null || located.body.generation === 0) {
        throw nothingIndexed(this.#alias);
      }
      const found = await this.#searchIn(located, question, signal);
      // What this generation needs is kept while the one after it is the newest.
      const now = found === null ? null : await locate(this.#client, this.#alias, signal);
      const { generation } = located.body;
      const { body = FIRST_STATE, name } = now ?? {};
      const isKept = body.generation === generation || body.previous === generation;
      if (found !== null && name === located.name && isKept) return found;
    }
    throw new IsobarError('INDEX_UNAVAILABLE', `${this.#alias}: it changes too often to be read`);
  }

  async begin(kind: 'update' | 'replace', signal?: AbortSignal): Promise<IndexChange> {
    const located = kind === 'replace' ? await this.#create(signal) : await this.#claim(signal);
    const counts =
      located.body.generation === 0
        ? new KeptCounts()
        : await readCounts(this.#client, located, signal);
    return new OpenSearchChange(this.#client, this.#alias, located, counts);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#client[Symbol.asyncDispose]());
  }

  /** Null when the index was replaced meanwhile. */
  async #searchIn(
    located: Located,
    question: AnomalyQuestion,
    signal?: AbortSignal,
  ): Promise<Found | null> {
    const [rows, facets] = await Promise.all([
      this.#pageIn(located, question, signal),
      question.facets ? this.#facetsIn(located, question, signal) : null,
    ]);
    if (rows === null || (question.facets && facets === null)) return null;
    return { version: located.body.version, ...pageOf(rows, question), facets };
  }

  async #pageIn(
    { name, body }: Located,
    question: AnomalyQuestion,
    signal?: AbortSignal,
  ): Promise<Anomaly[] | null> {
    const wanted = question.limit + 1;
    const rows: Anomaly[] = [];
    let after: readonly (string | number)[] | null = null;
    for (;;) {
      const size = Math.min(PART_ROWS, wanted - rows.length);
      const part: SearchAnswer | null = await this.#client.ask({
        method: 'POST',
        path: `/${name}/_search`,
        body: searchBody(question, body, size, after),
        answer: SearchAnswer,
        missing: null,
        signal,
      });
      if (part === null) return null;
      rows.push(...part.hits.hits.map(({ _source }) => JSON.parse(_source.row) as Anomaly));
      after = part.hits.hits.at(-1)?.sort ?? null;
      if (part.hits.hits.length < size || rows.length >= wanted || after === null) return rows;
    }
  }

  async #facetsIn(
    located: Located,
    question: AnomalyQuestion,
    signal?: AbortSignal,
  ): Promise<Facets | null> {
    const kept = (await this.#countsOf(located, signal))?.facets(question) ?? null;
    if (kept !== null) return kept;
    for (const fields of [['city_id', 'kind'], FACET_FIELDS]) {
      const answer: CountAnswer | null = await this.#client.ask({
        method: 'POST',
        path: `/${located.name}/_search`,
        body: countBody(question, located.body, fields),
        answer: CountAnswer,
        missing: null,
        signal,
      });
      const facets = answer && facetsOf(answer);
      if (answer === null || facets !== null) return facets;
    }
    return null;
  }

  async #countsOf(located: Located, signal?: AbortSignal): Promise<KeptCounts | null> {
    const of = `${located.name} ${located.body.generation}`;
    if (this.#kept?.of === of) return this.#kept.counts;
    const counts = await readCounts(this.#client, located, signal);
    this.#kept = { of, counts };
    return counts;
  }

  /** Says in the state which generation is written now, and takes back what another one left. */
  async #claim(signal?: AbortSignal): Promise<Located> {
    const located = await locate(this.#client, this.#alias, signal);
    if (located === null) throw nothingToUpdate(this.#alias);
    const { generation, pending, abandoned } = located.body;
    const given = pending === 0 ? abandoned : [...abandoned, pending].slice(-ABANDONED_MAX);
    const body = {
      ...located.body,
      pending: Math.max(generation, ...given) + 1,
      abandoned: given,
    };
    const claimed = {
      ...located,
      body,
      seq: await writeState(this.#client, located, body, signal),
    };
    await new DocumentWriter(this.#client, located.name).undo(given, signal);
    return claimed;
  }

  async #create(signal?: AbortSignal): Promise<Located> {
    const name = `${this.#alias}-${Date.now()}-${randomUUID().slice(0, 8)}`;
    await this.#client.ask({
      method: 'PUT',
      path: `/${name}`,
      body: indexBody(this.#replicas, name),
      answer: Acknowledged,
      signal,
    });
    const body = { ...FIRST_STATE, pending: 1 };
    const seq = await this.#client.ask({
      method: 'PUT',
      path: `/${name}/_doc/state`,
      body,
      answer: WriteAnswer,
      signal,
    });
    return { name, body, seq };
  }
}

class OpenSearchChange implements IndexChange {
  readonly base: IndexState | null;
  readonly #client: SearchClient;
  readonly #alias: string;
  readonly #located: Located;
  readonly #writer: DocumentWriter;
  /** Of this change, for what it reads. */
  readonly #visible: Visible;
  readonly #counts: KeptCounts | null;
  readonly #put = new Set<string>();
  #rows: number;
  #isCommitted = false;

  constructor(client: SearchClient, alias: string, located: Located, counts: KeptCounts | null) {
    this.#counts = counts;
    this.#client = client;
    this.#alias = alias;
    this.#located = located;
    this.#writer = new DocumentWriter(client, located.name);
    const { body } = located;
    this.#visible = { generation: body.pending, abandoned: body.abandoned };
    this.#rows = body.rows;
    this.base = stateOf(body);
  }

  async put(bucket: string, rows: readonly Anomaly[], signal?: AbortSignal): Promise<number> {
    const isAgain = this.#put.has(bucket);
    if (isAgain) await this.#writer.refresh(signal);
    this.#put.add(bucket);
    const isEmpty = this.base === null && !isAgain;
    const options = { visible: this.#visible, isEmpty, counts: this.#counts, signal };
    const { changed, grown } = await this.#writer.put(bucket, rows, options);
    this.#rows += grown;
    reachFaultPoint('index.between-buckets');
    return changed;
  }

  async commit({ version, sha256, digests }: CommittedState): Promise<void> {
    const { body, name } = this.#located;
    const counts = this.#counts?.body() ?? null;
    if (counts !== null) await this.#writer.putCounts(body.pending, counts);
    await this.#writer.refresh();
    reachFaultPoint('index.before-commit');
    const committed: StateBody = {
      ...body,
      generation: body.pending,
      previous: body.generation,
      pending: 0,
      version,
      sha256,
      digests: { ...digests },
      rows: this.#rows,
      committed_at: new Date().toISOString(),
    };
    await writeState(this.#client, this.#located, committed);
    this.#isCommitted = true;
    if (this.base === null) await this.#move(name);
    reachFaultPoint('index.after-commit');
    reachFaultPoint('index.before-clean');
    // What is left over costs room alone, and goes with the next commit.
    await this.#writer.removeBefore(body).catch(ignoreFailure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isCommitted) return;
    this.#isCommitted = true;
    const { name, body } = this.#located;
    if (this.base === null) return this.#delete([name]).catch(ignoreFailure);
    const abandoned = [...body.abandoned, body.pending].slice(-ABANDONED_MAX);
    const given = { ...body, pending: 0, abandoned };
    await writeState(this.#client, this.#located, given).catch(ignoreFailure);
  }

  /** The alias means this index from now on, and no other. */
  async #move(name: string): Promise<void> {
    const list = await this.#client.ask({
      method: 'GET',
      path: `/${this.#alias}-*`,
      answer: IndexList,
    });
    const others = Object.entries(list).filter(([other]) => other !== name);
    const before = others.filter(([, { aliases }]) => this.#alias in aliases).map(([one]) => one);
    await this.#client.ask({
      method: 'POST',
      path: '/_aliases',
      body: {
        actions: [
          { add: { index: name, alias: this.#alias } },
          ...before.map((index) => ({ remove: { index, alias: this.#alias } })),
        ],
      },
      answer: Acknowledged,
    });
    // Those of writers that died long ago go, those of others that write now stay.
    const orphans = others
      .filter(([, { settings }]) => Date.now() - Number(settings.index.creation_date) > ORPHAN_MS)
      .map(([one]) => one);
    await this.#delete([...new Set([...before, ...orphans])]).catch(ignoreFailure);
  }

  async #delete(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const path = `/${names.join(',')}?ignore_unavailable=true`;
    await this.#client.ask({ method: 'DELETE', path, answer: Acknowledged });
  }
}

function ignoreFailure(error: unknown): void {
  if (!isErrorCode(error, 'INDEX_UNAVAILABLE', 'INDEX_BUSY', 'INDEX_REFUSED')) throw error;
}
