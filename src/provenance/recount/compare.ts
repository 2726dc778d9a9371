/** Whether published rows are those that were recounted, by their keys. */
import { isClose } from '../../model/agreement.ts';
import type { Row } from '../../sql/engine.ts';
import type { Recount } from './recount.ts';

/** Differences of one dataset that are printed. */
export const DIFFERENCES_MAX = 20;

/** A sentence for each of the first differences: dataset, row, column, and both numbers. */
export function compareRecount(
  dataset: string,
  recount: Recount,
  published: readonly Row[],
): readonly string[] {
  const differences: string[] = [];
  const problems = new Map<string, string>();
  const expected = new Map<string, Row>();
  const nameOf = (row: Row) => recount.key.map((column) => String(row[column])).join(' ');
  for (const row of published) {
    const name = nameOf(row);
    const problem = recount.problemOf?.(row) ?? null;
    if (problem !== null) problems.set(String(row.city_id), problem);
    else if (expected.has(name)) differences.push(`${dataset} ${name}: it is published twice`);
    else expected.set(name, row);
  }
  for (const [city, problem] of problems) {
    differences.push(`${dataset} ${city}: not compared: ${problem}`);
  }
  for (const row of recount.rows()) {
    const name = nameOf(row);
    const other = expected.get(name);
    expected.delete(name);
    if (other === undefined) {
      if (recount.isUndecided?.(row) !== true) {
        differences.push(`${dataset} ${name}: not published, but it follows from the raw export`);
      }
      continue;
    }
    for (const column of differing(recount, row, other)) {
      differences.push(
        `${dataset} ${name} ${column}: ${other[column]} published, ` +
          `${row[column]} from the raw export`,
      );
    }
  }
  for (const [name, row] of expected) {
    if (recount.isUndecided?.(row) === true) continue;
    differences.push(`${dataset} ${name}: published, but it does not follow from the raw export`);
  }
  return bounded(dataset, differences);
}

/** Columns of either row in which they differ. */
function differing(recount: Recount, row: Row, published: Row): string[] {
  const { ignored = [], circular = [] } = recount;
  const columns = new Set([...Object.keys(row), ...Object.keys(published)]);
  return [...columns].filter((column) => {
    if (ignored.includes(column)) return false;
    const [a, b] = [row[column] ?? null, published[column] ?? null];
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
