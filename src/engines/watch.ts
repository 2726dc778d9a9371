/**
 * Watches the services: asks each probe every few seconds, one question at a time, and keeps what
 * it read last. A service that does not answer delays nothing else.
 */
import { asIsobarError, IsobarError } from '../errors.ts';
import { type EngineKind, FIGURES, type Figure, figureState } from '../model/engine-figures.ts';
import type { Engine, EngineFigure } from '../model/engines.ts';
import type { RoomError } from '../model/status.ts';
import { pauseUnref, within } from '../waiting.ts';
import type { EngineProbe, Engines, Reading } from './engine-probe.ts';
import { openTrend, type Trend } from './trend.ts';

export interface WatchOptions {
  readonly intervalSeconds: number;
  /** Until a question counts as not answered. */
  readonly timeoutSeconds: number;
  /** Hours of the trends. */
  readonly trendHours: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

export interface EngineWatch extends Engines, AsyncDisposable {
  /** Asks all of them once, and resolves when all have answered or failed. */
  look(): Promise<void>;
}

const CLOSE_MS = 2_000;

export function openWatch(probes: readonly EngineProbe[], options: WatchOptions): EngineWatch {
  return new WatchedEngines(probes, options);
}

class WatchedEngines implements EngineWatch {
  readonly intervalSeconds: number;
  readonly #options: WatchOptions;
  readonly #stop = new AbortController();
  readonly #watched: WatchedProbe[] = [];

  constructor(probes: readonly EngineProbe[], options: WatchOptions) {
    this.intervalSeconds = options.intervalSeconds;
    this.#options = options;
    for (const probe of probes) this.add(probe);
  }

  list(): readonly Engine[] {
    return inOrder(this.#watched.map((one) => one.card()));
  }

  add(probe: EngineProbe): void {
    const watched = new WatchedProbe(probe, this.#options, this.#stop.signal);
    this.#watched.push(watched);
    watched.start();
  }

  async look(): Promise<void> {
    await Promise.all(this.#watched.map((one) => one.look()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new IsobarError('ABORTED', 'isobar stops'));
    await Promise.all(this.#watched.map((one) => one.close()));
  }
}

class WatchedProbe {
  readonly #probe: EngineProbe;
  readonly #options: WatchOptions;
  readonly #signal: AbortSignal;
  readonly #clock: () => number;
  readonly #trends = new Map<string, Trend>();
  /** Of the last answer. */
  #reading: Reading | null = null;
  #seenAt: number | null = null;
  #error: RoomError | null = null;
  /** A question that was given up may not have ended yet. */
  #asking: Promise<unknown> | null = null;
  #looking: Promise<void> | null = null;
  #loop: Promise<void> = Promise.resolve();

  constructor(probe: EngineProbe, options: WatchOptions, signal: AbortSignal) {
    this.#probe = probe;
    this.#options = options;
    this.#signal = signal;
    this.#clock = options.clock ?? Date.now;
    for (const name of Object.keys(FIGURES[probe.kind])) {
      this.#trends.set(name, openTrend(options.trendHours));
    }
  }

  start(): void {
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const everyMs = this.#options.intervalSeconds * 1_000;
    while (!this.#signal.aborted) {
      const from = performance.now();
      await this.look();
      await pauseUnref(everyMs - (performance.now() - from), this.#signal);
    }
  }

  /** One look at a time, whoever wants it. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { timeoutSeconds } = this.#options;
    const { address } = this.#probe;
    const late = () =>
      new IsobarError('SERVICE_UNREACHABLE', `${address}: no answer within ${timeoutSeconds} s`);
    try {
      if (this.#asking !== null) throw late();
      const over = new AbortController();
      const reading = this.#probe.read(AbortSignal.any([over.signal, this.#signal]));
      this.#asking = reading
        .catch(() => {})
        .finally(() => {
          this.#asking = null;
        });
      try {
        this.#reading = await within(timeoutSeconds * 1_000, reading, this.#signal, late);
      } finally {
        over.abort();
      }
      this.#seenAt = this.#clock();
      this.#error = null;
    } catch (error) {
      if (this.#signal.aborted) return;
      const { code, message, row } = asIsobarError(error);
      // An unexpected error is a mistake of ours; its text is for the log of developers only.
      const shown = code === 'INTERNAL' ? `${address}: it could not be asked` : message;
      const since = this.#error?.since ?? new Date(this.#clock()).toISOString();
      this.#error = { code, message: shown, remedy: row.remedy, since };
    }
    const at = this.#clock();
    for (const [name, trend] of this.#trends) {
      trend.add(at, this.#error === null ? this.#valueOf(name) : null);
    }
  }

  #valueOf(name: string): number | null {
    const value = (this.#reading?.figures as Record<string, number | null> | undefined)?.[name];
    return value !== undefined && Number.isFinite(value) ? value : null;
  }

  card(): Engine {
    const { kind, address } = this.#probe;
    const table: Readonly<Record<string, Figure>> = FIGURES[kind];
    const figures = Object.entries(table).map(([name, figure]) => this.#figure(name, figure));
    const parts = this.#reading?.parts ?? [];
    const states = [...figures, ...parts].map(({ state }) => state);
    const worst = states.includes('failing')
      ? 'failing'
      : states.includes('warning')
        ? 'warning'
        : 'ok';
    const seenAt = this.#seenAt;
    return {
      kind,
      address,
      // Before the first answer nothing is known, and nothing has failed.
      state: this.#error === null ? worst : 'unreachable',
      seen_at: seenAt === null ? null : new Date(seenAt).toISOString(),
      age_s: seenAt === null ? null : Math.max(0, (this.#clock() - seenAt) / 1_000),
      error: this.#error,
      figures,
      parts,
    };
  }

  #figure(name: string, figure: Figure): EngineFigure {
    const { unit, help, threshold, isKey = false } = figure;
    const value = this.#valueOf(name);
    const state = figureState(value, threshold);
    return {
      name,
      unit,
      help,
      value,
      threshold:
        threshold === undefined
          ? null
          : { is: threshold.is, warning: threshold.warning, failing: threshold.failing },
      state,
      remedy: state === 'ok' || threshold === undefined ? null : threshold.remedy,
      key: isKey,
      trend: this.#trends.get(name)?.points() ?? { step_s: 60, values: [] },
    };
  }

  async close(): Promise<void> {
    await this.#loop;
    const closing = Promise.resolve(this.#asking).then(() => this.#probe[Symbol.asyncDispose]());
    await within(CLOSE_MS, closing).catch(() => {
      // A service that hangs is not waited for.
    });
  }
}

/** Of all kinds, in the order of the table. */
function inOrder(engines: readonly Engine[]): readonly Engine[] {
  const order = Object.keys(FIGURES) as readonly EngineKind[];
  return engines.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}
