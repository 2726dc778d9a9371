/** Whether two computations of a dataset say the same. */
import { isClose } from '../model/agreement.ts';
import type { Row } from '../sql/engine.ts';

const EXAMPLES_MAX = 5;

/** Adds a sentence to `differences` for each value that differs, up to a few. */
export function compareRows(
  dataset: string,
  wanted: readonly Row[],
  published: readonly Row[],
  differences: string[],
): void {
  if (wanted.length !== published.length) {
    differences.push(`${dataset}: ${published.length} rows published, ${wanted.length} computed`);
  }
  let reported = 0;
  for (const [index, row] of wanted.slice(0, published.length).entries()) {
    for (const [name, value] of Object.entries(row)) {
      const other = published[index]?.[name];
      if (name === 'reason' || isClose(value, other)) continue;
      reported += 1;
      if (reported > EXAMPLES_MAX) return;
      differences.push(
        `${dataset} row ${index + 1} ${name}: ${other} published, ${value} computed`,
      );
    }
  }
}
