/** The answer about the services. */
import { type Static, Type } from 'typebox';
import { EngineSchema } from '../model/engines.ts';
import { number, record, time } from '../model/schema.ts';

export const EnginesAnswerSchema = record(
  {
    meta: record(
      {
        answered_at: time('The server’s clock.'),
        interval_s: number('Seconds between two looks; null where no service is watched.'),
      },
      'About the answer.',
    ),
    data: Type.Array(EngineSchema),
  },
  'The services, and how they are.',
);

export type EnginesAnswer = Static<typeof EnginesAnswerSchema>;
