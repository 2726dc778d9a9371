/** Of which number people want to know what is behind it. */
import { signal } from '@preact/signals';
import type { Explained } from '../../src/model/provenance.ts';
import { formatPath } from '../client/fetching.ts';

export interface Question {
  readonly dataset: Explained;
  readonly city_id: string;
  readonly city: string;
  readonly time?: string;
  /** The question whose answer holds the number: of a range, it is computed when it is asked for. */
  readonly answered?: string | null;
}

export const asked = signal<Question | null>(null);

/** Where its answer comes from; null while nothing is asked. */
export function pathOfQuestion(): string | null {
  if (asked.value === null) return null;
  const { dataset, city_id: city, time, answered } = asked.value;
  const given = new URLSearchParams(answered?.split('?')[1] ?? '');
  const range = ['from', 'to'].flatMap((name) => {
    const value = given.get(name);
    return value === null ? [] : [[name, value]];
  });
  const at = time === undefined ? {} : { time };
  return formatPath('api/explain', { dataset, city, ...at, ...Object.fromEntries(range) });
}
