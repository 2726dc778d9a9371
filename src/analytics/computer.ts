/** One engine at the work of refreshes: a run at a time in a session that it remembers. */
import { keepObservedRows } from './observed-rows.ts';
import { filesOf, type Publication } from './publication.ts';
import { type Memory, type Run, type RunOptions, startRun } from './run.ts';

export class Computer {
  readonly engineName: string;
  readonly #options: RunOptions;
  #memory: Memory;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RunOptions) {
    this.engineName = options.engineName;
    this.#options = options;
    this.#memory = remember(options);
  }

  /** Waits for runs that began before. After a failure the next run starts afresh. */
  compute<T>(
    of: Pick<Run, 'snapshot' | 'quality'>,
    signal: AbortSignal | undefined,
    use: (run: Run) => Promise<T>,
  ): Promise<T> {
    const result = this.#turn.then(async () => {
      signal?.throwIfAborted();
      try {
        return await use(startRun(this.#options, this.#memory, of, signal));
      } catch (error) {
        // What the session stands at is not known.
        this.forget();
        throw error;
      }
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  forget(): void {
    this.#memory = remember(this.#options);
  }

  /** Of what it has checked, only what the publication names can be named by one to come. */
  published(publication: Publication): void {
    const { checked } = this.#memory;
    const named = new Set(filesOf(publication).map(({ path }) => path));
    for (const path of checked) if (!named.has(path)) checked.delete(path);
  }
}

function remember(options: RunOptions): Memory {
  return { rows: keepObservedRows(options), made: new Map(), checked: new Set(), appendable: null };
}
