/**
 * When a city is asked next. All times are the wall clock's, in milliseconds since 1970.
 *
 * Its next observation bears the time of the last one + interval, and can be had some `lag` later.
 * The lag is learned per city from two kinds of proof: an answer that is still the old one says
 * that the lag is longer, a new one says that it is no longer than its own age. Found too short,
 * it moves up, in steps that double while it stays too short, so that a single late observation
 * counts for little. Found long enough, it moves down a little, faster the farther it is from what
 * was too short lately. It is never longer than the age of the newest answer, so that no
 * observation is jumped over.
 *
 * Each answer costs a token; a city gets 1.1 of them per interval and saves up to eight. So asking
 * again for an observation that is late is quick at first, and never costs more than a tenth above
 * one call per interval.
 */
export interface Plan {
  readonly intervalMs: number;
  /** The lag that is assumed before anything is known, and the least one that is aimed at. */
  readonly delayMs: number;
  /** Quick tries after a failure. */
  readonly retries: number;
}

export interface PollSchedule {
  lagMs: number;
  /** The largest lag at which an observation was still missing lately; never more than `lagMs`. */
  missingMs: number;
  /** The time of the newest observation, in milliseconds since 1970. */
  observedAt: number | null;
  /** Answers in a row that were still the old one. */
  misses: number;
  /** When the next one was last found missing, in milliseconds since 1970. */
  missedAt: number;
  /** Observations in a row that were found only after a miss. */
  late: number;
  failures: number;
  tokens: number;
  tokensAt: number;
  /** Whether the next call waits for a token, later than it would be made otherwise. */
  throttled: boolean;
}

/** More than one late observation costs. */
const TOKENS_MAX = 8;
const TOKENS_PER_INTERVAL = 1.1;
const LAG_INTERVALS_MAX = 18;
const DAY_MS = 86_400_000;
const QUICK_RETRY_MS = 2_000;

export function newPollSchedule(
  plan: Plan,
  now: number,
  known: { readonly observedAt: number; readonly lagMs: number } | null,
): PollSchedule {
  const lagMs = clampLag(known?.lagMs ?? plan.delayMs, plan);
  return {
    lagMs,
    missingMs: lagMs,
    observedAt: known?.observedAt ?? null,
    misses: 0,
    missedAt: 0,
    late: 0,
    failures: 0,
    tokens: TOKENS_MAX,
    tokensAt: now,
    throttled: false,
  };
}

/** When the next observation is due; null while none is known. */
export function expectedAt(pollSchedule: PollSchedule, plan: Plan): number | null {
  if (pollSchedule.observedAt === null) return null;
  return pollSchedule.observedAt + plan.intervalMs + pollSchedule.lagMs;
}

/** After an answer: with which time, or null when it made no observation. Returns the next due. */
export function afterAnswer(
  pollSchedule: PollSchedule,
  plan: Plan,
  now: number,
  observedAt: number | null,
): number {
  spendToken(pollSchedule, plan, now);
  pollSchedule.failures = 0;
  const isNew =
    observedAt !== null &&
    (pollSchedule.observedAt === null || observedAt > pollSchedule.observedAt);
  if (isNew) {
    learnFromNew(pollSchedule, plan, now, observedAt);
  } else {
    const expected = expectedAt(pollSchedule, plan);
    // Asked early, because of a request to refresh: nothing to learn.
    if (expected !== null && now < expected) return afterToken(pollSchedule, plan, expected);
    pollSchedule.misses += 1;
    pollSchedule.missedAt = now;
  }
  const again = now + nextGap(pollSchedule, plan);
  const expected = expectedAt(pollSchedule, plan);
  if (expected === null || expected > again)
    return afterToken(pollSchedule, plan, expected ?? again);
  // Once more before the one after it takes its place.
  const over = plan.intervalMs - ((now - expected) % plan.intervalMs) - firstGap(plan);
  return afterToken(pollSchedule, plan, over > 0 ? Math.min(again, now + over) : again);
}

/** 30 s for an interval of ten minutes, doubling up to five minutes. */
function nextGap(pollSchedule: PollSchedule, plan: Plan): number {
  const gap = firstGap(plan) * 2 ** Math.min(20, Math.max(0, pollSchedule.misses - 1));
  return Math.min(plan.intervalMs / 2, gap);
}

function learnFromNew(
  pollSchedule: PollSchedule,
  plan: Plan,
  now: number,
  observedAt: number,
): void {
  const age = now - observedAt;
  if (pollSchedule.observedAt === null) {
    // The one after it is not there yet; that is all that a first answer proves.
    pollSchedule.missingMs = age - plan.intervalMs;
    pollSchedule.lagMs = Math.max(pollSchedule.lagMs, pollSchedule.missingMs);
  } else if (pollSchedule.misses > 0) {
    pollSchedule.late += 1;
    const missing = pollSchedule.missedAt - observedAt;
    const bracket = age - missing;
    // Half-way between "not yet" and "there", but no finer than we would ask again anyway.
    const aim = missing + Math.max(bracket / 2, Math.min(bracket, firstGap(plan)));
    const step = firstGap(plan) * 2 ** Math.min(10, pollSchedule.late - 1);
    pollSchedule.lagMs = Math.max(pollSchedule.lagMs, Math.min(aim, pollSchedule.lagMs + step));
    pollSchedule.missingMs = Math.max(pollSchedule.missingMs, missing);
  } else if (pollSchedule.throttled) {
    // Calls were in vain again and again. This time of asking finds one, so keep to it.
    pollSchedule.lagMs = Math.max(pollSchedule.lagMs, age);
  } else {
    pollSchedule.late = 0;
    const least = Math.min(plan.delayMs, pollSchedule.lagMs);
    const little = plan.intervalMs / 1_200;
    const spare = Math.max(0, pollSchedule.lagMs - pollSchedule.missingMs);
    pollSchedule.lagMs = Math.max(least, pollSchedule.lagMs - little - spare / 30);
    pollSchedule.missingMs -= little;
  }
  // An observation from the future says by how much the provider's clock is ahead of ours.
  const proven = age < 0 ? age + plan.delayMs : Math.max(age, plan.delayMs);
  pollSchedule.lagMs = clampLag(Math.min(pollSchedule.lagMs, proven), plan);
  pollSchedule.missingMs = Math.min(pollSchedule.missingMs, pollSchedule.lagMs);
  pollSchedule.observedAt = observedAt;
  pollSchedule.misses = 0;
}

/** After a failure that may pass: quickly at first, then each tenth of an interval, with jitter. */
export function afterFailure(
  pollSchedule: PollSchedule,
  plan: Plan,
  now: number,
  random: number,
): number {
  pollSchedule.failures += 1;
  const quick = Math.min(QUICK_RETRY_MS, plan.intervalMs / 60);
  const gap =
    pollSchedule.failures <= plan.retries
      ? quick * 2 ** (pollSchedule.failures - 1)
      : Math.max(quick, plan.intervalMs / 10);
  return now + gap * (0.5 + random);
}

/**
 * After trouble that lies in the city. One that has answered before is asked again soon, then
 * more and more seldom: even a provider's "no such city" has been a passing fault.
 */
export function afterCityTrouble(
  pollSchedule: PollSchedule,
  plan: Plan,
  now: number,
  waitMs: number,
): number {
  pollSchedule.failures += 1;
  if (pollSchedule.observedAt === null) return now + waitMs;
  return now + Math.min(DAY_MS, plan.intervalMs * 2 ** Math.min(20, pollSchedule.failures - 1));
}

/** A twentieth of the interval: 30 s for ten minutes. */
function firstGap(plan: Plan): number {
  return plan.intervalMs / 20;
}

function clampLag(lagMs: number, plan: Plan): number {
  return Math.min(LAG_INTERVALS_MAX * plan.intervalMs, Math.max(-plan.intervalMs, lagMs));
}

function spendToken(pollSchedule: PollSchedule, plan: Plan, now: number): void {
  const earned = (Math.max(0, now - pollSchedule.tokensAt) / plan.intervalMs) * TOKENS_PER_INTERVAL;
  pollSchedule.tokens = Math.max(0, Math.min(TOKENS_MAX, pollSchedule.tokens + earned) - 1);
  pollSchedule.tokensAt = now;
}

/** `due`, or when the city has earned another call, whichever is later. */
function afterToken(pollSchedule: PollSchedule, plan: Plan, due: number): number {
  const missing = Math.max(0, 1 - pollSchedule.tokens);
  const earned = pollSchedule.tokensAt + (missing / TOKENS_PER_INTERVAL) * plan.intervalMs;
  pollSchedule.throttled = earned > due;
  return Math.max(due, earned);
}
