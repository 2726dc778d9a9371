/**
 * Questions about the anomalies, answered whatever becomes of the index: one that is a little behind
 * is waited for, one that stays behind says so, and while it cannot answer at all the published rows
 * are looked through.
 */
import { asIsobarError, isErrorCode } from '../errors.ts';
import type { AnomalyQuestion } from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import type { AnomalyIndex, Found } from './anomaly-index.ts';
import type { IndexLoop } from './index-loop.ts';
import { scanRows } from './scan.ts';
import { parseWanted } from './words.ts';

export interface AnomalySearch {
  /** The version that the index holds, as far as it is known; null for none. */
  readonly version: number | null;

  /**
   * Rejects with INDEX_UNAVAILABLE or INDEX_REFUSED when only the index could answer, that is for
   * words in many rows.
   */
  ask(
    question: AnomalyQuestion,
    published: PublishedRows,
    signal?: AbortSignal,
  ): Promise<AnsweredQuestion>;
}

export interface PublishedRows {
  readonly version: number;
  rows(): Promise<readonly Anomaly[]>;
}

export interface AnsweredQuestion extends Found {
  /** The version of the index that answered; null when the published rows did. */
  readonly indexVersion: number | null;
  /** Why it is not what the newest publication says, or not from the index; null when it is. */
  readonly reason: string | null;
}

/** A publication that has just come is usually indexed by then. */
const CATCH_UP_MS = 1_000;
/** Rows that are looked through for words. */
const SCANNED_ROWS_MAX = 20_000;
const FAILURES = ['INDEX_UNAVAILABLE', 'INDEX_REFUSED', 'INDEX_BUSY'] as const;

/** Null: without an index the published rows answer. */
export function openAnomalySearch(
  parts: {
    readonly index: AnomalyIndex;
    readonly loop: IndexLoop;
    /** Milliseconds that a question waits for its publication; a second by default. */
    readonly catchUpMs?: number;
  } | null,
): AnomalySearch {
  if (parts === null) {
    return {
      version: null,
      ask: async (question, published) => scan(question, published, 'the index is not used'),
    };
  }
  const { index, loop, catchUpMs = CATCH_UP_MS } = parts;
  return {
    get version() {
      // One that fails answers otherwise than one that does not.
      return loop.failure === null ? (loop.held?.version ?? null) : null;
    },
    async ask(question, published, signal) {
      await loop.reach(published.version, catchUpMs, signal);
      try {
        const found = await index.search(question, signal);
        const { version } = found;
        const isBehind = version < published.version;
        // What was held is gone, unless it was never reached.
        if (isBehind) loop.wake();
        const reason = isBehind
          ? `the index has version ${version} of the analytics, not yet ${published.version}`
          : null;
        return { ...found, indexVersion: version, reason };
      } catch (error) {
        if (!isErrorCode(error, ...FAILURES)) throw error;
        loop.wake();
        const isLarge = (loop.published?.rowCount ?? 0) > SCANNED_ROWS_MAX;
        if (isLarge && parseWanted(question.text).begun !== null) throw error;
        return scan(question, published, `the index cannot answer (${asIsobarError(error).code})`);
      }
    },
  };
}

async function scan(
  question: AnomalyQuestion,
  published: PublishedRows,
  reason: string,
): Promise<AnsweredQuestion> {
  const found = scanRows(await published.rows(), published.version, question);
  return { ...found, indexVersion: null, reason: `${reason}; the published rows did` };
}
