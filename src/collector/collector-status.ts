import type { City } from '../model/city.ts';
import type { CollectorState, CollectorStatus } from '../model/status.ts';
import { formatTime } from '../model/time-zone.ts';
import type { Breaker } from './breaker.ts';
import type { Refusal } from './budget.ts';

/** The state of the collector when its status is requested. */
export interface Situation {
  readonly source: string;
  readonly stopped: boolean;
  readonly paused: boolean;
  /** Why the log takes nothing, or why no call can be booked; null while they work. */
  readonly blocked: { readonly message: string } | null;
  readonly trouble: Breaker['trouble'];
  readonly refused: Refusal | null;
  /** Seconds between two calls when the budget must be made to last; 0 when it is large enough. */
  readonly throttleSeconds: number;
  readonly cityCount: number;
  readonly lastCheckedAt: number | null;
  readonly lastObservedAt: number | null;
  readonly nextPollAt: number | null;
  readonly calls: CollectorStatus['calls'];
  readonly troubled: ReadonlyMap<City['city_id'], string>;
  /** Whether no answer of any city can be used. */
  readonly isRejecting: boolean;
  readonly rejectedFields: CollectorStatus['rejected_fields'];
}

/** What the state follows from. */
export type StateFacts = Pick<
  Situation,
  'stopped' | 'paused' | 'blocked' | 'trouble' | 'isRejecting' | 'refused' | 'lastCheckedAt'
>;

const TROUBLED_MAX = 100;

export function describeCollector(situation: Situation): CollectorStatus {
  const state = stateOf(situation);
  return {
    source: situation.source,
    state,
    message: sentenceOf(state, situation),
    city_count: situation.cityCount,
    last_checked_at: format(situation.lastCheckedAt),
    last_observed_at: format(situation.lastObservedAt),
    next_poll_at: format(situation.nextPollAt),
    calls: situation.calls,
    troubled: [...situation.troubled]
      .slice(0, TROUBLED_MAX)
      .map(([city_id, reason]) => ({ city_id, reason })),
    rejected_fields: situation.rejectedFields,
  };
}

/** The most serious first: what must be dealt with before anything else can go on. */
export function stateOf(situation: StateFacts): CollectorState {
  const { trouble, refused } = situation;
  if (situation.stopped) return 'stopped';
  if (situation.paused) return 'paused';
  if (situation.blocked !== null) return 'log_full';
  if (trouble !== null) {
    switch (trouble.error.code) {
      case 'PROVIDER_KEY_REFUSED':
        return trouble.error.keyNotActiveYet ? 'key_not_active' : 'key_refused';
      case 'PROVIDER_QUOTA':
        return 'quota';
      default:
        return 'provider_down';
    }
  }
  if (situation.isRejecting) return 'rejecting';
  if (refused !== null && refused.period !== 'minute') return 'budget_spent';
  return situation.lastCheckedAt === null ? 'starting' : 'live';
}

function sentenceOf(state: CollectorState, situation: Situation): string {
  const { cityCount, trouble, refused, blocked, troubled, throttleSeconds } = situation;
  const cities = cityCount === 1 ? '1 city' : `${cityCount} cities`;
  const again = trouble === null ? '' : `; trying again at ${clockTime(trouble.until)}`;
  const said = trouble === null ? '' : ` (${trouble.error.message})`;
  switch (state) {
    case 'starting':
      return `Asking for ${cities} for the first time.`;
    case 'live': {
      const but = troubled.size === 0 ? '' : `; ${troubled.size} of them in trouble`;
      const throttle =
        throttleSeconds === 0
          ? ''
          : `; the budget lasts for one call every ${Math.ceil(throttleSeconds)} s, so they take turns`;
      return `Polling ${cities}${but}${throttle}.`;
    }
    case 'paused':
      return 'Polling is paused until it is resumed.';
    case 'key_not_active':
      return (
        'The provider does not accept the key yet; a new one works after 10 minutes to 2 hours' +
        `${again}.`
      );
    case 'key_refused':
      return `The provider refuses the key; check it for typing errors${again}${said}.`;
    case 'quota':
      return `The provider says that the quota is used up${again}${said}.`;
    case 'budget_spent':
      return (
        `The budget of calls for this ${refused?.period ?? 'day'} is spent; ` +
        `polling goes on at ${clockTime(refused?.until.getTime() ?? 0)}.`
      );
    case 'provider_down':
      return `The provider does not answer${again}${said}.`;
    case 'log_full':
      return `Polling waits, and tries again by itself: ${blocked?.message ?? ''}.`;
    case 'rejecting':
      return `Every answer is rejected: ${commonest(troubled.values())}.`;
    case 'stopped':
      return 'Polling has stopped.';
  }
}

/** The reason that most have, values aside; in full as one of them has it. */
function commonest(reasons: Iterable<string>): string {
  const groups = [...Map.groupBy(reasons, (reason) => reason.replace(/ \(.*$/, '')).values()];
  const [largest] = groups.sort((a, b) => b.length - a.length);
  return largest?.[0] ?? 'no reason is known';
}

function format(ms: number | null): string | null {
  return ms === null ? null : formatTime(new Date(ms));
}

/** `14:05:30 UTC`, with the day when it is far away. */
function clockTime(ms: number): string {
  return `${formatTime(new Date(Math.ceil(ms / 1_000) * 1_000))
    .replace('T', ' ')
    .slice(0, 19)} UTC`;
}
