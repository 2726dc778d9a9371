/** What a rule would have done: the same evaluation over the observations that are there. */
import { IsobarError } from '../errors.ts';
import type { Incident } from '../model/alerts.ts';
import type { City } from '../model/city.ts';
import type { Observed } from './alert-loop.ts';
import { Evaluation, type EvaluationFacts, type Transition } from './evaluate.ts';
import { openIncident, resolveIncident, timeText } from './incidents.ts';
import { type DueMessage, dueMessages } from './messages.ts';
import { isCityCondition, type Rule } from './rules.ts';

export interface ReplayOptions {
  readonly rule: Rule;
  readonly cities: readonly City[];
  /** In the order of their times. */
  readonly history: readonly Observed[];
  readonly facts: EvaluationFacts;
  /** Milliseconds since 1970; incidents that opened before are left out. */
  readonly from: number;
  readonly to: number;
  readonly simulated: boolean;
}

export interface Replayed {
  readonly incident: Incident;
  readonly messages: readonly (DueMessage & { readonly at: number })[];
}

const TICK_MS = 60_000;

/** Whether its condition can be judged afterwards; null if so, else why not. */
export function replayProblem({ name, when }: Rule): string | null {
  if (!isCityCondition(when)) {
    return `${name} looks at the state of the system, of which no history is kept`;
  }
  if (when.kind === 'forecast') {
    return `${name} looks at forecasts; replay judges observations only`;
  }
  return when.kind === 'availability'
    ? `${name} looks at availability, which is only known for now`
    : null;
}

/** In the order of their begin. Rejects with PARAMETER_INVALID for a rule that cannot be replayed. */
export function replay(options: ReplayOptions): Replayed[] {
  const { rule, from, to } = options;
  const problem = replayProblem(rule);
  if (problem !== null) throw new IsobarError('PARAMETER_INVALID', problem);
  const book = new IncidentBook(options);
  const evaluation = new Evaluation([rule], options.facts, from);
  evaluation.watch(options.cities);
  let now = options.history[0]?.point.at ?? from;
  for (const { cityId, point } of options.history) {
    if (point.at > to) break;
    for (; now + TICK_MS < point.at; now += TICK_MS) book.take(evaluation.tick(now), now);
    now = Math.max(now, point.at);
    book.take(evaluation.observe(cityId, point, now), now);
    book.take(evaluation.tick(now), now);
  }
  for (; now <= to; now += TICK_MS) book.take(evaluation.tick(now), now);
  return book.replayed();
}

class IncidentBook {
  readonly #options: ReplayOptions;
  readonly #incidents = new Map<string, { incident: Incident; messages: Replayed['messages'] }>();
  #active = new Set<string>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  take(transitions: readonly Transition[], now: number): void {
    for (const transition of transitions) {
      if (transition.change === 'opened') {
        const incident = openIncident(transition, null, this.#options.simulated);
        this.#incidents.set(incident.incident_id, { incident, messages: [] });
        this.#active.add(incident.incident_id);
      } else {
        for (const id of this.#active) {
          const found = this.#incidents.get(id);
          if (found?.incident.city_id !== (transition.city?.city_id ?? null)) continue;
          found.incident = resolveIncident(found.incident, transition.at);
        }
      }
    }
    for (const id of [...this.#active]) this.#send(id, now);
  }

  replayed(): Replayed[] {
    const from = timeText(this.#options.from);
    return [...this.#incidents.values()]
      .filter(({ incident }) => incident.opened_at >= from)
      .sort((a, b) => (a.incident.opened_at < b.incident.opened_at ? -1 : 1));
  }

  #send(id: string, now: number): void {
    const found = this.#incidents.get(id);
    if (found === undefined) return;
    const due = dueMessages(found.incident, { rule: this.#options.rule, silences: [], now });
    for (const message of due) {
      const { channel, kind, number } = message;
      const sent = { channel, kind, number, state: 'sent' as const, at: timeText(now) };
      found.incident = { ...found.incident, notified: [...found.incident.notified, sent] };
      found.messages = [...found.messages, { ...message, at: now }];
    }
    if (found.incident.resolved_at !== null) this.#active.delete(id);
  }
}
