/**
 * Answers: `{meta, data}`. The data is computed and serialised once for each version, route,
 * parameters and format, and kept; the meta is made for each answer, since ages grow.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Cache, openCache } from './cache.ts';
import type { Column } from './columns.ts';
import { formatCsv, formatExcelCsv, type OffsetOf } from './csv.ts';
import { isKnown, weakEtag } from './etag.ts';
import type { Facts } from './facts.ts';
import { type Format, MEDIA_TYPES } from './formats.ts';
import { appendHeader } from './headers.ts';
import { formatParquet } from './parquet.ts';
import type { Meta } from './schemas.ts';
import type { SharedAnswers } from './shared/answers.ts';
import { type Deflated, deflateTail, spliceGzip } from './splicing.ts';
import { type Condition, judgeStaleness } from './staleness.ts';
import type { Current } from './versions.ts';

export type { Facts };

export interface Computed {
  readonly facts: Facts;
  readonly body: Body;
}

type FileRow = Readonly<Record<string, unknown>>;

export type Body =
  | { readonly format: 'json'; readonly data: unknown; readonly layout?: unknown }
  | {
      readonly format: Exclude<Format, 'json'>;
      readonly columns: readonly Column[];
      readonly rows: readonly FileRow[];
    };

/** `toRows` makes the rows of a file, where these are others than the entries of the JSON. */
export function bodyOf<T extends object>(
  format: Format,
  columns: readonly Column[],
  data: readonly T[],
  toRows = (entries: readonly T[]) => entries as readonly object[] as readonly FileRow[],
): Body {
  return format === 'json' ? { format, data } : { format, columns, rows: toRows(data) };
}

export interface Question {
  /** `city-statistics`: the last part of the path; names the file of a download. */
  readonly route: string;
  readonly format: Format;
  /** Everything else that the data depends on, versions included. */
  readonly key: string;
  /** What stands for `key` in the ETag, if parts of it do not change what is meant. */
  readonly etagKey?: string;
  /**
   * What the data is computed from: the table or the publication, which other servers have, too, or
   * what only this process knows.
   */
  readonly basis: 'table' | 'publication' | 'process';
  readonly tableVersion: number | null;
  readonly analyticsVersion: number | null;
  /** The signal aborts once no caller waits for the answer any more. */
  compute(signal: AbortSignal): Promise<Computed>;
}

/** The data of an answer, ready to be sent. */
export interface Product {
  readonly facts: Facts;
  readonly tail: Buffer;
  /** Null before it was first asked for. */
  deflated: Deflated | Promise<Deflated> | null;
}

/** The question put to these versions, whichever are the current ones. */
export type Ask = (current: Current) => Question;

export interface Answers {
  send(
    ask: Ask,
    current: Current,
    condition: Condition,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply>;
  /**
   * Computes what was asked for since the last time, for versions that are about to become the
   * current ones, so that no caller waits when they do. Resolves after `warmMs` at the latest.
   */
  warm(next: Current): Promise<void>;
  readonly cache: Cache<Product>['counts'];
}

const CACHE_BYTES_MAX = 96 * 1024 * 1024;
/** Questions that are remembered between two versions. */
const RECENT_MAX = 64;
const WARM_MS = 1_500;
const WARM_AT_ONCE = 2;
/** Smaller answers fit into one packet as they are. */
const COMPRESS_BYTES_MIN = 1_400;

export interface AnswersOptions {
  readonly clock: () => Date;
  readonly simulated: boolean;
  readonly offsetOf: OffsetOf;
  /** Null without a cache that servers share. */
  readonly shared: SharedAnswers | null;
  readonly bytesMax?: number;
}

export function openAnswers(options: AnswersOptions): Answers {
  const { clock, simulated, offsetOf, shared, bytesMax = CACHE_BYTES_MAX } = options;
  const cache = openCache<Product>(bytesMax, bytesOf);
  const recent = new Map<string, Ask>();

  function find(question: Question, current: Current, leave?: AbortSignal): Promise<Product> {
    const find = (signal: AbortSignal) => {
      const make = () => compute(question, signal);
      const compress = (product: Product) => compressOnce(question, product);
      return shared?.find({ question, current, signal, make, compress }) ?? make();
    };
    return cache.get(keyOf(question), find, leave);
  }

  async function compute(question: Question, signal: AbortSignal): Promise<Product> {
    const { facts, body } = await question.compute(signal);
    const notes = notesOf(question, facts, simulated);
    return { facts, tail: formatTail(body, notes, offsetOf), deflated: null };
  }

  /** Null for one that is sent as it is. */
  async function compressOnce(question: Question, product: Product): Promise<Deflated | null> {
    if (!isCompressible(question, product)) return null;
    product.deflated ??= deflateTail(product.tail).then((deflated) => {
      cache.grow(keyOf(question), deflated.blocks.length);
      return deflated;
    });
    return product.deflated;
  }

  async function prepare(asks: Ask[], next: Current): Promise<void> {
    for (let ask = asks.pop(); ask !== undefined; ask = asks.pop()) {
      const question = ask(next);
      // Who asks next gets the error itself.
      const product = await find(question, next).catch(() => null);
      if (product !== null) await compressOnce(question, product);
    }
  }

  return {
    async warm(next) {
      const asks = [...recent.values()];
      recent.clear();
      const workers = Array.from({ length: WARM_AT_ONCE }, () => prepare(asks, next));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, WARM_MS);
      });
      await Promise.race([Promise.all(workers), late]);
      clearTimeout(timer);
    },
    async send(ask, current, condition, request, reply) {
      if (recent.size < RECENT_MAX) recent.set(request.url, ask);
      const question = ask(current);
      const product = await find(question, current, signalGone(reply));
      const meta = makeMeta(question, product.facts, condition, simulated, clock());
      const etag = etagOf(question, meta);
      // Where people log in, an answer is that of one of them.
      const isOpen = request.principal?.kind === 'open';
      reply.header('etag', etag).header('cache-control', isOpen ? 'no-cache' : 'private, no-cache');
      appendHeader(
        reply,
        'vary',
        isOpen ? 'accept-encoding' : 'accept-encoding, authorization, cookie',
      );
      if (meta.age_s !== null) reply.header('x-isobar-age', String(Math.round(meta.age_s)));
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send();

      const isJson = question.format === 'json';
      const head = isJson ? openMeta(meta) : describe(question, meta, reply);
      reply.type(CONTENT_TYPES[question.format]);
      const { tail } = product;
      const { 'accept-encoding': accepted } = request.headers;
      const deflated = acceptsGzip(accepted) ? await compressOnce(question, product) : null;
      if (deflated === null) {
        return reply.send(head.length === 0 ? tail : Buffer.concat([head, tail]));
      }
      return reply.header('content-encoding', 'gzip').send(spliceGzip(head, deflated));
    },
    get cache() {
      return cache.counts;
    },
  };
}

/** A Parquet file names the versions in itself. */
function keyOf(question: Question): string {
  const { route, format, key, tableVersion, analyticsVersion } = question;
  const versions = format === 'parquet' ? `\n${tableVersion} ${analyticsVersion}` : '';
  return `${route}\n${format}\n${key}${versions}`;
}

function bytesOf({ tail, deflated }: Product): number {
  const blocks = deflated !== null && 'blocks' in deflated ? deflated.blocks.length : 0;
  return tail.length + blocks + 1_024;
}

/** What a file says of its rows, where it can. */
function notesOf(
  question: Question,
  facts: Facts,
  simulated: boolean,
): Readonly<Record<string, unknown>> {
  return {
    simulated,
    source: facts.sources,
    table_version: question.tableVersion,
    analytics_version: question.analyticsVersion,
    observed_from: facts.observedFrom,
    observed_to: facts.observedTo,
  };
}

/** Aborts when the one who asked goes away: whoever drags a range asks a lot and waits for little. */
function signalGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

function makeMeta(
  question: Question,
  facts: Facts,
  condition: Condition,
  simulated: boolean,
  now: Date,
): Meta & Readonly<Record<string, unknown>> {
  return {
    source: [...facts.sources],
    simulated,
    observed_from: facts.observedFrom,
    observed_to: facts.observedTo,
    computed_at: facts.computedAt,
    ...judgeStaleness(facts, condition, now),
    table_version: question.tableVersion,
    analytics_version: question.analyticsVersion,
    coverage_pct: facts.coveragePct,
    row_count: facts.rowCount,
    ...facts.more,
  };
}

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: `${MEDIA_TYPES.json}; charset=utf-8`,
  csv: `${MEDIA_TYPES.csv}; charset=utf-8; header=present`,
  excel: `${MEDIA_TYPES.excel}; charset=utf-8; header=present`,
  parquet: MEDIA_TYPES.parquet,
};

/** Parquet is compressed in itself. */
function isCompressible({ format }: Question, { tail }: Product): boolean {
  return format !== 'parquet' && tail.length >= COMPRESS_BYTES_MIN;
}

/** `notes` go into a file that can hold some beside its table. */
function formatTail(
  body: Body,
  notes: Readonly<Record<string, unknown>>,
  offsetOf: OffsetOf,
): Buffer {
  if (body.format === 'json') {
    const layout = body.layout === undefined ? '' : `,"layout":${JSON.stringify(body.layout)}`;
    return Buffer.from(`,"data":${JSON.stringify(body.data)}${layout}}`, 'utf8');
  }
  const { columns, rows } = body;
  if (body.format === 'parquet') return formatParquet(columns, rows, notes);
  if (body.format === 'excel') return Buffer.from(formatExcelCsv(columns, rows, offsetOf), 'utf8');
  const names = columns.map(({ name }) => name);
  return Buffer.from(formatCsv(names, rows), 'utf8');
}

function openMeta(meta: Meta): Buffer {
  return Buffer.from(`{"meta":${JSON.stringify(meta)}`, 'utf8');
}

/** A file has nothing but its table, so the meta goes into headers; the body has no head. */
function describe(
  question: Question,
  meta: Meta & Readonly<Record<string, unknown>>,
  reply: FastifyReply,
): Buffer {
  const { not_enough_values: _, facets: _facets, ...brief } = meta;
  const ascii = JSON.stringify(brief).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const extension = question.format === 'excel' ? 'csv' : question.format;
  const name = `${meta.simulated ? 'simulated-' : ''}${question.route}.${extension}`;
  reply
    .header('content-disposition', `attachment; filename="${name}"`)
    .header('x-isobar-meta', ascii);
  if (typeof meta.next_cursor === 'string') reply.header('x-isobar-next-cursor', meta.next_cursor);
  return Buffer.alloc(0);
}

/** Weak, since the ages within differ from answer to answer. */
function etagOf(question: Question, meta: Meta): string {
  const { route, format, etagKey, key } = question;
  const { table_version, analytics_version, stale, reason } = meta;
  return weakEtag([route, format, etagKey ?? key, table_version, analytics_version, stale, reason]);
}

export function acceptsGzip(header: string | undefined): boolean {
  return acceptedCodings(header).has('gzip');
}

/** The content codings that the client takes, those with q=0 left out. */
export function acceptedCodings(header: string | string[] | undefined): ReadonlySet<string> {
  const accepted = new Set<string>();
  for (const part of String(header ?? '').split(',')) {
    const [name = '', ...parameters] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    const refused = parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter));
    if (name !== '' && !refused) accepted.add(name);
  }
  return accepted;
}
