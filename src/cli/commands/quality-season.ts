/**
 * The climatological test for `isobar quality`: values of a range beside those of the same season and
 * hour in the table's earlier years.
 */

import { QUALITY_FLAG_COLUMNS } from '../../analytics/columns.ts';
import { readPublication } from '../../analytics/publication.ts';
import { failedFlagPaths } from '../../analytics/published-quality.ts';
import { queryText } from '../../analytics/queries.ts';
import { type DaysOfCity, readSeasonHours } from '../../analytics/season-hours.ts';
import { windowsBetween } from '../../anomalies/baseline.ts';
import { knownSeason } from '../../anomalies/climatology.ts';
import { flagCity, JUDGED_VARIABLES } from '../../anomalies/judge.ts';
import { selectFiles } from '../../api/reader.ts';
import type { QualityFlag } from '../../model/quality.ts';
import type { Workspace } from '../../pipeline/workspace.ts';
import type { Station } from '../../quality/check.ts';
import type { SqlSession } from '../../sql/engine.ts';
import { type DataFile, OBSERVATION_COLUMNS } from '../../table/table.ts';
import type { TimeRange } from '../range.ts';

const DAY_MS = 86_400_000;
/** Stations whose earlier years are held in memory at once. */
const STATIONS_MOST = 200;

export interface SeasonTest {
  /** Flags of these stations, whose values are those of the range. */
  judge(
    stations: readonly Station[],
    range: TimeRange,
    signal: AbortSignal,
  ): Promise<QualityFlag[]>;
  /** City → earlier years that are known, of those whose last value there are too few to judge. */
  readonly learning: ReadonlyMap<string, number>;
}

/** Values of earlier years that failed by the published flags do not count. */
export async function openSeasonTest(
  { storage, observations }: Workspace,
  session: SqlSession,
  files: readonly DataFile[],
): Promise<SeasonTest> {
  const publication = await readPublication(storage);
  const flags = publication === null ? [] : await failedFlagPaths(storage, publication, null);
  await session.define('quality_flags', flags, QUALITY_FLAG_COLUMNS);
  await session.materialize('failed_values', queryText('failed_values'));
  const learning = new Map<string, number>();
  return {
    learning,
    async judge(stations, range, signal) {
      const [, ...windows] = windowsBetween(dayOf(range.from), dayOf(range.to));
      const earlier = new Set(windows.flatMap((window) => filesOf(files, window)));
      const paths = await observations.localPaths([...earlier]);
      await session.define('observations', paths, OBSERVATION_COLUMNS);
      const found: QualityFlag[] = [];
      for (let at = 0; at < stations.length; at += STATIONS_MOST) {
        const chosen = stations.slice(at, at + STATIONS_MOST);
        const ids = chosen.map(({ city_id }) => city_id);
        const hours = await readSeasonHours(session, windows, ids, signal);
        for (const station of chosen) {
          const days = hours.get(station.city_id) ?? {};
          found.push(...flagCity({ ...station, days }, Date.parse(range.from)));
          const years = yearsWhileLearning(station, days);
          if (years === null) learning.delete(station.city_id);
          else learning.set(station.city_id, years);
        }
      }
      return found;
    },
  };
}

/** The fewest of its variables, as of its last values; null where all of them can be judged. */
function yearsWhileLearning({ at, values }: Station, known: DaysOfCity): number | null {
  let fewest: number | null = null;
  for (const variable of JUDGED_VARIABLES) {
    const last = at[values[variable]?.findLastIndex((value) => !Number.isNaN(value)) ?? -1];
    if (last === undefined) continue;
    const { years, isEnough } = knownSeason(known[variable] ?? new Map(), last);
    if (!isEnough) fewest = Math.min(years, fewest ?? years);
  }
  return fewest;
}

function filesOf(
  files: readonly DataFile[],
  [first, last]: readonly [first: number, last: number],
): readonly DataFile[] {
  const [from, to] = [first, last + 1].map((day) => new Date(day * DAY_MS).toISOString());
  return selectFiles(files, { cities: [], from: from ?? null, to: to ?? null });
}

/** Since 1970. */
function dayOf(time: string): number {
  return Math.floor(Date.parse(time) / DAY_MS);
}
