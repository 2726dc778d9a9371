/**
 * Counting rows by field without grouping them in SQL, which would sort them by texts: each row adds
 * one to two numbers, that of its city and that of its month, variable and rule together.
 */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { FacetField } from '../model/anomaly-search.ts';

interface Counts {
  readonly cities: Map<number, number>;
  readonly kinds: Map<number, number>;
}

export interface Tallied {
  readonly fields: readonly FacetField[];
  readonly values: Readonly<Record<FacetField, string>>;
  readonly count: number;
}

const current = new WeakMap<DatabaseSync, Counts>();
const KIND_FIELDS = ['month', 'variable', 'rule'] as const satisfies FacetField[];

/** Counts the rows `r` of `FROM …`. */
export function tally(
  db: DatabaseSync,
  fromWhere: string,
  values: readonly SQLInputValue[],
): Tallied[] {
  const counts = countsOf(db);
  counts.cities.clear();
  counts.kinds.clear();
  db.prepare(`SELECT tally(r.city_no, r.kind_no) ${fromWhere}`).get(...values);
  const named = (
    table: string,
    numbers: ReadonlyMap<number, number>,
    fields: readonly FacetField[],
  ) => {
    const name = db.prepare(`SELECT * FROM ${table} WHERE no = ?`);
    return [...numbers].map(([no, count]) => {
      const row = name.get(no) as unknown as Tallied['values'];
      return { fields, values: row, count };
    });
  };
  return [
    ...named('cities', counts.cities, ['city_id']),
    ...named('kinds', counts.kinds, KIND_FIELDS),
  ];
}

function countsOf(db: DatabaseSync): Counts {
  const known = current.get(db);
  if (known !== undefined) return known;
  const { cities, kinds } = { cities: new Map(), kinds: new Map() } satisfies Counts;
  db.aggregate('tally', {
    start: 0,
    step(rows: number, city: unknown, kind: unknown) {
      cities.set(city, (cities.get(city) ?? 0) + 1);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      return rows + 1;
    },
    result: (rows: number) => rows,
  });
  const counts = { cities, kinds };
  current.set(db, counts);
  return counts;
}
