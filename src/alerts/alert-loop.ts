/**
 * The loop of alerts: takes observations as they come and looks at the system every few seconds,
 * records what changed, and hands the messages to the outbox. One process at a time runs it.
 */
import { asIsobarError, ERRORS } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Incident } from '../model/alerts.ts';
import type { City } from '../model/city.ts';
import type { RoomError, Status } from '../model/status.ts';
import { pause } from '../waiting.ts';
import { Evaluation, type EvaluationFacts, type Transition, unlistedCity } from './evaluate.ts';
import { openIncident, resolveIncident } from './incidents.ts';
import type { Point } from './judging.ts';
import type { EngineState } from './judging-system.ts';
import { type DueMessage, dueMessages } from './messages.ts';
import type { Rule } from './rules.ts';
import type { AlertStore } from './store.ts';

export interface Observed {
  readonly cityId: string;
  /** Its name, where the observation says it. */
  readonly name?: string;
  readonly point: Point;
}

export interface AlertLoopOptions {
  readonly rules: readonly Rule[];
  readonly store: AlertStore;
  readonly facts: EvaluationFacts & {
    /** Brings up to date what the facts are read from; called before each look. */
    refresh(evaluation: Pick<Evaluation, 'needs'>, now: number): Promise<void>;
  };
  readonly cities: () => readonly City[];
  readonly status: () => Promise<Status>;
  readonly engines: () => readonly EngineState[];
  /** Observations of the table since then (milliseconds since 1970), and the newest of each city. */
  readonly history: (since: number) => Promise<readonly Observed[]>;
  /** Channels that want an open incident again after this time. */
  readonly refreshMs: (channel: string) => number | null;
  /** Something was put into the outbox or changed. */
  readonly onChange: () => void;
  readonly simulated: boolean;
  readonly lookMs: number;
  readonly logger: Logger;
  readonly clock?: () => number;
}

export interface AlertLoop {
  /** Takes them up in the next pass, which begins at once. */
  observe(observed: readonly Observed[]): void;
  /** Reads the table again: some observations could not be handed over. */
  reload(): void;
  /** A whole pass, with a look at the system. */
  look(): Promise<void>;
  readonly failure: RoomError | null;
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;
/** What happened before the start counts as far back, so that pending rules go on. */
const WARM_UP_MS = 3 * HOUR_MS;
const QUEUE_MAX = 100_000;

export async function startAlertLoop(options: AlertLoopOptions): Promise<AlertLoop> {
  const loop = new RunningLoop(options);
  await loop.begin();
  return loop;
}

class RunningLoop implements AlertLoop {
  failure: RoomError | null = null;
  readonly #options: AlertLoopOptions;
  readonly #rules: ReadonlyMap<string, Rule>;
  readonly #evaluation: Evaluation;
  readonly #stop = new AbortController();
  readonly #rejected: { readonly at: number; readonly counts: Readonly<Record<string, number>> }[] =
    [];
  #queue: Observed[] = [];
  /** The store failed to take these; they come before those of the next pass. */
  #unrecorded: readonly Transition[] = [];
  #reload = false;
  #wake = new AbortController();
  #running: Promise<void> | null = null;
  #pass: Promise<void> = Promise.resolve();

  constructor(options: AlertLoopOptions) {
    this.#options = options;
    this.#rules = new Map(options.rules.map((rule) => [rule.name, rule]));
    this.#evaluation = new Evaluation(options.rules, options.facts, this.#now());
  }

  async begin(): Promise<void> {
    this.#restore();
    this.#evaluation.watch(this.#options.cities());
    await this.#options.facts.refresh(this.#evaluation, this.#now());
    await this.#warmUp();
    this.#running = this.#run();
  }

  observe(observed: readonly Observed[]): void {
    if (this.#queue.length + observed.length > QUEUE_MAX) {
      this.#queue = [];
      this.reload();
      return;
    }
    this.#queue.push(...observed);
    this.#wake.abort();
  }

  reload(): void {
    this.#reload = true;
    this.#wake.abort();
  }

  look(): Promise<void> {
    this.#pass = this.#pass.then(() => this.#guarded(() => this.#lookOnce()));
    return this.#pass;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#pass;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let lookedAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const isDue = performance.now() - lookedAt >= this.#options.lookMs;
      if (isDue) {
        lookedAt = performance.now();
        await this.look();
      } else {
        this.#pass = this.#pass.then(() => this.#guarded(() => this.#takeUp()));
        await this.#pass;
      }
      this.#wake = new AbortController();
      if (this.#queue.length > 0 || this.#reload) continue;
      const left = this.#options.lookMs - (performance.now() - lookedAt);
      await pause(left, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** A failure is logged once and shown; the next pass tries again. */
  async #guarded(pass: () => Promise<void>): Promise<void> {
    try {
      await pass();
      if (this.failure !== null) this.#options.logger.info('evaluating alert rules: works again');
      this.failure = null;
    } catch (error) {
      const { code, message } = asIsobarError(error);
      if (this.failure === null) {
        this.#options.logger.warn({ code }, `evaluating alert rules: ${message}`);
      }
      const since = this.failure?.since ?? new Date(this.#now()).toISOString();
      this.failure = { code, message, remedy: ERRORS[code].remedy, since };
    }
  }

  async #lookOnce(): Promise<void> {
    const { cities, facts, status, engines } = this.#options;
    this.#evaluation.watch(cities());
    await this.#takeUp();
    const found = await status();
    // While the lake is away the facts are those of before, and that it is away is an alert itself.
    const refreshed = await Promise.allSettled([facts.refresh(this.#evaluation, this.#now())]);
    const now = this.#now();
    const system = {
      status: found,
      engines: engines(),
      rejectedLastHour: this.#countRejected(found, now),
      now,
    };
    await this.#record([...this.#evaluation.tick(now), ...this.#evaluation.look(system)]);
    for (const result of refreshed) if (result.status === 'rejected') throw result.reason;
  }

  async #takeUp(): Promise<void> {
    if (this.#reload) {
      this.#reload = false;
      await this.#warmUp();
    }
    const active = this.#options.store.active();
    this.#adopt(active);
    const queue = this.#queue;
    this.#queue = [];
    if (queue.length === 0) return;
    const now = this.#now();
    const transitions = queue.flatMap(({ cityId, name = cityId, point }) => {
      if (!this.#evaluation.knows(cityId)) this.#evaluation.watch([unlistedCity(cityId, name)]);
      return this.#evaluation.observe(cityId, point, now);
    });
    await this.#record(transitions, active);
  }

  /** Incidents that are open stay so until a verdict ends them, whoever opened them. */
  #restore(): void {
    const { store } = this.#options;
    const active = store.active();
    const open = new Set(active.map(({ rule, city_id }) => keyOf(rule, city_id)));
    for (const { rule, version, subject, track } of store.tracks()) {
      const isOpen = open.has(keyOf(rule, subject));
      if (isOpen !== (track.phase === 'open') || this.#rules.get(rule)?.version !== version)
        continue;
      this.#evaluation.restore(rule, subject, track);
    }
    this.#adopt(active);
  }

  /** Incidents that another process opened, and may not be there to end, are gone on with. */
  #adopt(active: readonly Incident[]): void {
    // What could not be recorded is newer than what is in the store.
    if (this.#unrecorded.length > 0) return;
    for (const { rule, city_id, began_at, opened_at } of active) {
      if (this.#evaluation.isOpen(rule, city_id ?? '')) continue;
      const [since, at] = [Date.parse(began_at), Date.parse(opened_at)];
      this.#evaluation.restore(rule, city_id ?? '', { phase: 'open', since, clearSince: null, at });
    }
  }

  /** Incidents that began and ended meanwhile are not opened any more. */
  async #warmUp(): Promise<void> {
    const now = this.#now();
    const longest = Math.max(0, ...this.#options.rules.map(({ forMs }) => forMs));
    const since = now - WARM_UP_MS - this.#evaluation.windowMs - longest;
    const history = await this.#options.history(since);
    const transitions = history.flatMap(({ cityId, point }) =>
      this.#evaluation.observe(cityId, point, now),
    );
    await this.#record(withoutEnded(transitions));
  }

  async #record(
    found: readonly Transition[],
    before: readonly Incident[] = this.#options.store.active(),
  ): Promise<void> {
    const { store, simulated } = this.#options;
    const now = this.#now();
    const earlier = this.#unrecorded;
    const transitions = earlier.length === 0 ? found : withoutEnded([...earlier, ...found]);
    this.#unrecorded = transitions;
    const active = new ActiveIncidents(before);
    const changed = new Map<string, Incident>();
    const put = (incident: Incident) => {
      changed.set(incident.incident_id, incident);
      active.put(incident);
    };
    for (const transition of transitions) {
      const cityId = transition.city?.city_id ?? null;
      const own = active.of(transition.rule.name, cityId);
      if (transition.change === 'opened') {
        const inhibitor = inhibitorOf(transition.rule, cityId, active.all());
        const incident = openIncident(transition, inhibitor, simulated);
        // Another process, or this one before it was killed, has opened it.
        if (own.length === 0 && store.incident(incident.incident_id) === null) put(incident);
      } else {
        for (const incident of own) put(resolveIncident(incident, transition.at));
      }
    }
    for (const incident of this.#settle(active, now)) put(incident);
    const messages = this.#messages(active.all(), now);
    if (changed.size === 0 && messages.length === 0 && transitions.length === 0) return;
    const tracks = [...this.#evaluation.tracks()].map(({ rule, subject, track }) => ({
      rule: rule.name,
      version: rule.version,
      subject,
      track,
    }));
    await store.apply({ incidents: [...changed.values()], messages, tracks, at: now });
    this.#unrecorded = [];
    this.#options.onChange();
  }

  /** Incidents of rules that have gone end; those whose inhibitor has ended are sent. */
  *#settle(active: ActiveIncidents, now: number): Iterable<Incident> {
    for (const incident of [...active.all()]) {
      if (incident.resolved_at !== null) continue;
      const rule = this.#rules.get(incident.rule);
      if (rule === undefined) {
        yield resolveIncident(incident, now);
      } else if (incident.inhibited_by !== null) {
        const inhibitor = inhibitorOf(rule, incident.city_id, active.all());
        if (inhibitor === null) yield { ...incident, inhibited_by: null };
      }
    }
  }

  #messages(incidents: Iterable<Incident>, now: number): (DueMessage & { incidentId: string })[] {
    const silences = this.#options.store.silences(now);
    return [...incidents].flatMap((incident) =>
      dueMessages(incident, {
        rule: this.#rules.get(incident.rule) ?? null,
        silences,
        now,
        refreshMs: this.#options.refreshMs,
      }).map((message) => ({ ...message, incidentId: incident.incident_id })),
    );
  }

  /** By the totals of the table now and an hour ago, or at the start where that is later. */
  #countRejected({ table }: Status, now: number): Readonly<Record<string, number>> {
    const counts = table.rejected;
    const last = this.#rejected.at(-1);
    if (last === undefined || now - last.at >= 60_000) this.#rejected.push({ at: now, counts });
    while ((this.#rejected[1]?.at ?? now) <= now - HOUR_MS) this.#rejected.shift();
    const then = this.#rejected[0]?.counts ?? {};
    return Object.fromEntries(
      Object.entries(counts).map(([reason, count]) => [
        reason,
        Math.max(0, count - (then[reason] ?? 0)),
      ]),
    );
  }

  #now(): number {
    return this.#options.clock?.() ?? Date.now();
  }
}

/** Without incidents that began and ended among them; ends of earlier ones come first. */
function withoutEnded(transitions: readonly Transition[]): Transition[] {
  const opened = new Map<string, Transition>();
  const ended: Transition[] = [];
  for (const transition of transitions) {
    const key = keyOf(transition.rule.name, transition.city?.city_id ?? null);
    if (transition.change === 'opened') opened.set(key, transition);
    else if (!opened.delete(key)) ended.push(transition);
  }
  return [...ended, ...opened.values()];
}

/** Those that were not resolved when a pass began, and what it makes of them. */
class ActiveIncidents {
  readonly #byId = new Map<string, Incident>();
  readonly #ids = new Map<string, Set<string>>();

  constructor(incidents: readonly Incident[]) {
    for (const incident of incidents) this.put(incident);
  }

  put(incident: Incident): void {
    const { incident_id, rule, city_id } = incident;
    this.#byId.set(incident_id, incident);
    const key = keyOf(rule, city_id);
    const ids = this.#ids.get(key);
    if (ids === undefined) this.#ids.set(key, new Set([incident_id]));
    else ids.add(incident_id);
  }

  all(): Iterable<Incident> {
    return this.#byId.values();
  }

  /** Those of this rule and city that are not resolved. */
  of(rule: string, cityId: string | null): Incident[] {
    const ids = [...(this.#ids.get(keyOf(rule, cityId)) ?? [])];
    const found = ids.map((id) => this.#byId.get(id)).filter((one) => one !== undefined);
    return found.filter(({ resolved_at }) => resolved_at === null);
  }
}

function keyOf(rule: string, cityId: string | null): string {
  return `${rule}\n${cityId ?? ''}`;
}

/** The rule whose open incident explains one of this rule and city; that of the system explains all. */
function inhibitorOf(
  { inhibitedBy }: Rule,
  cityId: string | null,
  incidents: Iterable<Incident>,
): string | null {
  for (const incident of incidents) {
    if (incident.resolved_at !== null || !inhibitedBy.includes(incident.rule)) continue;
    if (incident.city_id === null || incident.city_id === cityId) return incident.rule;
  }
  return null;
}
