/** The first rows in the order of a question, of those that are added in any order. */
import type { AnomalyQuestion } from '../model/anomaly-search.ts';
import type { Columns } from './columns.ts';
import { compareTexts, microsOf } from './row-order.ts';

/** What rows are compared by: two numbers, smaller ones first, then by texts. */
interface Place {
  readonly first: number;
  readonly second: number;
  readonly identity: () => readonly string[];
  readonly id: number;
}

type Parts = readonly (
  | { readonly city_id: string; readonly variable: string; readonly rule: string }
  | undefined
)[];

export interface TopRows {
  /** What sorts rows first, and by what it is multiplied so that smaller numbers come first. */
  readonly column: 'times' | 'amounts' | 'values';
  readonly sign: 1 | -1;
  /** Rows whose number, multiplied, is above it need not be added. */
  bound(): number;
  add(columns: Columns, at: number): void;
  /** Of the first rows after `question.after`, one more than the page has, as `pageOf` wants them. */
  ids(): number[];
}

/** Rows that are kept before those that cannot be among the first are dropped. */
const KEPT = 4;

export function openTopRows(question: AnomalyQuestion, parts: Parts): TopRows {
  const { sort, order, after, limit } = question;
  const wanted = limit + 1;
  const sign = order === 'asc' ? 1 : -1;
  const column = ({ time: 'times', score: 'amounts', value: 'values' } as const)[sort];
  const start: Place | null = after && {
    first: sign * (sort === 'time' ? microsOf(after.observed_at) : (after.number ?? 0)),
    second: -microsOf(after.observed_at),
    identity: () => [after.city_id, after.variable, after.rule],
    id: 0,
  };
  let kept: Place[] = [];
  /** The last row that is wanted of those that came; null while all are. */
  let last: Place | null = null;

  function cut(): void {
    kept = kept.sort(comparePlaces).slice(0, wanted);
    last = kept.length === wanted ? (kept.at(-1) ?? null) : null;
  }

  return {
    column,
    sign,
    bound: () => last?.first ?? Number.POSITIVE_INFINITY,
    add(columns, at) {
      const first = sign * (columns[column][at] ?? 0);
      const second = -(columns.times[at] ?? 0);
      if (last !== null && first === last.first && second > last.second) return;
      if (start !== null && first < start.first) return;
      const identity = () => {
        const { city_id = '' } = parts[columns.cities[at] ?? 0] ?? {};
        const { variable = '', rule = '' } = parts[columns.kinds[at] ?? 0] ?? {};
        return [city_id, variable, rule];
      };
      const place = { first, second, identity, id: columns.ids[at] ?? 0 };
      if (start !== null && comparePlaces(place, start) <= 0) return;
      kept.push(place);
      if (kept.length >= wanted * KEPT) cut();
    },
    ids() {
      cut();
      return kept.map(({ id }) => id);
    },
  };
}

function comparePlaces(a: Place, b: Place): number {
  if (a.first !== b.first) return a.first - b.first;
  if (a.second !== b.second) return a.second - b.second;
  const others = b.identity();
  for (const [at, text] of a.identity().entries()) {
    const order = compareTexts(text, others[at] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}
