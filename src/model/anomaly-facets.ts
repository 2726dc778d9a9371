/** What is counted of the anomalies that match a question. */
import { Type } from 'typebox';
import { FACET_VALUES_MAX } from './anomaly-search.ts';
import { type Of, record } from './schema.ts';

const FacetSchema = Type.Array(
  record({ value: Type.String(), count: Type.Integer() }, 'One value and its number of rows.'),
);
export const FacetsSchema = record(
  {
    total: Type.Integer({ description: 'Rows that match, on all pages.' }),
    city_id: FacetSchema,
    variable: FacetSchema,
    rule: FacetSchema,
    month: FacetSchema,
  },
  `Numbers of the rows that match; of each field the first ${FACET_VALUES_MAX} values, months newest first, others by number.`,
);
export type Facets = Of<typeof FacetsSchema>;
