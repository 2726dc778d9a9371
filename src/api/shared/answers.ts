/**
 * Answers of all servers: looked up in the shared cache, computed by one server, and put there for
 * the others.
 *
 * The key is the whole question and all that the answer depends on: the program's version and the
 * shape of what is stored, made-up or real, the table by its files, the publication, the list of
 * cities. Servers that see another lake, another version or other cities never share a key.
 */
import { createHash } from 'node:crypto';
import type { City } from '../../model/city.ts';
import { backoff, pause } from '../../waiting.ts';
import type { Product, Question } from '../answers.ts';
import type { ApiContext, Publication } from '../context.ts';
import { notAwaited } from '../reader.ts';
import type { Current } from '../versions.ts';
import type { SharedCache } from './cache.ts';
import { formatAnswer, formatTooLarge, parseAnswer, SHAPE } from './stored-answer.ts';

export interface SharedAnswers {
  /**
   * The product, from another server or by `make`. `compress` is called before one is put. Rejects
   * as `make` does, and with ABORTED when the signal aborts while another server computes it.
   */
  find(wanted: Wanted): Promise<Product>;
}

export interface Wanted {
  readonly question: Question;
  readonly current: Current;
  readonly signal: AbortSignal;
  make(): Promise<Product>;
  compress(product: Product): Promise<unknown>;
}

/** Between two looks at an answer that another server computes. */
const LOOKS_MS = { least: 4, most: 50 };

export function openSharedAnswers(
  cache: SharedCache,
  context: Pick<ApiContext, 'version' | 'simulated' | 'cities'>,
): SharedAnswers {
  return {
    async find(wanted) {
      const { question, signal } = wanted;
      if (question.basis === 'process') return wanted.make();
      const text = keyTextOf(question, wanted.current, context);
      const key = createHash('sha256').update(text).digest('base64url');
      const deadline = performance.now() + cache.turnMs;
      for (let looks = 0; ; looks += 1) {
        const found = await cache.find(key, (bytes) => parseAnswer(text, bytes), looks > 0);
        if (found.kind === 'value' && found.value !== 'too large') return found.value;
        if (found.kind === 'turn') return makeAndPut(wanted, text, key, found.turn);
        if (found.kind !== 'taken' || performance.now() >= deadline) return wanted.make();
        await pause(backoff(LOOKS_MS, looks + 1), signal);
        if (signal.aborted) throw notAwaited();
      }
    },
  };

  async function makeAndPut(wanted: Wanted, text: string, key: string, turn: string) {
    try {
      const product = await wanted.make();
      // The answer does not wait for it.
      put(wanted, product, text, key, turn).catch(() => cache.endTurn(key, turn));
      return product;
    } catch (error) {
      void cache.endTurn(key, turn);
      throw error;
    }
  }

  async function put(
    { compress }: Wanted,
    product: Product,
    text: string,
    key: string,
    turn: string,
  ): Promise<void> {
    await compress(product);
    const value = await formatAnswer(text, product);
    const isLarge = value.length > cache.bytesMax;
    await cache.put(key, isLarge ? formatTooLarge(text) : value, turn);
  }
}

function keyTextOf(
  question: Question,
  { conditions, publication }: Current,
  { version, simulated, cities }: Pick<ApiContext, 'version' | 'simulated' | 'cities'>,
): string {
  const { basis, route, format, key } = question;
  return JSON.stringify([
    [SHAPE, version, simulated],
    fingerprint(conditions.snapshot, describeSnapshot),
    basis === 'publication' ? describePublication(publication) : null,
    fingerprint(cities(), (list) => list),
    [route, format, key],
    // A file has them within.
    format === 'parquet' ? [question.tableVersion, question.analyticsVersion] : null,
  ]);
}

type Snapshot = Current['conditions']['snapshot'];

/** Names of files hold random numbers: another table with the same ones holds the same rows. */
function describeSnapshot({ version, committedAt, transactions, files }: Snapshot): unknown {
  const paths = files.map(({ storagePath }) => storagePath);
  return [version, committedAt, [...transactions], paths];
}

function describePublication(publication: Publication | null): unknown {
  if (publication === null) return null;
  const { version, tableVersion, computedAt, notEnoughValues } = publication;
  return [version, tableVersion, computedAt, notEnoughValues];
}

const fingerprints = new WeakMap<object, string>();

/** Made once for each object. */
function fingerprint<T extends Snapshot | readonly City[]>(
  object: T,
  describe: (object: T) => unknown,
): string {
  let made = fingerprints.get(object);
  if (made === undefined) {
    made = createHash('sha256')
      .update(JSON.stringify(describe(object)))
      .digest('base64url');
    fingerprints.set(object, made);
  }
  return made;
}
