/**
 * The evaluation: observations and looks at the clock in, changes of incidents out. It has no effects
 * and does not know the time by itself, so that `replay` runs the same code over history.
 */
import { type Condition, type ConditionOf, secondsOf, secondsWithin } from '../model/alerts.ts';
import type { AnomalyEvent } from '../model/anomaly-events.ts';
import type { City } from '../model/city.ts';
import type { Anomaly } from '../model/datasets.ts';
import type { CityForecast, ForecastVariable } from '../model/forecast.ts';
import type { QualityFlag } from '../model/quality.ts';
import type { VariableName } from '../model/variables.ts';
import { isActiveAt } from './active.ts';
import { JoinedVerdicts } from './joined-verdicts.ts';
import {
  judgeAvailability,
  judgeChange,
  judgeForecast,
  judgeSilent,
  judgeUnusual,
  judgeValue,
  MISSING,
  type Point,
  type Usual,
  type Values,
  type Verdict,
} from './judging.ts';
import { judgeAnomaly, judgeEvent, judgeQuality } from './judging-published.ts';
import { judgeSystem, type SystemCondition, type SystemFacts } from './judging-system.ts';
import { isCityCondition, type Rule } from './rules.ts';
import { advance, newTrack, type Track } from './track.ts';

/** What the evaluation is asked for and does not hold itself. */
export interface EvaluationFacts {
  /** What is usual there at that time; null where too little is known. */
  usual(cityId: string, variable: VariableName, at: number): Usual | null;
  /** The published anomalies of the city at that time. */
  anomalies(cityId: string, at: number): readonly Anomaly[];
  /** Flags of quality control, as far back as `needs` says; null while values are not checked. */
  flags(cityId: string): readonly QualityFlag[] | null;
  /** Anomaly events, as far back as `needs` says; null while none are looked for. */
  events(cityId: string): readonly AnomalyEvent[] | null;
  /** Share of the expected observations of the last day, week or month that arrived, %. */
  availability(cityId: string, over: 'day' | 'week' | 'month'): number | null;
  /** The newest forecast; null where none was issued. */
  forecast(cityId: string, variable: ForecastVariable): CityForecast | null;
  /** Milliseconds of a time in which isobar did not ask: it did not run, or was not to. */
  stoppedMs(from: number, to: number): number;
}

/** What some condition asks the facts for. */
export interface Needs {
  readonly usual: readonly VariableName[];
  readonly anomalies: boolean;
  /** How far back, in milliseconds; 0 where no condition looks at them. */
  readonly flagsMs: number;
  readonly eventsMs: number;
  readonly availability: boolean;
  readonly forecasts: boolean;
}

export function needsOf(conditions: readonly Condition[]): Needs {
  const of = <K extends Condition['kind']>(kind: K) =>
    conditions.filter((when): when is ConditionOf<K> => when.kind === kind);
  const longest = (kind: 'quality' | 'event') =>
    Math.max(0, ...of(kind).map((when) => 1_000 * secondsWithin(when)));
  return {
    usual: [...new Set(of('unusual').map(({ variable }) => variable))],
    anomalies: of('anomaly').length > 0,
    flagsMs: longest('quality'),
    eventsMs: longest('event'),
    availability: of('availability').length > 0,
    forecasts: of('forecast').length > 0,
  };
}

export interface Transition {
  readonly rule: Rule;
  /** The city, or null for the system and for rules with one incident for all cities. */
  readonly city: City | null;
  readonly change: 'opened' | 'resolved';
  readonly verdict: Verdict;
  /** Since when it has held; milliseconds since 1970, like `at`. */
  readonly since: number;
  readonly at: number;
}

/** Points that are kept of all cities together, and of one. */
const POINTS_MAX = 500_000;
const POINTS_OF_CITY = 48;
/** A city whose newest observation is as old has nothing to judge by. */
const MISSING_MS = 3_600_000;

export class Evaluation {
  readonly #cityRules: readonly Rule[];
  readonly #systemRules: readonly Rule[];
  readonly #variables: readonly VariableName[];
  readonly #windowMs: number;
  readonly #facts: EvaluationFacts;
  readonly #startedAt: number;
  readonly #cities = new Map<string, City>();
  readonly #points = new Map<string, Point[]>();
  /** Rule → city, or '' → track. */
  readonly #tracks = new Map<Rule, Map<string, Track>>();
  /** Of rules with one incident for all cities. */
  readonly #joined = new Map<Rule, JoinedVerdicts>();

  constructor(rules: readonly Rule[], facts: EvaluationFacts, startedAt: number) {
    this.#cityRules = rules.filter(({ when }) => isCityCondition(when));
    this.#systemRules = rules.filter(({ when }) => !isCityCondition(when));
    this.#facts = facts;
    this.#startedAt = startedAt;
    const looked = this.#cityRules.flatMap(({ when }) =>
      'variable' in when ? [when.variable] : [],
    );
    this.#variables = [...new Set(looked)].filter((name) => name !== undefined);
    this.#windowMs = 1_000 * Math.max(0, ...this.#cityRules.map(({ when }) => windowOf(when)));
    for (const rule of rules) {
      this.#tracks.set(rule, new Map());
      if (rule.group === 'rule') this.#joined.set(rule, new JoinedVerdicts());
    }
  }

  /** The variables that some rule looks at. */
  get variables(): readonly VariableName[] {
    return this.#variables;
  }

  /** What some rule asks the facts for. */
  get needs(): Needs {
    return needsOf(this.#cityRules.map(({ when }) => when));
  }

  /** How far back observations are needed, beside the newest ones. */
  get windowMs(): number {
    return this.#windowMs;
  }

  knows(cityId: string): boolean {
    return this.#cities.has(cityId);
  }

  watch(cities: readonly City[]): void {
    for (const city of cities) this.#cities.set(city.city_id, city);
  }

  /** Goes on from a stored track; one of a rule that is not in effect is passed over. */
  restore(ruleName: string, subject: string, track: Track): void {
    for (const [rule, tracks] of this.#tracks) {
      if (rule.name === ruleName) tracks.set(subject, track);
    }
  }

  isOpen(ruleName: string, subject: string): boolean {
    for (const [rule, tracks] of this.#tracks) {
      if (rule.name === ruleName) return tracks.get(subject)?.phase === 'open';
    }
    return false;
  }

  /** All tracks that are not clear. */
  *tracks(): Iterable<{ readonly rule: Rule; readonly subject: string; readonly track: Track }> {
    for (const [rule, tracks] of this.#tracks) {
      for (const [subject, track] of tracks) {
        if (track.phase !== 'clear') yield { rule, subject, track };
      }
    }
  }

  newestAt(cityId: string): number | null {
    return this.#points.get(cityId)?.at(-1)?.at ?? null;
  }

  /** An observation; one that is not newer than the newest of its city changes nothing. */
  observe(cityId: string, point: Point, now: number): Transition[] {
    const points = this.#points.get(cityId) ?? [];
    const last = points.at(-1);
    if (last !== undefined && point.at <= last.at) return [];
    this.#points.set(cityId, points);
    points.push({ at: point.at, values: this.#pick(point.values) });
    this.#forget(points, point.at);
    return this.#rulesOf(cityId).flatMap((rule) => {
      const verdict = this.#judgeAt(rule, cityId, points, now);
      if (verdict === null) return [];
      const at = rule.when.kind === 'silent' ? now : point.at;
      return this.#apply(rule, cityId, verdict, at);
    });
  }

  /** A look at the clock: what only time brings about, for each city. */
  tick(now: number): Transition[] {
    return [...this.#cities.keys()].flatMap((cityId) =>
      this.#rulesOf(cityId).flatMap((rule) => {
        const judged = this.#judgeByClock(rule, cityId, now);
        return judged === null ? [] : this.#apply(rule, cityId, judged.verdict, judged.at);
      }),
    );
  }

  /** A look at the system. */
  look(facts: SystemFacts): Transition[] {
    return this.#systemRules.flatMap((rule) => {
      const verdict = judgeSystem(rule.when as SystemCondition, facts);
      return this.#apply(rule, '', verdict, facts.now);
    });
  }

  #rulesOf(cityId: string): readonly Rule[] {
    return this.#cityRules.filter(({ cities }) => cities === null || cities.has(cityId));
  }

  #judgeAt(rule: Rule, cityId: string, points: readonly Point[], now: number): Verdict | null {
    const { when } = rule;
    const at = points.at(-1)?.at ?? now;
    switch (when.kind) {
      case 'value':
        return judgeValue(when, points);
      case 'change':
        return judgeChange(when, secondsOf(when.within) * 1_000, points);
      case 'unusual':
        return judgeUnusual(when, points, this.#facts.usual(cityId, when.variable, at));
      case 'silent':
        return this.#judgeSilent(when.after, at, now);
      default:
        return null;
    }
  }

  #judgeSilent(after: string, newestAt: number | null, now: number): Verdict {
    const watchedSince = this.#startedAt;
    const stoppedMs = this.#facts.stoppedMs(newestAt ?? watchedSince, now);
    return judgeSilent(secondsOf(after) * 1_000, { newestAt, watchedSince, stoppedMs, now });
  }

  #judgeByClock(
    rule: Rule,
    cityId: string,
    now: number,
  ): { readonly verdict: Verdict; readonly at: number } | null {
    const { when } = rule;
    const newestAt = this.newestAt(cityId);
    if (when.kind === 'silent') {
      return { verdict: this.#judgeSilent(when.after, newestAt, now), at: now };
    }
    if (when.kind === 'availability') {
      const pct = this.#facts.availability(cityId, when.over);
      return { verdict: judgeAvailability(when, pct), at: now };
    }
    if (when.kind === 'forecast') {
      const found = this.#facts.forecast(cityId, when.variable);
      return { verdict: judgeForecast(when, 1_000 * secondsWithin(when), found, now), at: now };
    }
    if (when.kind === 'quality') {
      const found = this.#facts.flags(cityId);
      return { verdict: judgeQuality(when, 1_000 * secondsWithin(when), found, now), at: now };
    }
    if (when.kind === 'event') {
      const found = this.#facts.events(cityId);
      return { verdict: judgeEvent(when, 1_000 * secondsWithin(when), found, now), at: now };
    }
    if (newestAt === null) return null;
    if (when.kind === 'anomaly') {
      const verdict = judgeAnomaly(when, this.#facts.anomalies(cityId, newestAt));
      return { verdict, at: newestAt };
    }
    // Observations that come after an outage may be older than now.
    const missingAt = newestAt + MISSING_MS;
    return rule.missing === 'resolve' && missingAt <= now
      ? { verdict: NO_LONGER_KNOWN, at: missingAt }
      : null;
  }

  #apply(rule: Rule, cityId: string, verdict: Verdict, at: number): Transition[] {
    const tracks = this.#tracks.get(rule);
    if (tracks === undefined) return [];
    const joined = cityId === '' ? undefined : this.#joined.get(rule);
    joined?.set(cityId, verdict);
    const subject = joined === undefined ? cityId : '';
    const city = subject === '' ? null : this.#cityOf(cityId);
    const before = tracks.get(subject) ?? newTrack();
    const active = rule.active === null || isActiveAt(rule.active, city?.time_zone ?? 'UTC', at);
    const { track, change } = advance(before, rule, joined ?? verdict, at, active);
    tracks.set(subject, track);
    if (change === null) return [];
    const since = change === 'opened' ? track.since : before.since;
    const judged = joined?.verdict(verdict, (id) => this.#cityOf(id).name) ?? verdict;
    return [{ rule, city, change, verdict: judged, since, at }];
  }

  /** Of one that was added after the list was read, only the identity is known. */
  #cityOf(cityId: string): City {
    return this.#cities.get(cityId) ?? unlistedCity(cityId, cityId);
  }

  /** Only what rules look at is kept. */
  #pick(values: Values): Values {
    return Object.fromEntries(this.#variables.map((name) => [name, values[name] ?? null]));
  }

  #forget(points: Point[], at: number): void {
    const most = Math.max(2, Math.min(POINTS_OF_CITY, POINTS_MAX / Math.max(1, this.#points.size)));
    while (points.length > most && (points[0]?.at ?? at) < at - this.#windowMs) points.shift();
    if (points.length > POINTS_OF_CITY * 20) points.splice(0, points.length - POINTS_OF_CITY * 20);
  }
}

/** A city that the list does not have yet, by what an observation says of it. */
export function unlistedCity(city_id: string, name: string): City {
  return { city_id, name, country: '', latitude: 0, longitude: 0, time_zone: 'UTC' };
}

const NO_LONGER_KNOWN: Verdict = { ...MISSING, summary: 'there is nothing to judge by any more' };

/** Seconds before an observation that its verdict looks at. */
function windowOf(when: Condition): number {
  return when.kind === 'change' ? secondsOf(when.within) : 0;
}
