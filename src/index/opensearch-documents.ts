/**
 * The documents of the OpenSearch index. Requests to it are no transactions, so each row says from
 * which generation and up to which it counts:
 *
 *     since   the generation that wrote it
 *     until   the generation that removed or replaced it, or FOREVER
 *
 * The document `state` says which generation is committed; writing it is the commit. It also names
 * generations that were begun and given up: what they wrote does not count, whenever it arrives. What
 * the generation before the committed one needs is kept until the next commit, for those who read.
 *
 * The document `counts-3` has the numbers of rows of generation 3 (kept-counts.ts).
 */
import Type, { type Static } from 'typebox';
import { IsobarError } from '../errors.ts';
import type { Anomaly } from '../model/datasets.ts';
import { replacedMeanwhile } from './anomaly-index.ts';
import type { CountsBody, KeptCounts } from './kept-counts.ts';
import type { SearchClient } from './opensearch-client.ts';
import { FOREVER, kindOf, SearchAnswer, type Visible, visibleFilter } from './opensearch-search.ts';
import { identityOf, storedFields } from './row-order.ts';
import { searchedText } from './words.ts';

/** Changes with the mappings and with how words are made (words.ts). */
export const FORMAT = 2;
export const PART_ROWS = 5_000;
const BULK_BYTES = 4 * 1024 * 1024;

export const StateBody = Type.Object({
  format: Type.Literal(FORMAT),
  generation: Type.Integer({ minimum: 0 }),
  /** The committed one before it. */
  previous: Type.Integer({ minimum: 0 }),
  /** The one that is written; 0 when none is. */
  pending: Type.Integer({ minimum: 0 }),
  abandoned: Type.Array(Type.Integer()),
  version: Type.Integer(),
  sha256: Type.String(),
  digests: Type.Record(Type.String(), Type.String()),
  rows: Type.Integer({ minimum: 0 }),
  committed_at: Type.String(),
});
export type StateBody = Static<typeof StateBody>;

export const FIRST_STATE: StateBody = {
  format: FORMAT,
  generation: 0,
  previous: 0,
  pending: 0,
  abandoned: [],
  version: 0,
  sha256: '',
  digests: {},
  rows: 0,
  committed_at: '',
};

const BulkAnswer = Type.Object({
  errors: Type.Boolean(),
  items: Type.Array(
    Type.Record(
      Type.String(),
      Type.Object({
        status: Type.Integer(),
        error: Type.Optional(Type.Object({ type: Type.String() })),
      }),
    ),
  ),
});

export function indexBody(replicas: number, name: string): object {
  const keyword = { type: 'keyword' };
  const long = { type: 'long' };
  return {
    aliases: { [writingAlias(name)]: {} },
    settings: {
      index: {
        // One part: what is counted is exact, and a million rows fit into it easily.
        number_of_shards: 1,
        number_of_replicas: replicas,
        // Written rows are shown by a commit.
        refresh_interval: '-1',
      },
    },
    mappings: {
      dynamic: false,
      properties: {
        bucket: keyword,
        since: long,
        until: long,
        at_us: long,
        city_id: keyword,
        variable: keyword,
        rule: keyword,
        month: keyword,
        kind: keyword,
        value: { type: 'double' },
        amount: { type: 'double' },
        // They were cut and folded before (words.ts).
        words: {
          ...{ type: 'text', analyzer: 'whitespace', index_options: 'docs', norms: false },
          index_prefixes: { min_chars: 1, max_chars: 3 },
        },
      },
    },
  };
}

/** The row, as generation `since` writes it. */
function documentOf(bucket: string, row: Anomaly, text: string, since: number): object {
  const fields = storedFields(row);
  const kind = kindOf(fields);
  const counts = { bucket, since, until: FOREVER, kind };
  return { ...counts, ...fields, words: searchedText(row), row: text };
}

/** Writes the documents of one index, through the alias that goes with it. */
export class DocumentWriter {
  readonly #client: SearchClient;
  readonly #name: string;
  #lines: object[] = [];
  #bytes = 0;

  constructor(client: SearchClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /**
   * From now on these are the rows of the bucket in this generation, which is written now; resolves
   * with how many differed, and how many more there are.
   */
  async put(
    bucket: string,
    rows: readonly Anomaly[],
    { visible, isEmpty, counts, signal }: PutOptions,
  ): Promise<{ readonly changed: number; readonly grown: number }> {
    const { generation } = visible;
    const left = new Map<string, Written>();
    const filter = [{ term: { bucket } }, ...visibleFilter(visible)];
    const before = isEmpty ? [] : this.#scan({ filter }, signal);
    for await (const { id, row } of before) {
      left.set(identityOf(JSON.parse(row) as Anomaly), { id, row });
    }
    const found = left.size;
    let changed = 0;
    for (const row of rows) {
      const identity = identityOf(row);
      const text = JSON.stringify(row);
      const before = left.get(identity);
      if (before?.row === text) {
        left.delete(identity);
        continue;
      }
      changed += 1;
      counts?.add(row, 1);
      if (before !== undefined) counts?.add(JSON.parse(before.row) as Anomaly, -1);
      const _id = `${identity} ${generation}`;
      // The generation's own row is overwritten, an older one stays for those who read.
      if (before?.id === _id) left.delete(identity);
      await this.#add({ index: { _id } }, documentOf(bucket, row, text, generation), signal);
      if (before !== undefined && before.id !== _id) {
        left.delete(identity);
        await this.#end(before.id, generation, signal);
      }
    }
    for (const { id, row } of left.values()) {
      counts?.add(JSON.parse(row) as Anomaly, -1);
      await this.#end(id, generation, signal);
    }
    return { changed: changed + left.size, grown: rows.length - found };
  }

  /** Sends what waits, and makes all that was written part of what is found. */
  async refresh(signal?: AbortSignal): Promise<void> {
    await this.#flush(signal);
    const path = `/${this.#name}/_refresh`;
    await this.#client.ask({ method: 'POST', path, answer: Type.Object({}), signal });
  }

  /** Takes back what these generations wrote and removed. */
  async undo(abandoned: readonly number[], signal?: AbortSignal): Promise<void> {
    if (abandoned.length === 0) return;
    await this.refresh(signal);
    const removed = { filter: [{ terms: { until: abandoned } }] };
    for await (const { id } of this.#scan(removed, signal)) {
      await this.#add({ update: { _id: id } }, { doc: { until: FOREVER } }, signal);
    }
    await this.#flush(signal);
    await this.#remove({ filter: [{ terms: { since: abandoned } }] }, signal);
    await this.#removeCounts(abandoned, signal);
  }

  /** Of this generation; `refresh` sends them. */
  putCounts(generation: number, counts: CountsBody): Promise<void> {
    return this.#add({ index: { _id: countsId(generation) } }, counts);
  }

  /** Removes what no generation from this one on needs; `previous` is the one before it. */
  async removeBefore(
    { generation, previous, abandoned }: Visible & { readonly previous: number },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#removeCounts([previous], signal);
    const filter = [{ range: { until: { lte: generation } } }];
    await this.#remove({ filter, must_not: [{ terms: { until: abandoned } }] }, signal);
  }

  async #remove(query: object, signal?: AbortSignal): Promise<void> {
    for await (const { id } of this.#scan(query, signal)) {
      await this.#add({ delete: { _id: id } }, null, signal);
    }
    await this.#flush(signal);
  }

  async #removeCounts(generations: readonly number[], signal?: AbortSignal): Promise<void> {
    for (const generation of generations) {
      await this.#add({ delete: { _id: countsId(generation) } }, null, signal);
    }
    await this.#flush(signal);
  }

  #end(id: string, generation: number, signal?: AbortSignal): Promise<void> {
    return this.#add({ update: { _id: id } }, { doc: { until: generation } }, signal);
  }

  /** All documents of the query that can be found now, a part at a time. */
  async *#scan(query: object, signal?: AbortSignal): AsyncIterable<Written> {
    let after: readonly (string | number)[] | null = null;
    for (;;) {
      const { hits }: SearchAnswer = await this.#client.ask({
        method: 'POST',
        path: `/${this.#name}/_search`,
        body: {
          size: PART_ROWS,
          query: { bool: query },
          sort: ['at_us', 'city_id', 'variable', 'rule', 'since'],
          _source: ['row'],
          track_total_hits: false,
          ...(after === null ? {} : { search_after: after }),
        },
        answer: SearchAnswer,
        signal,
      });
      for (const { _id, _source } of hits.hits) yield { id: _id, row: _source.row };
      after = hits.hits.at(-1)?.sort ?? null;
      if (hits.hits.length < PART_ROWS) return;
    }
  }

  async #add(action: object, document: object | null, signal?: AbortSignal): Promise<void> {
    this.#lines.push(action, ...(document === null ? [] : [document]));
    this.#bytes += document !== null && 'row' in document ? ROW_BYTES : LINE_BYTES;
    if (this.#bytes > BULK_BYTES) await this.#flush(signal);
  }

  async #flush(signal?: AbortSignal): Promise<void> {
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    this.#bytes = 0;
    const { errors, items } = await this.#client.ask({
      method: 'POST',
      // Never makes an index: one that was replaced meanwhile is gone.
      path: `/${writingAlias(this.#name)}/_bulk?require_alias=true`,
      lines,
      answer: BulkAnswer,
      signal,
    });
    if (!errors) return;
    for (const { error } of items.flatMap((item) => Object.values(item))) {
      if (error === undefined || error.type === 'document_missing_exception') continue;
      if (error.type === 'index_not_found_exception') throw replacedMeanwhile(this.#name);
      const text = `${this.#name}: a row was refused (${error.type.replaceAll(/[^a-z_]/g, '')})`;
      throw new IsobarError('INDEX_UNAVAILABLE', text);
    }
  }
}

interface PutOptions {
  /** What is there: the rows of the generation that is written now. */
  readonly visible: Visible;
  /** Whether nothing of this bucket can be there. */
  readonly isEmpty: boolean;
  /** What the changes are added to; null where numbers are not kept. */
  readonly counts: KeptCounts | null;
  readonly signal: AbortSignal | undefined;
}

interface Written {
  readonly id: string;
  readonly row: string;
}

/** Of a document, roughly. */
const ROW_BYTES = 1_000;
const LINE_BYTES = 120;

export const countsId = (generation: number) => `counts-${generation}`;
export const writingAlias = (name: string) => `${name}-writing`;
