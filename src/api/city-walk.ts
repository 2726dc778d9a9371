/** Rows made from the days of city after city, of no more cities than a page needs. */
import type { CursorValue } from './parameters.ts';

/** A city, and how many days are expected of it. */
export interface CitySpan {
  readonly city_id: string;
  readonly dayCount: number;
}

/** Days that are read at once, and for one page; the last cities may exceed both. */
const DAYS_AT_ONCE = 100_000;
const DAYS_OF_A_PAGE = 1_000_000;

export interface Walked<R> {
  readonly rows: readonly R[];
  /** The last city of which rows were made; null when it is the last of all. */
  readonly lastCity: string | null;
}

/**
 * Rows in the order of `spans` until there are more than `limit`, or enough days were read for one page.
 * Begins with one city, and takes about twice as many days each time: where the first few have enough
 * rows, no others are read. `read` resolves to the rows of these cities after the cursor.
 */
export async function walkCities<R>(
  spans: readonly CitySpan[],
  limit: number,
  read: (cities: readonly string[]) => Promise<readonly R[]>,
): Promise<Walked<R>> {
  const rows: R[] = [];
  let at = 0;
  let daysRead = 0;
  for (let wanted = 1; at < spans.length; wanted = Math.min(DAYS_AT_ONCE, 2 * wanted)) {
    const first = at;
    let days = 0;
    for (; at < spans.length && (at === first || days < wanted); at += 1) {
      days += spans[at]?.dayCount ?? 0;
    }
    rows.push(...(await read(spans.slice(first, at).map(({ city_id }) => city_id))));
    daysRead += days;
    wanted = Math.max(wanted, days);
    if (rows.length > limit || daysRead >= DAYS_OF_A_PAGE) break;
  }
  return { rows, lastCity: at < spans.length ? (spans[at - 1]?.city_id ?? null) : null };
}

/** Cities at or after that of the cursor. */
export function spansAfter(
  spans: readonly CitySpan[],
  after: readonly CursorValue[] | null,
): readonly CitySpan[] {
  const [city = null] = after ?? [];
  return city === null ? spans : spans.filter(({ city_id }) => city_id >= String(city));
}
