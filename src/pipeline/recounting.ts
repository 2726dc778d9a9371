/** What `isobar verify --deep` compares in a workspace. */
import { spanOf } from '../analytics/anomaly-events.ts';
import { readClimate } from '../analytics/climate.ts';
import { readDataset } from '../analytics/export.ts';
import { isOutdated, readPublication } from '../analytics/publication.ts';
import { readEvents, readFlags } from '../analytics/published-quality.ts';
import { judgedMonths } from '../analytics/verify-quality.ts';
import { asIsobarError } from '../errors.ts';
import type { AnomalyEventSelection } from '../model/anomaly-events.ts';
import { ALL_ROWS } from '../model/climate-datasets.ts';
import type { QualityFlagSelection } from '../model/quality.ts';
import { formatTime } from '../model/time-zone.ts';
import { type DeepReport, verifyDeep } from '../provenance/recount/deep.ts';
import { tableSumsSql } from '../provenance/recount/table-sums.ts';
import type { Row } from '../sql/engine.ts';
import { parquetSql } from '../sql/text.ts';
import { changedHours } from '../table/changed-hours.ts';
import { readCursor, readManifest } from '../table/export-documents.ts';
import type { TableState } from '../table/snapshot.ts';
import { readStateAt } from '../table/state-at.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import type { Workspace } from './workspace.ts';

const FAILED: QualityFlagSelection = {
  ...{ cities: [], from: null, to: null, variables: [], tests: [] },
  ...{ verdict: 'fail', after: null, limit: 10_000_000 },
};

const EVENTS: AnomalyEventSelection = {
  ...{ cities: [], from: null, to: null, variables: [], classes: [], severities: [] },
  ...{ after: null, limit: 10_000_000 },
};

/** What cannot be read is a difference itself. */
export async function recountWorkspace(
  workspace: Workspace,
  onProgress: (text: string) => void = () => {},
  signal?: AbortSignal,
): Promise<DeepReport> {
  const { storage, observations } = workspace;
  const session = await workspace.session();
  /** The newest state stands for earlier versions from which no row has changed. */
  const stateAt = async (version: number): Promise<TableState> => {
    const newest = await observations.refresh(signal);
    const changes = await observations.changes(version, newest);
    if (changes?.months.length === 0) return newest;
    return readStateAt(observations, storage, session, version);
  };
  try {
    return await verifyDeep(
      {
        storage,
        manifest: (day) => readManifest(storage, day),
        publication: () => readPublication(storage),
        isOutdated,
        rows: async (publication, dataset) =>
          (await readDataset(storage, session, publication, dataset)) as unknown as Row[],
        async climateRows(publication, dataset, range) {
          const selection = { ...ALL_ROWS, ...range };
          const rows = await readClimate(storage, session, publication, dataset, selection, signal);
          return rows as unknown as Row[];
        },
        failedValues: (publication) => readFlags(storage, session, publication, FAILED),
        async judgedMonths(publication) {
          const snapshot = await stateAt(publication.table_version);
          const months = await judgedMonths(observations, snapshot, publication);
          return months.map(({ month }) => month);
        },
        async events(publication, month) {
          const span = spanOf(month);
          const timeOf = (at: number) => formatTime(new Date(at));
          const range = { from: timeOf(span.from), to: timeOf(span.to) };
          const rows = await readEvents(storage, session, publication, { ...EVENTS, ...range });
          return rows as unknown as Row[];
        },
        cursor: () => readCursor(storage),
        async hoursBetween(one, other) {
          const [from, to] = [Math.min(one, other), Math.max(one, other)];
          if (from === to) return [];
          const state = await readStateAt(observations, storage, session, to);
          return changedHours({ observations, session }, from, state);
        },
        async tableSums(version) {
          const { files } = await stateAt(version);
          if (files.length === 0) return [];
          const paths = await observations.localPaths(files);
          return session.query(tableSumsSql(parquetSql(paths, OBSERVATION_COLUMNS)), {}, signal);
        },
        onProgress,
      },
      signal,
    );
  } catch (error) {
    const { code, message } = asIsobarError(error);
    if (code === 'ABORTED') throw error;
    return { sums: {}, differences: [`published numbers: ${code}: ${message}`] };
  }
}
