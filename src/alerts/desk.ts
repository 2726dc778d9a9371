/** What people do with incidents: acknowledge them, and silence messages about them. */
import { randomUUID } from 'node:crypto';
import { IsobarError } from '../errors.ts';
import type { Incident } from '../model/alerts.ts';
import { acknowledgeIncident } from './incidents.ts';
import type { Silence } from './messages.ts';
import type { Rule } from './rules.ts';
import type { AlertStore } from './store.ts';

export interface AlertDesk {
  readonly rules: readonly Rule[];
  readonly store: Pick<AlertStore, 'incidents' | 'counts' | 'silences'>;
  /** Throws INCIDENT_UNKNOWN, also for one that is not visible. */
  incident(id: string, isVisible?: (incident: Incident) => boolean): Incident;
  /** Rejects with INCIDENT_UNKNOWN. */
  acknowledge(id: string, by: string, note: string | null): Promise<Incident>;
  silence(silence: Omit<Silence, 'silence_id'>): Promise<Silence>;
  /** False when no such silence is in effect. */
  endSilence(id: string): Promise<boolean>;
}

function unknownIncident(id: string): IsobarError {
  return new IsobarError('INCIDENT_UNKNOWN', `incident: unknown id ${JSON.stringify(id)}`, {
    details: { field: 'incident' },
  });
}

/** `onChange` is called after each change. */
export function openAlertDesk(
  rules: readonly Rule[],
  store: AlertStore,
  onChange: () => void,
  clock: () => number = Date.now,
): AlertDesk {
  const find: AlertDesk['incident'] = (id, isVisible = () => true) => {
    const found = store.incident(id);
    if (found !== null && isVisible(found)) return found;
    throw unknownIncident(id);
  };
  return {
    rules,
    store,
    incident: find,
    async acknowledge(id, by, note) {
      const found = find(id);
      const at = clock();
      const incident = acknowledgeIncident(found, by, note, at);
      await store.apply({ incidents: [incident], messages: [], tracks: null, at });
      onChange();
      return incident;
    },
    async silence(wanted) {
      const silence = { silence_id: randomUUID(), ...wanted };
      await store.silence(silence);
      onChange();
      return silence;
    },
    async endSilence(id) {
      const isEnded = await store.endSilence(id, clock());
      if (isEnded) onChange();
      return isEnded;
    },
  };
}
