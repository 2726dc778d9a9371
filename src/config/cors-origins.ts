/** Origins of other sites whose pages may read the API (`api.cors_origins`). */
import { splitList } from './list.ts';

/** `https://www.example.org, http://localhost:3000`; what is not valid is left out. */
export function parseCorsOrigins(text: string): ReadonlySet<string> {
  return new Set(
    splitList(text)
      .map(originOf)
      .filter((origin) => origin !== null),
  );
}

/** What is wrong with the value; null when nothing is. */
export function corsOriginsProblem(text: string): string | null {
  const wrong = splitList(text).find((entry) => originOf(entry) === null);
  if (wrong === undefined) return null;
  const expected = 'expected origins such as https://www.example.org or http://localhost:3000';
  return `${expected}; got ${JSON.stringify(wrong)}`;
}

/** As browsers send it; null for anything but an origin, such as `*`. */
function originOf(entry: string): string | null {
  if (!/^https?:\/\/[^/?#@]+\/?$/i.test(entry) || !URL.canParse(entry)) return null;
  return new URL(entry).origin;
}
