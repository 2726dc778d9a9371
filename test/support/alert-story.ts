/** Made-up frost in three cities, for the kill tests of the alerts: the same for the same seed. */
import type { Observed } from '../../src/alerts/alert-loop.ts';
import { Evaluation } from '../../src/alerts/evaluate.ts';
import { incidentId, timeText } from '../../src/alerts/incidents.ts';
import type { Rule } from '../../src/alerts/rules.ts';
import { NO_FACTS, ruleOf } from '../../src/alerts/testing/alerting.ts';
import { DEFAULT_CITIES } from '../../src/model/city.ts';
import { createRandom } from './random.ts';
import { stormOf } from './storm.ts';

export const STORY_CITIES = DEFAULT_CITIES.slice(0, 3);
export const STORY_START = Date.parse('2026-01-01T00:00:00Z');
const STORY_POINTS = stormOf(3_000, 240);
const STEP_MS = 600_000;

export const STORY_RULES: readonly Rule[] = [
  ruleOf({
    name: 'frost',
    when: { kind: 'value', variable: 'temperature_c', below: 0, clear: 0.5 },
    for: '20m',
    resolve_after: '30m',
    channels: ['first', 'second'],
  }),
];

/** Spells of warm and cold, in the order of their times. */
export function storyOf(seed: number): Observed[] {
  const random = createRandom(seed);
  const levels = STORY_CITIES.map(() => 2);
  return Array.from({ length: STORY_POINTS }, (_, index) => {
    const which = index % STORY_CITIES.length;
    if (random() < 0.15) levels[which] = -(levels[which] ?? 2);
    const temperature_c = (levels[which] ?? 2) + random() * 3 - 1.5;
    const at = STORY_START + Math.floor(index / STORY_CITIES.length) * STEP_MS + which * 1_000;
    return { cityId: STORY_CITIES[which]?.city_id ?? '', point: { at, values: { temperature_c } } };
  });
}

/** Identity → begin and end of each incident, as a process finds them that is never killed. */
export function incidentsOf(story: readonly Observed[]): Map<string, string> {
  const evaluation = new Evaluation(STORY_RULES, NO_FACTS, STORY_START);
  evaluation.watch(STORY_CITIES);
  const found = new Map<string, string>();
  for (const { cityId, point } of story) {
    for (const { change, since, at } of evaluation.observe(cityId, point, point.at)) {
      const id = incidentId('frost', cityId, timeText(since));
      found.set(id, `${change === 'opened' ? '' : found.get(id)}${change} ${timeText(at)} `);
    }
  }
  return found;
}
