/** What the sheet of incidents asks: only while it is open. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  AlertRulesAnswer,
  IncidentsAnswer,
  SilenceRow,
  SilencesAnswer,
} from '../../src/api/alert-schemas.ts';
import type { AvailabilityAnswer, SeriesAnswer } from '../../src/api/schemas.ts';
import type { Incident } from '../../src/model/alerts.ts';
import type { VariableName } from '../../src/model/variables.ts';
import { seesAll } from '../account/account.ts';
import type { Address } from '../client/address.ts';
import type { Clock } from '../client/clock.ts';
import { formatPath } from '../client/fetching.ts';
import { formatInstant } from '../client/range.ts';
import type { Resource } from '../client/resource.ts';
import type { Between } from '../client/view.ts';

export interface Incidents {
  /** Those that are not resolved. */
  readonly active: Resource<IncidentsAnswer>;
  readonly resolved: Resource<IncidentsAnswer>;
  /** Cursors of the pages of resolved ones that were turned. */
  readonly cursors: Signal<readonly string[]>;
  /** The one that the address names. */
  readonly chosen: Resource<IncidentsAnswer>;
  /** The end of the picture of an open one: the time, in steps. */
  readonly now: ReadonlySignal<number>;
  /** The weather around its time. */
  readonly series: Resource<SeriesAnswer>;
  readonly rules: Resource<AlertRulesAnswer>;
  readonly silences: Resource<SilencesAnswer>;
  /** By city and day. */
  readonly availability: Resource<AvailabilityAnswer>;
  readonly resources: readonly Resource<unknown>[];
  refresh(): Promise<void>;
}

export type Rule = AlertRulesAnswer['data'][number];

const ACTIVE_MAX = 500;
const PAGE = 50;
const POINTS = 400;
/** Lines of one picture. */
const CITIES_MAX = 6;
const HOUR = 3_600_000;
/** The end of an open incident moves on in such steps, so that the same is asked for a while. */
const STEP = HOUR / 6;

interface Inputs {
  readonly address: Address;
  readonly clock: Clock;
}

export function createIncidents(
  { address, clock }: Inputs,
  ask: <T>(path: () => string | null) => Resource<T>,
): Incidents {
  const isOpen = computed(() => address.view.value.sheet === 'incidents');
  const id = computed(() => (isOpen.value ? address.view.value.incident : null));
  const now = computed(() => Math.ceil(clock.now.value / STEP) * STEP);
  const cursors = signal<readonly string[]>([]);
  const whileOpen = (path: () => string) => () => (isOpen.value ? path() : null);
  const list = (state: readonly string[], limit: number, cursor?: string) =>
    formatPath('api/incidents', { state, limit, cursor });
  const chosen = ask<IncidentsAnswer>(() =>
    id.value === null ? null : formatPath('api/incidents', { incident: id.value }),
  );
  const asked = {
    active: ask<IncidentsAnswer>(whileOpen(() => list(['open', 'acknowledged'], ACTIVE_MAX))),
    resolved: ask<IncidentsAnswer>(whileOpen(() => list(['resolved'], PAGE, cursors.value.at(-1)))),
    chosen,
    series: ask<SeriesAnswer>(() => {
      const incident = chosen.answer.value?.data[0];
      if (incident === undefined || incident.incident_id !== id.value) return null;
      const picture = pictureOf(incident, now.value);
      if (picture === null) return null;
      const { variable, cities, from, to } = picture;
      const span = { from: formatInstant(from), to: formatInstant(to) };
      return formatPath('api/series', { variable, city: cities, ...span, points: POINTS });
    }),
    rules: ask<AlertRulesAnswer>(() => (isOpen.value && seesAll.value ? 'api/alert-rules' : null)),
    silences: ask<SilencesAnswer>(whileOpen(() => 'api/silences')),
    availability: ask<AvailabilityAnswer>(whileOpen(() => 'api/availability')),
  };
  const resources: readonly Resource<unknown>[] = Object.values(asked);
  return {
    ...asked,
    now,
    cursors,
    resources,
    async refresh() {
      await Promise.all(resources.map((resource) => resource.refresh()));
    },
  };
}

export interface IncidentPicture extends Between {
  readonly variable: VariableName;
  readonly cities: readonly string[];
}

/** The weather to draw for an incident; null for incidents of the system, which have none. */
export function pictureOf(incident: Incident, now: number): IncidentPicture | null {
  const { city_id, subjects, variable, began_at, resolved_at } = incident;
  const cities = city_id !== null ? [city_id] : variable !== null ? subjects : [];
  if (cities.length === 0) return null;
  const begin = Date.parse(began_at);
  const end = resolved_at === null ? now : Date.parse(resolved_at);
  const around = Math.min(48 * HOUR, Math.max(6 * HOUR, (end - begin) / 2));
  return {
    // Of a city that is silent the temperature shows the gap.
    variable: (variable ?? 'temperature_c') as VariableName,
    cities: cities.slice(0, CITIES_MAX),
    from: Math.floor((begin - around) / STEP) * STEP,
    to: Math.min(now, Math.ceil((end + around) / STEP) * STEP),
  };
}

/** The threshold of an incident where it is a value of the variable, as amounts of change are not. */
export function thresholdOf(incident: Incident, rules: readonly Rule[]): number | null {
  const rule = rules.find(({ name }) => name === incident.rule);
  const kind = (rule?.when as { readonly kind?: string } | undefined)?.kind;
  return kind === 'value' || kind === 'unusual' || kind === 'forecast' ? incident.threshold : null;
}

/** The end of the silence that covers it; null without one. */
export function silencedUntil(
  { rule, city_id }: Pick<Incident, 'rule' | 'city_id'>,
  silences: readonly SilenceRow[],
): string | null {
  const covering = silences.filter(
    (silence) =>
      (silence.rule === null || silence.rule === rule) &&
      (silence.city_id === null || silence.city_id === city_id),
  );
  return covering.map(({ until }) => until).reduce<string | null>(later, null);
}

function later(a: string | null, b: string): string {
  return a !== null && Date.parse(a) > Date.parse(b) ? a : b;
}
