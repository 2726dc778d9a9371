/** What narrows the unusual values: the counts of those that match, as buttons to press. */
import type { Facets } from '../../src/model/anomaly-facets.ts';
import type { FacetField } from '../../src/model/anomaly-search.ts';
import { isVariableName } from '../../src/model/variables.ts';
import { formatMonthOfYear } from '../format/times.ts';
import { words } from '../words/words.ts';

/** What people look for among the unusual values; a field that is not pressed is null. */
export interface AnomalyChoice {
  readonly text: string;
  readonly city_id: string | null;
  readonly variable: string | null;
  readonly rule: string | null;
  readonly month: string | null;
}

export const NO_CHOICE: AnomalyChoice = {
  ...{ text: '', city_id: null, variable: null, rule: null, month: null },
};

export interface Chip {
  readonly field: FacetField;
  readonly value: string;
  readonly label: string;
  readonly count: number;
  readonly isPressed: boolean;
}

const CHIPS_MAX: Readonly<Record<FacetField, number>> = {
  ...{ city_id: 5, variable: 4, rule: 4, month: 4 },
};
const FIELDS: readonly FacetField[] = ['city_id', 'variable', 'rule', 'month'];

/** Those of a field that leave a choice, and the ones that are pressed whatever they count. */
export function chipsOf(
  facets: Facets,
  choice: AnomalyChoice,
  nameOf: (city: string) => string,
): readonly Chip[] {
  return FIELDS.flatMap((field) => {
    const counted = facets[field];
    const pressed = choice[field];
    if (pressed === null && counted.length < 2) return [];
    const shown = counted.slice(0, CHIPS_MAX[field]);
    const isShown = pressed === null || shown.some(({ value }) => value === pressed);
    const all = isShown ? shown : [{ value: pressed, count: countOf(facets, field, pressed) }];
    return all.map(({ value, count }) => ({
      field,
      value,
      label: labelOf(field, value, nameOf),
      count,
      isPressed: value === pressed,
    }));
  });
}

function countOf(facets: Facets, field: FacetField, value: string): number {
  return facets[field].find((one) => one.value === value)?.count ?? 0;
}

function labelOf(field: FacetField, value: string, nameOf: (city: string) => string): string {
  if (field === 'city_id') return nameOf(value);
  if (field === 'month') return formatMonthOfYear(Date.parse(`${value}-15T00:00:00Z`), 'UTC');
  if (field === 'variable') return isVariableName(value) ? words.value.variables[value] : value;
  return value.replaceAll('_', ' ');
}

/** Presses it, or lets it go. */
export function toggleChip(
  choice: AnomalyChoice,
  { field, value, isPressed }: Chip,
): AnomalyChoice {
  return { ...choice, [field]: isPressed ? null : value };
}

/** The parameters of the question: a month is a part of the range, in UTC. */
export function choiceQuery(
  { text, city_id, variable, rule, month }: AnomalyChoice,
  span: Span,
): Record<string, string | readonly string[]> {
  const q = text.trim();
  return {
    ...span,
    ...(month === null ? {} : within(month, span)),
    ...(q === '' ? {} : { q }),
    ...(city_id === null ? {} : { city: [city_id] }),
    ...(variable === null ? {} : { variable: [variable] }),
    ...(rule === null ? {} : { rule: [rule] }),
    facets: '1',
  };
}

type Span = Readonly<Record<string, string>>;

/** The part of the span in this month: all of it where "back" led to a range without the month. */
function within(month: string, span: Span): Span {
  const [year = 0, number = 1] = month.split('-').map(Number);
  const begin = `${month}-01T00:00:00Z`;
  const end = new Date(Date.UTC(year, number, 1)).toISOString().replace('.000Z', 'Z');
  const { from = begin, to = end } = span;
  const first = Date.parse(from) > Date.parse(begin) ? from : begin;
  const last = Date.parse(to) < Date.parse(end) ? to : end;
  return Date.parse(first) < Date.parse(last) ? { from: first, to: last } : span;
}

export function isChosen(choice: AnomalyChoice): boolean {
  return choice.text.trim() !== '' || FIELDS.some((field) => choice[field] !== null);
}
