import { createHash } from 'node:crypto';

/**
 * Which of the collectors watches this city: the one with the highest hash of both (rendezvous
 * hashing), so that only the cities of one that goes move, and only to one that comes.
 */
export function chooseCollector(cityId: string, collectors: readonly number[]): number | null {
  let chosen: number | null = null;
  let best = '';
  for (const collector of collectors) {
    const score = createHash('sha256').update(`${collector} ${cityId}`).digest('hex');
    if (score > best) [chosen, best] = [collector, score];
  }
  return chosen;
}
