/** The versions: which table and which analytics are answered from, moved on as one. */
import { asIsobarError, IsobarError } from '../errors.ts';
import type { ApiContext, Publication } from './context.ts';
import { drawPicture, type Picture } from './picture.ts';
import type { Reader } from './reader.ts';

export interface Current {
  readonly picture: Picture;
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
  const listeners = new Set<(current: Current) => void>();
  let current: Current | null = null;
  let failure: IsobarError | null = null;
  let running: Promise<void> | null = null;
  let lookingSince: number | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let leave: (() => void) | undefined;

  /** What keeps us from the newest version, or null. */
  async function look(): Promise<IsobarError | null> {
    const snapshot = await context.table.refresh();
    const before = current?.picture ?? null;
    const picture =
      before !== null && before.snapshot.version === snapshot.version
        ? before
        : await drawPicture(reader, context.table, snapshot, before);
    let problem: IsobarError | null = null;
    let publication = current?.publication ?? null;
    try {
      publication = await context.publications.latest();
    } catch (error) {
      // What was drawn is still good, and so are the last analytics that could be read.
      problem = asIsobarError(error);
    }
    const moved =
      current === null ||
      picture !== before ||
      publication?.version !== current.publication?.version;
    if (moved) {
      const next = { picture, publication };
      if (current !== null) await beforeMove(next);
      current = next;
      for (const listener of listeners) listener(current);
    }
    return problem;
  }

  function note(problem: IsobarError | null): void {
    const isNew = problem !== null && problem.message !== failure?.message;
    // Whoever is asked to stop need not say why it looks no further.
    if (isNew && problem.code !== 'ABORTED') {
      context.logger.error({ err: problem }, `looking for new versions: ${problem.message}`);
    }
    failure = problem;
  }

  async function lookUntilQuiet(): Promise<void> {
    do {
      again = false;
      lookingSince = performance.now();
      note(await look().catch(asIsobarError));
      lookingSince = null;
    } while (again);
  }

  return {
    current() {
      if (current === null) throw failure ?? asIsobarError(new Error('not started'));
      return current;
    },
    get failure() {
      if (failure !== null || current === null || lookingSince === null) return failure;
      return performance.now() - lookingSince < SLOW_MS ? null : SLOW;
    },
    refresh() {
      if (running === null) {
        running = lookUntilQuiet().finally(() => {
          running = null;
        });
      } else {
        again = true;
      }
      return running;
    },
    onMove(listener) {
      listeners.add(listener);
    },
    start() {
      timer = setInterval(() => {
        if (running === null) void this.refresh();
      }, context.pollMs ?? POLL_MS);
      leave = context.onChange?.(() => void this.refresh());
    },
    async close() {
      clearInterval(timer);
      leave?.();
      again = false;
      await running;
    },
  };
}
