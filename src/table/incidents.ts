/** The table `incidents`: one row per incident of the alerts. Lists are JSON texts. */
import { isDeepStrictEqual } from 'node:util';
import { Value } from 'typebox/value';
import { IsobarError } from '../errors.ts';
import { type Incident, IncidentSchema } from '../model/alerts.ts';
import { openSmallTable, type SmallTableOptions } from './small-table.ts';
import { INCIDENT_COLUMNS } from './table.ts';

export interface IncidentTable {
  /** In the order of their identity; the same list while the table has the same version. */
  read(): Promise<readonly Incident[]>;
  /**
   * Joins each with the row that is there; removes rows that were opened before `oldest` and are
   * resolved. Commits nothing when nothing changes.
   */
  join(
    incidents: readonly Incident[],
    join: (ours: Incident, theirs: Incident) => Incident,
    oldest: string,
  ): Promise<void>;
}

type ListName = 'subjects' | 'evidence' | 'notified';
type IncidentRow = Omit<Incident, ListName> & Readonly<Record<ListName, string>>;

export function openIncidentTable(
  options: Omit<SmallTableOptions, 'columns' | 'key'>,
): IncidentTable {
  const columns = { columns: INCIDENT_COLUMNS, key: 'incident_id' };
  const table = openSmallTable<IncidentRow>({ ...options, ...columns });
  let known: { readonly rows: readonly IncidentRow[]; readonly incidents: readonly Incident[] } = {
    rows: [],
    incidents: [],
  };
  return {
    async read() {
      const rows = await table.read();
      if (rows !== known.rows) known = { rows, incidents: rows.map(parseRow) };
      return known.incidents;
    },
    join: (incidents, join, oldest) =>
      table.update((rows) => {
        const kept = rows.filter(
          ({ opened_at, state }) => state !== 'resolved' || opened_at >= oldest,
        );
        const known = new Map(kept.map((row) => [row.incident_id, row]));
        let isChanged = kept.length !== rows.length;
        for (const incident of incidents) {
          const row = known.get(incident.incident_id);
          const joined = formatRow(row === undefined ? incident : join(parseRow(row), incident));
          if (row !== undefined && isDeepStrictEqual(joined, { ...row })) continue;
          known.set(incident.incident_id, joined);
          isChanged = true;
        }
        return isChanged ? [...known.values()] : null;
      }),
  };
}

function formatRow(incident: Incident): IncidentRow {
  return {
    ...incident,
    subjects: JSON.stringify(incident.subjects),
    evidence: JSON.stringify(incident.evidence),
    notified: JSON.stringify(incident.notified),
  };
}

function parseRow(row: IncidentRow): Incident {
  const incident = {
    ...row,
    subjects: parseList(row.subjects),
    evidence: parseList(row.evidence),
    notified: parseList(row.notified),
  };
  if (Value.Check(IncidentSchema, incident)) return incident;
  const [problem] = Value.Errors(IncidentSchema, incident);
  throw new IsobarError(
    'TABLE_CORRUPT',
    `incidents: ${row.incident_id}: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}`,
  );
}

function parseList(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
