/** `/api/quality-flags`: values that failed quality control or are suspect, newest first. */
import type { FastifyInstance } from 'fastify';
import type { QualityFlag, QualityFlagSelection } from '../../model/quality.ts';
import { formatFlagReason } from '../../quality/reason.ts';
import { columnsOf } from '../columns.ts';
import { addPublishedRows } from '../published-rows.ts';
import { QualityFlagRowSchema } from '../quality-schemas.ts';
import { type QualityFlagsQuery, QualityFlagsQuerySchema } from '../query-schemas.ts';
import type { Server } from '../server.ts';

export function addQualityFlagsRoute(app: FastifyInstance, server: Server): void {
  addPublishedRows<QualityFlagsQuery, QualityFlagSelection, QualityFlag>(app, server, {
    route: 'quality-flags',
    query: QualityFlagsQuerySchema,
    columns: columnsOf(QualityFlagRowSchema),
    key: ['observed_at', 'city_id', 'variable', 'test'],
    select: ({ variable, test, verdict = null }) => ({
      variables: [...new Set(variable)].sort(),
      tests: [...new Set(test)].sort(),
      verdict,
    }),
    find: (publication, selection) => publication.flags(selection),
    finish: (row) => ({ ...row, reason: formatFlagReason(row) }),
    describe(publication, _, rowCount) {
      const checked = publication?.quality?.tableVersion ?? null;
      return { note: explain(rowCount, checked), more: { checked_version: checked } };
    },
  });
}

function explain(count: number, checked: number | null): string | null {
  if (checked === null) return 'no value has been checked yet';
  return count === 0 ? 'no value that fits was found wrong' : null;
}
