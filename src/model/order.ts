/** Orders rows by these columns, whose values are texts; times of one format compare as texts, too. */
export function byColumns<K extends string>(
  columns: readonly K[],
): (a: Readonly<Record<K, string>>, b: Readonly<Record<K, string>>) => number {
  return (a, b) => {
    for (const name of columns) {
      if (a[name] !== b[name]) return a[name] < b[name] ? -1 : 1;
    }
    return 0;
  };
}
