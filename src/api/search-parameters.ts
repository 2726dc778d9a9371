/** What `/api/anomalies` takes beside what all datasets take: see model/anomaly-search.ts. */
import Type from 'typebox';
import { ANOMALY_SORTS, SORT_ORDERS } from '../model/anomaly-search.ts';
import { AnomalySchema } from '../model/datasets.ts';
import { VARIABLE_NAMES } from '../model/variables.ts';
import { type CursorKind, cursorPattern } from './parameters.ts';

/** The key of a row that is sorted by its time, and by a number. */
export const TIME_CURSOR = ['time', 'string', 'string', 'string'] as const;
export const NUMBER_CURSOR = ['decimal', ...TIME_CURSOR] as const satisfies CursorKind[];

const chosen = <const N extends string>(names: readonly N[], what: string) =>
  Type.Optional(
    Type.Array(Type.Enum([...names]), {
      minItems: 1,
      maxItems: 50,
      description: `${what}; repeat it for several. Without it all.`,
    }),
  );

const score = (what: string) =>
  Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1_000_000,
      description: `Deviations that a value is out ${what}, either way.`,
    }),
  );

export const SEARCH_PARAMETERS = {
  q: Type.Optional(
    Type.String({
      maxLength: 200,
      description:
        'Words that the name of the city or the reason must have, in any order; the last may be only begun. Case and diacritics do not matter, and no character has a meaning of its own.',
    }),
  ),
  variable: chosen(VARIABLE_NAMES, 'Name of a variable'),
  rule: chosen(AnomalySchema.properties.rule.enum, 'Name of a rule'),
  min_score: score('at least'),
  max_score: score('at most'),
  sort: Type.Optional(
    Type.Enum([...ANOMALY_SORTS], {
      description: 'What rows are sorted by; `score` is how far a value is out, either way.',
    }),
  ),
  order: Type.Optional(
    Type.Enum([...SORT_ORDERS], { description: 'In which order; `desc` without it.' }),
  ),
  facets: Type.Boolean({
    default: false,
    description: 'Whether `meta.facets` counts the rows that match.',
  }),
  cursor: Type.Optional(
    Type.String({
      maxLength: 512,
      pattern: `${cursorPattern(TIME_CURSOR)}|${cursorPattern(NUMBER_CURSOR)}`,
      description: '`meta.next_cursor` of the page before, of the same question.',
    }),
  ),
};
