/** What the meta says of an answer's data, apart from what changes with the clock. */
import { Type } from 'typebox';
import { number, type Of, orNull, record, text, timeOrNull, whole } from '../model/schema.ts';

const MoreSchema = Type.Record(
  Type.String(),
  Type.Union([Type.String(), Type.Null(), Type.Array(Type.String())]),
  { description: 'Further fields of this route’s meta.' },
);

/** Of answers that servers share. */
export const FactsSchema = record(
  {
    sources: Type.Array(Type.String()),
    observedFrom: timeOrNull(),
    observedTo: timeOrNull(),
    newest: timeOrNull('The newest observation of these cities, whatever range was asked for.'),
    computedAt: timeOrNull(),
    coveragePct: number('Share of the expected observations.'),
    rowCount: whole('Rows of the data.'),
    note: orNull(text('Why the data is empty or not the whole.')),
    more: Type.Optional(MoreSchema),
  },
  'Facts about the data of an answer.',
);

export type Facts = Omit<Of<typeof FactsSchema>, 'more'> & {
  readonly more?: Readonly<Record<string, unknown>>;
};
