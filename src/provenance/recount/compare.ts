/** Whether published rows are those that were recounted, by their keys. */
import { isClose } from '../../model/agreement.ts';
import type { Row } from '../../sql/engine.ts';
import { OneOf } from './one-of.ts';
import type { Recount } from './recount.ts';

/** Differences of one dataset that are printed. */
export const DIFFERENCES_MAX = 20;

/** The first differences of a dataset, a sentence each, and how many more there are. */
export class Differences {
  readonly dataset: string;
  readonly #first: string[] = [];
  #more = 0;

  constructor(dataset: string) {
    this.dataset = dataset;
  }

  add(text: string): void {
    if (this.#first.length < DIFFERENCES_MAX) this.#first.push(`${this.dataset} ${text}`);
    else this.#more += 1;
  }

  lines(): readonly string[] {
    if (this.#more === 0) return this.#first;
    return [...this.#first, `${this.dataset}: ${this.#more} more differences`];
  }
}

/** A sentence for each of the first differences: dataset, row, column, and both numbers. */
export function compareRecount(
  dataset: string,
  recount: Recount,
  published: readonly Row[],
): readonly string[] {
  const differences = new Differences(dataset);
  compareRows(differences, recount, published);
  return differences.lines();
}

/** The same of the rows that are recounted up to now, and of what is published of their range. */
export function compareRows(
  differences: Differences,
  recount: Recount,
  published: readonly Row[],
): void {
  const problems = new Map<string, string>();
  const expected = new Map<string, Row>();
  const nameOf = (row: Row) => recount.key.map((column) => String(row[column])).join(' ');
  for (const row of published) {
    const name = nameOf(row);
    const problem = recount.problemOf?.(row) ?? null;
    if (problem !== null) problems.set(String(row.city_id), problem);
    else if (expected.has(name)) differences.add(`${name}: it is published twice`);
    else expected.set(name, row);
  }
  for (const [city, problem] of problems) differences.add(`${city}: not compared: ${problem}`);
  for (const row of recount.rows()) {
    const name = nameOf(row);
    const other = expected.get(name);
    expected.delete(name);
    if (other === undefined) {
      if (recount.isUndecided?.(row) !== true) {
        differences.add(`${name}: not published, but it follows from the raw export`);
      }
      continue;
    }
    for (const column of differing(recount, row, other)) {
      const [said, found] = [other[column], row[column]];
      differences.add(`${name} ${column}: ${said} published, ${found} from the raw export`);
    }
  }
  for (const [name, row] of expected) {
    if (recount.isUndecided?.(row) === true) continue;
    differences.add(`${name}: published, but it does not follow from the raw export`);
  }
}

/** Columns of either row in which they differ. */
function differing(recount: Recount, row: Row, published: Row): string[] {
  const { ignored = [], circular = [] } = recount;
  const columns = new Set([...Object.keys(row), ...Object.keys(published)]);
  return [...columns].filter((column) => {
    if (ignored.includes(column)) return false;
    const [a, b] = [row[column] ?? null, published[column] ?? null];
    if (a instanceof OneOf) return !a.allows(b);
    if (isClose(a, b)) return false;
    const isAround = circular.includes(column) && typeof a === 'number' && typeof b === 'number';
    return !(isAround && isClose(Math.min(a, b) + 360, Math.max(a, b)));
  });
}

export function bounded(what: string, differences: readonly string[]): readonly string[] {
  const more = differences.length - DIFFERENCES_MAX;
  if (more <= 0) return differences;
  return [...differences.slice(0, DIFFERENCES_MAX), `${what}: ${more} more differences`];
}
