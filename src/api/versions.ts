/** The versions: which table and which analytics are answered from, moved on as one. */
import { asIsobarError, IsobarError } from '../errors.ts';
import type { ApiContext, Publication } from './context.ts';
import { type Conditions, readConditions } from './latest-conditions.ts';
import type { Reader } from './reader.ts';

export interface Current {
  readonly conditions: Conditions;
  readonly publication: Publication | null;
}

export interface Versions {
  /** What is answered from; rejects with why there is nothing yet. */
  current(): Current;
  /** What keeps us from the newest version; null when nothing does. */
  readonly failure: IsobarError | null;
  /** Looks for new versions; never rejects. */
  refresh(): Promise<void>;
  /** Calls the listener after each move. */
  onMove(listener: (current: Current) => void): void;
  /** Looks every `pollMs` and after each `onChange`. */
  start(): void;
  /** Looks no more, and resolves once nothing is under way. */
  close(): Promise<void>;
}

const POLL_MS = 1_000;
/** A check that lasts longer than this counts as failed, and callers get the error. */
const SLOW_MS = 10_000;

const SLOW = new IsobarError('LAKE_UNAVAILABLE', `no answer for ${SLOW_MS / 1_000} s`);

/** `beforeMove` is waited for before the next versions become the current ones. */
export function openVersions(
  context: ApiContext,
  reader: Reader,
  beforeMove: (next: Current) => Promise<void> = async () => {},
): Versions {
  return new CurrentVersions(context, reader, beforeMove);
}

class CurrentVersions implements Versions {
  readonly #context: ApiContext;
  readonly #reader: Reader;
  readonly #beforeMove: (next: Current) => Promise<void>;
  readonly #listeners = new Set<(current: Current) => void>();
  #current: Current | null = null;
  #failure: IsobarError | null = null;
  #running: Promise<void> | null = null;
  #lookingSince: number | null = null;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #leave: (() => void) | undefined;

  constructor(context: ApiContext, reader: Reader, beforeMove: (next: Current) => Promise<void>) {
    this.#context = context;
    this.#reader = reader;
    this.#beforeMove = beforeMove;
  }

  current(): Current {
    if (this.#current === null) throw this.#failure ?? asIsobarError(new Error('not started'));
    return this.#current;
  }

  get failure(): IsobarError | null {
    const isLooking = this.#current !== null && this.#lookingSince !== null;
    if (this.#failure !== null || !isLooking) return this.#failure;
    return performance.now() - (this.#lookingSince ?? 0) < SLOW_MS ? null : SLOW;
  }

  refresh(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#lookUntilQuiet().finally(() => {
        this.#running = null;
      });
    } else {
      this.#again = true;
    }
    return this.#running;
  }

  onMove(listener: (current: Current) => void): void {
    this.#listeners.add(listener);
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (this.#running === null) void this.refresh();
    }, this.#context.pollMs ?? POLL_MS);
    this.#leave = this.#context.onChange?.(() => void this.refresh());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#leave?.();
    this.#again = false;
    await this.#running;
  }

  async #lookUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      this.#lookingSince = performance.now();
      this.#note(await this.#look().catch(asIsobarError));
      this.#lookingSince = null;
    } while (this.#again);
  }

  /** What keeps us from the newest version, or null. */
  async #look(): Promise<IsobarError | null> {
    const { table, publications } = this.#context;
    const known = this.#current;
    const snapshot = await table.refresh();
    const before = known?.conditions ?? null;
    const conditions =
      before !== null && before.snapshot.version === snapshot.version
        ? before
        : await readConditions(this.#reader, table, snapshot, before);
    let problem: IsobarError | null = null;
    let publication = known?.publication ?? null;
    try {
      const newest = await publications.latest();
      // Whoever was answered from the last one must not lose it to one that cannot be read.
      if (newest?.version !== publication?.version) {
        await newest?.prepare(publication?.asked() ?? []);
      }
      publication = newest;
    } catch (error) {
      // What was drawn is still good, and so are the last analytics that could be read.
      problem = asIsobarError(error);
    }
    const isMoved = conditions !== before || publication?.version !== known?.publication?.version;
    if (known === null || isMoved) {
      const next = { conditions, publication };
      if (known !== null) await this.#beforeMove(next);
      this.#current = next;
      for (const listener of this.#listeners) listener(next);
    }
    return problem;
  }

  #note(problem: IsobarError | null): void {
    const isNew = problem !== null && problem.message !== this.#failure?.message;
    // Whoever is asked to stop need not say why it looks no further.
    if (isNew && problem.code !== 'ABORTED') {
      this.#context.logger.error({ err: problem }, `looking for new versions: ${problem.message}`);
    }
    this.#failure = problem;
  }
}
