/**
 * What a model remembers, as numbers: an object is asked for its arrays, always the same ones in the
 * same order, to be copied out or filled in.
 */
export type Visit = (part: Float64Array) => void;

export interface Remembering {
  visit(each: Visit): void;
}

/** All that it remembers. */
export function copyState(of: Remembering): Float64Array {
  const parts: Float64Array[] = [];
  of.visit((part) => parts.push(part.slice()));
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Fills in what was copied; false, and nothing is changed, when it is of another length. */
export function restoreState(of: Remembering, state: Float64Array): boolean {
  let length = 0;
  of.visit((part) => {
    length += part.length;
  });
  if (length !== state.length) return false;
  let at = 0;
  of.visit((part) => {
    part.set(state.subarray(at, at + part.length));
    at += part.length;
  });
  return true;
}
