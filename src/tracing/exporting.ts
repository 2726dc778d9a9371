/**
 * The tracer that exports: spans wait in memory and leave in batches, one batch at a time.
 *
 *     a span          waits, or is dropped when QUEUE_MAX of them wait already
 *     a batch         leaves as soon as BATCH_MAX spans wait, else DELAY_MS after the first came
 *     no answer       the batch is sent again, ATTEMPTS_MAX times in all, and dropped then
 *     closing         what waits is sent once, for CLOSING_MS in all; the rest is dropped
 *
 * Without spans nothing runs, no timer either.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from '../logger.ts';
import { STEPS, type Step, spanIdOf } from '../model/trace.ts';
import { jitteredBackoff, pauseUnref } from '../waiting.ts';
import { formatSpans, type Resource, type Span } from './otlp.ts';
import { type Receiver, type Sent, send } from './sending.ts';
import type { Begun, DropReason, Outcome, Tracer, TracingFigures } from './tracer.ts';

export interface ExportingOptions {
  readonly receiver: Receiver;
  readonly resource: Resource;
  readonly version: string;
  /** Share of the traces that are exported, in percent. */
  readonly samplePct: number;
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly queueMax?: number;
  readonly delayMs?: number;
  readonly retryMs?: { readonly least: number; readonly most: number };
  readonly closingMs?: number;
}

const QUEUE_MAX = 4_096;
const BATCH_MAX = 512;
const DELAY_MS = 2_000;
const ATTEMPTS_MAX = 4;
const RETRY_MS = { least: 1_000, most: 30_000 } as const;
const CLOSING_MS = 2_000;

export function openExporting(options: ExportingOptions): Tracer & AsyncDisposable {
  return new ExportingTracer(options);
}

class ExportingTracer implements Tracer, AsyncDisposable {
  readonly #options: ExportingOptions;
  readonly #waiting: Span[] = [];
  readonly #dropped = { queue_full: 0, unreachable: 0, refused: 0, shutdown: 0 };
  /** Aborts when no more is waited for between attempts. */
  readonly #closing = new AbortController();
  /** Aborts when closing has lasted long enough. */
  readonly #over = new AbortController();
  #exported = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #isFailing = false;

  constructor(options: ExportingOptions) {
    this.#options = options;
  }

  get figures(): TracingFigures {
    return { exported: this.#exported, dropped: { ...this.#dropped } };
  }

  begin(step: Step): Begun {
    const startMs = Date.now();
    const started = performance.now();
    let stopped: number | null = null;
    return {
      stop() {
        stopped ??= performance.now();
      },
      end: (traceId, outcome = {}) => {
        if (!isSampled(traceId, this.#options.samplePct)) return;
        const endMs = startMs + (stopped ?? performance.now()) - started;
        this.#keep(makeSpan(traceId, step, outcome, { startMs, endMs }));
      },
    };
  }

  #keep(span: Span): void {
    const isFull = this.#waiting.length >= (this.#options.queueMax ?? QUEUE_MAX);
    if (isFull || this.#closing.signal.aborted) {
      this.#drop(isFull ? 'queue_full' : 'shutdown', 1);
      return;
    }
    this.#waiting.push(span);
    if (this.#running !== null) return;
    if (this.#waiting.length >= BATCH_MAX) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#options.delayMs ?? DELAY_MS).unref();
  }

  #drop(reason: DropReason, count: number): void {
    this.#dropped[reason] += count;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#drain();
  }

  /** Emptied and marked as done without a pause between: a span that comes then starts anew. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#over.signal.aborted) {
      await this.#export(this.#waiting.splice(0, BATCH_MAX));
    }
    this.#running = null;
  }

  async #export(batch: readonly Span[]): Promise<void> {
    const { receiver, resource, version, timeoutMs, retryMs = RETRY_MS } = this.#options;
    const body = formatSpans(batch, resource, version);
    for (let attempts = 1; ; attempts++) {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#over.signal]);
      const sent = await send(receiver, body, signal);
      this.#note(sent, batch.length);
      if (sent.kind === 'taken') return this.#count(batch.length, sent.rejected);
      if (sent.kind === 'refused') return this.#drop('refused', batch.length);
      if (this.#closing.signal.aborted) return this.#drop('shutdown', batch.length);
      if (attempts >= ATTEMPTS_MAX) return this.#drop('unreachable', batch.length);
      const waitMs = Math.min(retryMs.most, sent.waitMs ?? jitteredBackoff(retryMs, attempts));
      await pauseUnref(waitMs, this.#closing.signal);
    }
  }

  #count(spans: number, rejected: number): void {
    const refused = Math.min(spans, rejected);
    this.#exported += spans - refused;
    this.#drop('refused', refused);
  }

  /** One warning, until it works again. */
  #note(sent: Sent, spans: number): void {
    const { logger, receiver } = this.#options;
    const place = `exporting traces to ${receiver.url}`;
    const problem = problemOf(sent, spans);
    if (problem !== null && !this.#isFailing) {
      logger.warn(`${place}: ${problem}; spans are left out until it takes them`);
    } else if (problem === null && this.#isFailing) {
      logger.info(`${place}: it takes spans again`);
    }
    this.#isFailing = problem !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    const limit = setTimeout(() => this.#over.abort(), this.#options.closingMs ?? CLOSING_MS);
    this.#start();
    await this.#running;
    clearTimeout(limit);
    this.#drop('shutdown', this.#waiting.splice(0).length);
    const { shutdown } = this.#dropped;
    if (shutdown > 0) {
      this.#options.logger.warn(`exporting traces: stopped with ${shutdown} spans not exported`);
    }
  }
}

function problemOf(sent: Sent, spans: number): string | null {
  if (sent.kind !== 'taken') return sent.problem;
  return sent.rejected === 0 ? null : `it rejected ${sent.rejected} of ${spans} spans`;
}

function makeSpan(
  traceId: string,
  step: Step,
  { attributes = {}, error, repeats = false }: Outcome,
  times: Pick<Span, 'startMs' | 'endMs'>,
): Span {
  const parent = STEPS[step];
  return {
    traceId,
    spanId: repeats ? randomBytes(8).toString('hex') : spanIdOf(traceId, step),
    parentSpanId: parent === null ? null : spanIdOf(traceId, parent),
    step,
    ...times,
    attributes,
    error: error ?? null,
  };
}

/** By the last 56 bits of the id, as W3C Trace Context counts on: all processes choose the same. */
export function isSampled(traceId: string, pct: number): boolean {
  if (pct >= 100) return true;
  return Number.parseInt(traceId.slice(18), 16) >= 2 ** 56 * (1 - pct / 100);
}
