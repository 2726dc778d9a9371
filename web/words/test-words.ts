/** The texts of a table of words, for tests. */

/** Every text of a table by its path; functions are called with their parameters' places. */
export function* textsOf(
  table: unknown,
  path = '',
): Generator<readonly [path: string, text: string]> {
  if (typeof table === 'string') yield [path, table];
  else if (typeof table === 'function') {
    const places = Array.from({ length: table.length }, (_, at) => `{${at}}`);
    yield* textsOf(table(...places), path);
  } else {
    for (const [name, inner] of Object.entries(table as object)) {
      yield* textsOf(inner, `${path}/${name}`);
    }
  }
}
