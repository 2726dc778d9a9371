/** One question to the API: asked again with the ETag of what is known, so that only news travel. */

import { signal } from '@preact/signals';
import { words } from '../words/words.ts';

/** Why an answer did not come, in words that people can use. */
export interface Trouble {
  /** What is wrong. */
  readonly what: string;
  /** What to do; empty when nothing is known to help. */
  readonly remedy: string;
  /** Whether the server answered at all. */
  readonly reached: boolean;
  /** Whether the words are the server's: those are English in every language of the page. */
  readonly told: boolean;
  /** Which of the server's errors it is, and why alone; for pages that say it in their own words. */
  readonly code?: unknown;
  readonly detail?: unknown;
}

export class AnswerError extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble.what);
    this.trouble = trouble;
  }
}

/** Why a question failed; an error other than AnswerError is quoted. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof AnswerError) return error.trouble;
  const what = words.peek().trouble.strange(String(error));
  return { what, remedy: '', reached: true, told: false };
}

export type Fetch = typeof fetch;

interface Kept {
  readonly etag: string;
  readonly answer: unknown;
}

/** Answers kept for their ETag; going back to a range shows it at once. */
const KEPT_MAX = 40;
const TIMEOUT_MS = 30_000;

/** Whether an answer has asked for a login. */
export const isLoginNeeded = signal(false);

/** Asks the server to do something. Rejects with AnswerError. */
export async function post(path: string, body?: object): Promise<Response> {
  const sent: RequestInit = { method: 'POST' };
  if (body !== undefined) {
    sent.headers = { 'content-type': 'application/json' };
    sent.body = JSON.stringify(body);
  }
  const response = await reach(fetch, path, sent, new AbortController().signal);
  if (!response.ok) throw new AnswerError(await readProblem(response));
  return response;
}

export interface Client {
  /**
   * Rejects with AnswerError, or as the signal says. What is not urgent waits a little for what is:
   * browser and server do a few things at a time.
   */
  ask<T>(path: string, signal: AbortSignal, isUrgent?: boolean): Promise<T>;
  /** What this address answered last, if that is still kept. */
  known<T>(path: string): T | null;
}

export function createClient(fetcher: Fetch, onReached: (reached: boolean) => void): Client {
  const kept = new Map<string, Kept>();
  const turns = createTurns();

  function keep(path: string, etag: string | null, answer: unknown): void {
    kept.delete(path);
    if (etag !== null) kept.set(path, { etag, answer });
    const [oldest] = kept.keys();
    if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  }

  async function ask<T>(path: string, signal: AbortSignal): Promise<T> {
    const before = kept.get(path);
    const headers = before === undefined ? {} : { 'if-none-match': before.etag };
    const response = await reach(fetcher, path, { headers }, signal).catch((error) => {
      if (!signal.aborted) onReached(false);
      throw error;
    });
    onReached(true);
    if (response.status === 304 && before !== undefined) {
      keep(path, before.etag, before.answer);
      return before.answer as T;
    }
    if (response.status === 401) isLoginNeeded.value = true;
    if (!response.ok) throw new AnswerError(await readProblem(response));
    const answer = (await response.json()) as T;
    keep(path, response.headers.get('etag'), answer);
    return answer;
  }

  return {
    async ask<T>(path: string, signal: AbortSignal, isUrgent = false): Promise<T> {
      if (isUrgent) return turns.goFirst(() => ask<T>(path, signal));
      await turns.wait();
      signal.throwIfAborted();
      return ask<T>(path, signal);
    },
    known<T>(path: string): T | null {
      return (kept.get(path)?.answer ?? null) as T | null;
    },
  };
}

/** How long others wait for what is urgent, ms. */
const WAIT_MS_MAX = 300;

function createTurns() {
  let urgent = 0;
  let leave: (() => void)[] = [];

  function letGo(): void {
    const all = leave;
    leave = [];
    for (const go of all) go();
  }

  return {
    async goFirst<T>(run: () => Promise<T>): Promise<T> {
      urgent += 1;
      try {
        return await run();
      } finally {
        urgent -= 1;
        if (urgent === 0) letGo();
      }
    },
    /** Resolves once nothing urgent is under way, that of this same moment included. */
    async wait(): Promise<void> {
      await Promise.resolve();
      if (urgent === 0) return;
      await new Promise<void>((resolve) => {
        leave.push(resolve);
        setTimeout(resolve, WAIT_MS_MAX);
      });
    },
  };
}

async function reach(
  fetcher: Fetch,
  path: string,
  request: RequestInit,
  signal: AbortSignal,
): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetcher(path, {
      ...request,
      // The ETags are minded here: what has not changed needs neither travel nor be parsed again.
      cache: 'no-store',
      signal: AbortSignal.any([signal, timeout]),
    });
  } catch (error) {
    if (signal.aborted) throw error;
    const say = words.peek().trouble;
    const what = timeout.aborted ? say.late(String(TIMEOUT_MS / 1_000)) : say.silent;
    throw new AnswerError({ what, remedy: say.silentRemedy, reached: false, told: false });
  }
}

/** From `application/problem+json`, or from the status alone. */
async function readProblem(response: Response): Promise<Trouble> {
  const status = `${response.status} ${response.statusText}`.trim();
  const fallback = {
    what: words.peek().trouble.answered(status),
    remedy: '',
    reached: true,
    told: false,
  };
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== 'object' || body === null) return fallback;
  const { title, detail, remedy, code } = body as Record<string, unknown>;
  const what = [title, detail].filter((part) => typeof part === 'string' && part !== '');
  if (what.length === 0) return fallback;
  return {
    what: what.join(' '),
    remedy: typeof remedy === 'string' ? remedy : '',
    reached: true,
    told: true,
    code,
    detail,
  };
}

/** "api/series?city=a&city=b": relative, so that it also works below another path. */
export function formatPath(
  route: string,
  query: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const values = typeof value === 'object' ? value : [String(value)];
    for (const one of values) parameters.append(name, one);
  }
  const text = parameters.toString().replaceAll('%3A', ':');
  return text === '' ? route : `${route}?${text}`;
}

/** The same question for so many rows; null stays null. */
export function withLimit(path: string | null, rows: number): string | null {
  return path === null ? null : path.replace(/([?&]limit=)\d+/, `$1${rows}`);
}
