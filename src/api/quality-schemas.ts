/** What the addresses of quality flags and anomaly events answer. */
import { type Static, Type } from 'typebox';
import { AnomalyEventSchema, EventRatesSchema } from '../model/anomaly-events.ts';
import { QualityFlagSchema, StationDriftSchema } from '../model/quality.ts';
import { orNull, record, text, whole } from '../model/schema.ts';
import { answer, META, nextCursor, PagedMetaSchema } from './schemas.ts';

export const QualityFlagsMetaSchema = record(
  {
    ...META,
    next_cursor: nextCursor,
    checked_version: orNull(
      Type.Integer(),
      'Version of the table whose values were checked last; null while values are not checked.',
    ),
  },
  'As everywhere, and what was checked.',
);

export const AnomalyEventsMetaSchema = record(
  {
    ...META,
    next_cursor: nextCursor,
    judged_from: orNull(Type.String(), 'First month that was judged; null before the first.'),
    judged_to: orNull(Type.String(), 'Last month that was judged; null before the first.'),
    learning: Type.Array(
      record(
        {
          city_id: text('Identity of the city.'),
          days: whole('Days that are known of its season.'),
          days_needed: whole('Days that the rule needs.'),
        },
        'A city of which too little is known.',
      ),
      { description: 'Cities in which the rule flags nothing yet.' },
    ),
    rates: Type.Array(EventRatesSchema, {
      description:
        'How many faults the rule catches, and how often it is wrong; docs/anomalies.md.',
    }),
  },
  'As everywhere, and what was judged.',
);

export const AnomalyEventRowSchema = record(
  {
    ...AnomalyEventSchema.properties,
    reason: text('What is unusual, and its likely cause, in words that a layman understands.'),
  },
  'One row per event, newest first.',
);

export const QualityFlagRowSchema = record(
  {
    ...QualityFlagSchema.properties,
    reason: text('What the test found, in one sentence that a layman understands.'),
  },
  'One row per test’s verdict on one value, newest first.',
);

export const AnomalyEventsAnswerSchema = answer(
  AnomalyEventsMetaSchema,
  Type.Array(AnomalyEventRowSchema),
);

export const StationDriftAnswerSchema = answer(PagedMetaSchema, Type.Array(StationDriftSchema));

export const QualityFlagsAnswerSchema = answer(
  QualityFlagsMetaSchema,
  Type.Array(QualityFlagRowSchema),
);

export type AnomalyEventsAnswer = Static<typeof AnomalyEventsAnswerSchema>;

export type StationDriftAnswer = Static<typeof StationDriftAnswerSchema>;
export type QualityFlagsAnswer = Static<typeof QualityFlagsAnswerSchema>;
