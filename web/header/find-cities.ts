/** Finding a city by what people type. */

/** Without accents, case and non-letters: "São Paulo" → "sao paulo". */
export function foldText(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

export interface Findable {
  readonly city_id: string;
  readonly name: string;
  readonly country: string;
}

/**
 * Those that match, best first: names that begin with it, then names with a word that does, then
 * names, countries and ids that contain it. Nothing typed finds the first ones.
 */
export function findCities<C extends Findable>(
  cities: readonly C[],
  typed: string,
  most: number,
): readonly C[] {
  const wanted = foldText(typed);
  const ranked: { city: C; rank: number }[] = [];
  for (const city of cities) {
    const rank = rankOf(city, wanted);
    if (rank !== null) ranked.push({ city, rank });
  }
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ city }) => city);
}

function rankOf({ city_id, name, country }: Findable, wanted: string): number | null {
  const folded = foldText(name);
  if (folded.startsWith(wanted)) return 0;
  if (` ${folded}`.includes(` ${wanted}`)) return 1;
  if (folded.includes(wanted)) return 2;
  return foldText(`${country} ${city_id}`).includes(wanted) ? 3 : null;
}
