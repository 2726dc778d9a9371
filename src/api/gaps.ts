/** Reads the gaps between the observations of cities, and why they are there. */
import type { DayCount } from '../model/availability.ts';
import { IS_MISSING, isFar, MOMENT, spanOf } from '../model/coverage.ts';
import { formatSeconds, type Gap, missedOf, type Piece, type Run, runsOf } from '../model/gaps.ts';
import { lateAfter } from '../model/lateness.ts';
import type { Parameters } from '../sql/engine.ts';
import { parameterError } from './parameters.ts';
import { fillQuery, loadQuery } from './reader.ts';

/** Seconds since 1970. */
export interface GapQuestion {
  readonly cities: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly now: number;
  /** The newest observation of each city, where that is known. */
  readonly newest: ReadonlyMap<string, Newest>;
  readonly timeline: readonly Piece[];
}

export interface Newest {
  readonly at: number;
  readonly step: number;
  readonly source: string;
}

export interface GapRuns {
  readonly counts: readonly DayCount[];
  /** Those that are at least partly in the range, in the order of cities and times. */
  readonly runs: readonly Run[];
}

type Query = <R>(sql: string, parameters: Parameters) => Promise<R[]>;

const DAY_S = 86_400;
/** How far before and after the range its neighbours are looked for. */
const AROUND_S = 35 * DAY_S;
const GAPS_MAX = 200_000;

const BETWEEN = spanOf('before', 'moment');
const GAPS_SQL = fillQuery(loadQuery('gaps'), {
  moment: MOMENT,
  span: BETWEEN,
  is_far: isFar('before', 'moment'),
  missing: IS_MISSING,
});
const DAYS_SQL = fillQuery(loadQuery('observed-days'), {
  moment: MOMENT,
  span: spanOf('last', 'last'),
});

/** The times between which observations are read. */
export function readingRange({ from, to, now }: Pick<GapQuestion, 'from' | 'to' | 'now'>) {
  return {
    from: formatSeconds(from - AROUND_S),
    to: formatSeconds(Math.max(from, Math.min(now, to + AROUND_S))),
  };
}

/** `query` runs over the observations of `readingRange`. Rejects with PARAMETER_INVALID for too many gaps. */
export async function readGaps(query: Query, asked: GapQuestion): Promise<GapRuns> {
  const { cities, from, to, timeline } = asked;
  const range = { ...readingRange(asked), cities: cities.join(',') };
  const gaps = await query<Omit<Gap, 'isOpen'>>(GAPS_SQL, { ...range, most: GAPS_MAX + 1 });
  if (gaps.length > GAPS_MAX) {
    throw parameterError(
      'from',
      `more than ${GAPS_MAX} gaps; choose a shorter time or fewer cities`,
    );
  }
  const ofRange = { range_from: formatSeconds(from), range_to: formatSeconds(to) };
  const days = await query<DayRow>(DAYS_SQL, { ...range, ...ofRange });
  const closed = gaps.map((gap) => ({ ...gap, isOpen: false }));
  const runs = [...closed, ...openGaps(days, asked)]
    .filter((gap) => gap.to_s > from && gap.from_s < to)
    .flatMap((gap) => runsOf(gap, timeline))
    .filter((run) => run.to > from && run.from < to);
  return { counts: days.filter(({ arrived }) => arrived > 0), runs };
}

interface DayRow extends DayCount {
  readonly last_s: number;
  readonly step_s: number;
  readonly source: string;
}

/** Of cities that are late: from the last observation until now. What was imported has ended. */
function openGaps(days: readonly DayRow[], asked: GapQuestion): Gap[] {
  const { cities, to, now, newest } = asked;
  const last = new Map(
    days.map(({ city_id, last_s: at, step_s: step, source }) => [city_id, { at, step, source }]),
  );
  const end = Math.min(now, to + AROUND_S);
  return cities.flatMap((city_id) => {
    const found = last.get(city_id) ?? newest.get(city_id);
    if (found === undefined || found.source.startsWith('import:')) return [];
    const { at, step } = found;
    if (end - at <= lateAfter(step)) return [];
    const gap = { city_id, from_s: at, to_s: end, step_s: step, isOpen: end === now };
    return missedOf(gap) > 0 ? [gap] : [];
  });
}
