/**
 * The index on OpenSearch: an index of documents (opensearch-documents.ts) behind an alias. A
 * replacement is a new one to which the alias moves at once.
 */
import { randomUUID } from 'node:crypto';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import type { Config } from '../config/schema.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { AnomalyQuestion } from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import {
  type AnomalyIndex,
  type CommittedState,
  type Found,
  type IndexChange,
  type IndexState,
  nothingIndexed,
  nothingToUpdate,
  replacedMeanwhile,
} from './anomaly-index.ts';
import { openSearchClient, type SearchClient } from './opensearch-client.ts';
import {
  DocumentWriter,
  FIRST_STATE,
  indexBody,
  PART_ROWS,
  StateBody,
  writingAlias,
} from './opensearch-documents.ts';
import { facetsOf, SearchAnswer, searchBody, type Visible } from './opensearch-search.ts';
import { pageOf } from './row-order.ts';

/** Generations that were given up and are still left out by name. */
const ABANDONED_MAX = 64;
/** Commits that a reader may meet in the middle of its answer. */
const ATTEMPTS_MAX = 5;
const ORPHAN_MS = 3_600_000;

const GetAnswer = Type.Object({
  _index: Type.String(),
  _seq_no: Type.Integer(),
  _primary_term: Type.Integer(),
  _source: Type.Unknown(),
});
const WriteAnswer = Type.Object({ _seq_no: Type.Integer(), _primary_term: Type.Integer() });
const Acknowledged = Type.Object({ acknowledged: Type.Literal(true) });
const IndexList = Type.Record(
  Type.String(),
  Type.Object({
    aliases: Type.Record(Type.String(), Type.Unknown()),
    settings: Type.Object({ index: Type.Object({ creation_date: Type.String() }) }),
  }),
);

/** The state document, where it is, and which writing of it it was. */
interface Located {
  readonly name: string;
  readonly seq: Static<typeof WriteAnswer>;
  readonly body: StateBody;
}

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

  constructor(client: SearchClient, alias: string, replicas: number) {
    this.#client = client;
    this.#alias = alias;
    this.#replicas = replicas;
  }

  async state(signal?: AbortSignal): Promise<IndexState | null> {
    const located = await this.#locate(this.#alias, signal);
    return located === null ? null : stateOf(located.body);
  }

  async search(question: AnomalyQuestion, signal?: AbortSignal): Promise<Found> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const located = await this.#locate(this.#alias, signal);
      if (located === null || located.body.generation === 0) {
        throw nothingIndexed(this.#alias);
      }
      const found = await this.#searchIn(located, question, signal);
      // What this generation needs is kept while the one after it is the newest.
      const now = found === null ? null : await this.#locate(this.#alias, signal);
      const { generation } = located.body;
      const { body = FIRST_STATE, name } = now ?? {};
      const isKept = body.generation === generation || body.previous === generation;
      if (found !== null && name === located.name && isKept) return found;
    }
    throw new IsobarError('INDEX_UNAVAILABLE', `${this.#alias}: it changes too often to be read`);
  }

  async begin(kind: 'update' | 'replace', signal?: AbortSignal): Promise<IndexChange> {
    const located = kind === 'replace' ? await this.#create(signal) : await this.#claim(signal);
    return new OpenSearchChange(this.#client, this.#alias, located);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#client[Symbol.asyncDispose]());
  }

  /** Null without an index of this format. */
  async #locate(place: string, signal?: AbortSignal): Promise<Located | null> {
    const answer = await this.#client.ask({
      method: 'GET',
      path: `/${place}/_doc/state`,
      answer: GetAnswer,
      missing: null,
      signal,
    });
    if (answer === null || !Value.Check(StateBody, answer._source)) return null;
    const { _index: name, _source: body, _seq_no, _primary_term } = answer;
    return { name, body, seq: { _seq_no, _primary_term } };
  }

  /** Null when the index was replaced meanwhile. */
  async #searchIn(
    { name, body }: Located,
    question: AnomalyQuestion,
    signal?: AbortSignal,
  ): Promise<Found | null> {
    const wanted = question.limit + 1;
    const rows: Anomaly[] = [];
    let first: SearchAnswer | null = null;
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
      first ??= part;
      rows.push(...part.hits.hits.map(({ _source }) => JSON.parse(_source.row) as Anomaly));
      after = part.hits.hits.at(-1)?.sort ?? null;
      if (part.hits.hits.length < size || rows.length >= wanted || after === null) break;
    }
    return { version: body.version, ...pageOf(rows, question), facets: facetsOf(first) };
  }

  /** Says in the state which generation is written now, and takes back what another one left. */
  async #claim(signal?: AbortSignal): Promise<Located> {
    const located = await this.#locate(this.#alias, signal);
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
  readonly #put = new Set<string>();
  #rows: number;
  #isCommitted = false;

  constructor(client: SearchClient, alias: string, located: Located) {
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
    const options = { visible: this.#visible, isEmpty, signal };
    const { changed, grown } = await this.#writer.put(bucket, rows, options);
    this.#rows += grown;
    reachFaultPoint('index.between-buckets');
    return changed;
  }

  async commit({ version, sha256, digests }: CommittedState): Promise<void> {
    const { body, name } = this.#located;
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
    const kept = { generation: body.generation, abandoned: body.abandoned };
    await this.#writer.removeBefore(kept).catch(ignoreFailure);
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

/** Only if it is still what was read; rejects with INDEX_BUSY otherwise. */
async function writeState(
  client: SearchClient,
  { name, seq }: Located,
  body: StateBody,
  signal?: AbortSignal,
): Promise<Static<typeof WriteAnswer>> {
  const condition = `if_seq_no=${seq._seq_no}&if_primary_term=${seq._primary_term}`;
  const written = await client.ask({
    method: 'PUT',
    path: `/${writingAlias(name)}/_doc/state?require_alias=true&${condition}`,
    body,
    answer: WriteAnswer,
    missing: null,
    signal,
  });
  if (written !== null) return written;
  throw replacedMeanwhile(name);
}

function stateOf(body: StateBody): IndexState | null {
  if (body.generation === 0) return null;
  const { version, sha256, digests, rows, committed_at } = body;
  return { version, sha256, digests, rows, committedAt: committed_at };
}

function ignoreFailure(error: unknown): void {
  if (!isErrorCode(error, 'INDEX_UNAVAILABLE', 'INDEX_BUSY', 'INDEX_REFUSED')) throw error;
}
