/** Schemas of the answers about alerts; what an incident and a rule are is in model/alerts.ts. */
import { type Static, Type } from 'typebox';
import { AlertRuleSchema, IncidentCountsSchema, IncidentSchema } from '../model/alerts.ts';
import { orNull, record, text, time } from '../model/schema.ts';

const answeredAt = time('The server’s clock.');
const rowCount = Type.Integer({ description: 'Rows of this answer.' });

export const IncidentsAnswerSchema = record(
  {
    meta: record(
      {
        answered_at: answeredAt,
        simulated: Type.Boolean(),
        counts: IncidentCountsSchema,
        row_count: rowCount,
        next_cursor: Type.Optional(text('Give it as `cursor` for the next page.')),
      },
      'About the answer.',
    ),
    data: Type.Array(IncidentSchema),
  },
  'Incidents, newest first.',
);

const AlertRuleRowSchema = Type.Object(
  {
    ...AlertRuleSchema.properties,
    version: text('Changes with the text of the rule.'),
  },
  { additionalProperties: false, description: 'A rule in effect.' },
);

export const AlertRulesAnswerSchema = record(
  {
    meta: record({ answered_at: answeredAt, row_count: rowCount }, 'About the answer.'),
    data: Type.Array(AlertRuleRowSchema),
  },
  'The rules in effect, built-in ones among them.',
);

const SilenceSchema = record(
  {
    silence_id: text('Identity.'),
    rule: orNull(Type.String(), 'The rule, or null for all rules.'),
    city_id: orNull(Type.String(), 'The city, or null for all cities and the system.'),
    from: time('Begin.'),
    until: time('End.'),
    by: text('Who made it.'),
    note: orNull(Type.String(), 'What that person wrote.'),
  },
  'Nothing is sent about what it covers until it ends.',
);

export const SilencesAnswerSchema = record(
  {
    meta: record({ answered_at: answeredAt, row_count: rowCount }, 'About the answer.'),
    data: Type.Array(SilenceSchema),
  },
  'The silences in effect.',
);

export const AcknowledgeAnswerSchema = record(
  { data: IncidentSchema },
  'The incident as it is now.',
);
export const SilenceAnswerSchema = record({ data: SilenceSchema }, 'The silence that was made.');
export const EndSilenceAnswerSchema = record(
  { done: Type.Literal('end-silence') },
  'What was done.',
);

export type IncidentsAnswer = Static<typeof IncidentsAnswerSchema>;
export type AlertRulesAnswer = Static<typeof AlertRulesAnswerSchema>;
export type SilenceRow = Static<typeof SilenceSchema>;
export type SilencesAnswer = Static<typeof SilencesAnswerSchema>;
export type AcknowledgeAnswer = Static<typeof AcknowledgeAnswerSchema>;
