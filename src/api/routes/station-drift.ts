/** `/api/station-drift`: how far stations are from their neighbours, day by day, newest first. */
import type { FastifyInstance } from 'fastify';
import {
  type StationDrift,
  StationDriftSchema,
  type StationDriftSelection,
} from '../../model/quality.ts';
import { columnsOf } from '../columns.ts';
import { addPublishedRows } from '../published-rows.ts';
import { type StationDriftQuery, StationDriftQuerySchema } from '../query-schemas.ts';
import type { Server } from '../server.ts';

export function addStationDriftRoute(app: FastifyInstance, server: Server): void {
  addPublishedRows<StationDriftQuery, StationDriftSelection, StationDrift>(app, server, {
    route: 'station-drift',
    query: StationDriftQuerySchema,
    columns: columnsOf(StationDriftSchema),
    key: ['began_at', 'city_id', 'variable'],
    select: ({ variable }) => ({ variables: [...new Set(variable)].sort() }),
    find: (publication, selection) => publication.drift(selection),
    finish: (row) => row,
    describe: (publication, _, rowCount) => ({
      note: explain(rowCount, (publication?.quality ?? null) !== null),
      more: {},
    }),
  });
}

function explain(count: number, isChecked: boolean): string | null {
  if (!isChecked) return 'no value has been checked yet';
  return count === 0 ? 'no station has enough neighbours within 300 km that reported' : null;
}
