/** An answer that the page keeps current: the last good one stays until a newer one is there. */
import { batch, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import { type Client, type Trouble, troubleOf } from './fetching.ts';

export interface Resource<T> {
  /** The last good answer; null before the first. */
  readonly answer: ReadonlySignal<T | null>;
  /** Whether that is an answer to an earlier question, and the new one is under way. */
  readonly outdated: ReadonlySignal<boolean>;
  /** Why the last try failed; null when it did not. */
  readonly trouble: ReadonlySignal<Trouble | null>;
  /** When the last good answer came, by this machine's clock; null before the first. */
  readonly goodAt: ReadonlySignal<number | null>;
  /** The question; null while it cannot be asked. */
  readonly path: ReadonlySignal<string | null>;
  /** Asks again; what has not changed does not travel. */
  refresh(): Promise<void>;
}

/** Follows the question for as long as the page lives. What is urgent is asked before the rest. */
export function createResource<T>(
  client: Client,
  path: ReadonlySignal<string | null>,
  isUrgent = false,
): Resource<T> {
  const answer = signal<T | null>(null);
  const outdated = signal(false);
  const trouble = signal<Trouble | null>(null);
  const goodAt = signal<number | null>(null);
  let running: { readonly path: string; readonly abort: AbortController } | null = null;
  let again = false;

  async function refresh(): Promise<void> {
    const asked = path.peek();
    if (asked === null) return;
    if (running?.path === asked) {
      // What is under way may have been answered before the change that calls for this.
      again = true;
      return;
    }
    running?.abort.abort();
    const run = { path: asked, abort: new AbortController() };
    running = run;
    do {
      again = false;
      await ask(run.path, run.abort.signal);
    } while (again && running === run);
    if (running === run) running = null;
  }

  async function ask(asked: string, abort: AbortSignal): Promise<void> {
    try {
      const news = await client.ask<T>(asked, abort, isUrgent);
      if (abort.aborted) return;
      batch(() => {
        answer.value = news;
        outdated.value = false;
        trouble.value = null;
        goodAt.value = Date.now();
      });
    } catch (error) {
      if (abort.aborted) return;
      trouble.value = troubleOf(error);
    }
  }

  effect(() => {
    let asked: string | null = null;
    try {
      asked = path.value;
    } catch (error) {
      // A question that cannot be put must not keep the others from being asked.
      trouble.value = troubleOf(error);
    }
    if (asked === null) {
      outdated.value = answer.peek() !== null;
      return;
    }
    untracked(() => {
      const known = client.known<T>(asked);
      if (known !== null) answer.value = known;
      outdated.value = known === null && answer.value !== null;
      void refresh();
    });
  });

  return { answer, outdated, trouble, goodAt, path, refresh };
}
