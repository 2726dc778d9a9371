/**
 * The journal: what the collector did, as stretches of time that each have one activity. A stretch
 * grows with each sign of life, about one a minute, and ends with a change; where no stretch is, no
 * process collected. So a killed process leaves at most a minute of which it is not known.
 */
import { randomUUID } from 'node:crypto';
import { asIsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Activity, Stretch } from '../model/outages.ts';
import type { CollectorState } from '../model/status.ts';
import type { Clock } from './clock.ts';
import type { JournalStore } from './journal-store.ts';
import type { ProviderError } from './provider-error.ts';

export interface Doing {
  readonly activity: Activity;
  readonly reason: string;
}

export interface Journal {
  /** What the collector does from now on; cheap when it is the same as before. */
  note(doing: Doing): void;
  /** Records the end. */
  stop(): Promise<void>;
}

export interface JournalOptions {
  readonly store: JournalStore;
  readonly clock: Clock;
  /** Between two signs of life, by that clock. */
  readonly everyMs: number;
  /** After a change of what the collector does. */
  readonly onChange: () => void;
  readonly logger: Pick<Logger, 'warn'>;
}

/** A longer time without a sign of life belongs to no stretch: the machine slept. */
const MISSED_SIGNS = 3;

export function startJournal(options: JournalOptions): Journal {
  const { store, clock, everyMs, onChange, logger } = options;
  const stopping = new AbortController();
  let doing: Doing | null = null;
  let stretch: Stretch | null = null;
  let writing: Promise<void> = Promise.resolve();
  let isFailing = false;

  function begin({ activity, reason }: Doing, at: string): Stretch {
    return { stretch_id: randomUUID(), began_at: at, ended_at: at, activity, reason };
  }

  /** Lets the stretch go on until now, and begins another one where it cannot. */
  function grow(): void {
    if (doing === null) return;
    const now = clock.now();
    const at = new Date(now).toISOString();
    const silentMs = stretch === null ? 0 : now - Date.parse(stretch.ended_at);
    // A clock that was set back begins anew, too.
    const goesOn = stretch !== null && silentMs >= 0 && silentMs <= MISSED_SIGNS * everyMs;
    stretch = goesOn && stretch !== null ? { ...stretch, ended_at: at } : begin(doing, at);
    write(stretch);
  }

  function write(changed: Stretch): void {
    writing = writing
      .then(() => store.put(changed))
      .then(
        () => {
          isFailing = false;
        },
        (error: unknown) => {
          const { message } = asIsobarError(error);
          if (!isFailing) logger.warn(`recording what the collector does: ${message}`);
          isFailing = true;
        },
      );
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.wait(everyMs, stopping.signal);
      grow();
    }
  }

  const running = run();
  return {
    note(next) {
      if (doing?.activity === next.activity && doing.reason === next.reason) return;
      grow();
      doing = next;
      stretch = begin(next, stretch?.ended_at ?? new Date(clock.now()).toISOString());
      write(stretch);
      onChange();
    },
    async stop() {
      stopping.abort();
      await running;
      await writing;
    },
  };
}

function failureOf({ isUnreached }: ProviderError): Activity {
  return isUnreached ? 'network' : 'provider';
}

/** What a state of the collector means for what it collects; `error` is what calls fail with. */
export function activityOf(state: CollectorState, error: ProviderError | null): Activity {
  switch (state) {
    case 'starting':
    case 'live':
      return error === null ? 'collecting' : failureOf(error);
    case 'paused':
      return 'paused';
    case 'budget_spent':
      return 'budget';
    case 'provider_down':
      return error === null ? 'provider' : failureOf(error);
    case 'key_not_active':
    case 'key_refused':
    case 'quota':
    case 'rejecting':
      return 'provider';
    case 'log_full':
    case 'stopped':
      return 'isobar';
  }
}
