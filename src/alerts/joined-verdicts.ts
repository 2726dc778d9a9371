/** The newest verdict of each city, for a rule with one incident for all of them. */
import type { Verdict, VerdictState } from './judging.ts';

/** The state of all cities is the first of these that some city is in. */
const STATES = ['holds', 'between', 'clear'] as const;
const NAMES_MAX = 5;

export class JoinedVerdicts {
  readonly #verdicts = new Map<string, Verdict>();
  readonly #cities: Record<VerdictState, number> = { holds: 0, between: 0, clear: 0, missing: 0 };

  set(cityId: string, verdict: Verdict): void {
    const before = this.#verdicts.get(cityId);
    if (before !== undefined) this.#cities[before.state] -= 1;
    this.#cities[verdict.state] += 1;
    this.#verdicts.set(cityId, verdict);
  }

  get state(): VerdictState {
    return STATES.find((state) => this.#cities[state] > 0) ?? 'missing';
  }

  /** Since when it has held for the first of the cities that it holds for. */
  get since(): number | undefined {
    return this.#holding().next().value?.[1].since;
  }

  /** The verdict of all cities; `latest` where it holds for none. Reads the verdict of each city. */
  verdict(latest: Verdict, nameOf: (cityId: string) => string): Verdict {
    const holding = [...this.#holding()];
    const [first] = holding;
    const names = holding.slice(0, NAMES_MAX).map(([id]) => nameOf(id));
    const more = holding.length > NAMES_MAX ? `, ${holding.length - NAMES_MAX} more` : '';
    return {
      ...(first?.[1] ?? latest),
      state: this.state,
      subjects: holding.map(([id]) => id),
      summary: `${names.join(', ')}${more}: ${first?.[1].summary ?? ''}`,
    };
  }

  *#holding(): Generator<[cityId: string, verdict: Verdict], undefined> {
    for (const entry of this.#verdicts) if (entry[1].state === 'holds') yield entry;
  }
}
