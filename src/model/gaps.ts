/**
 * Gaps: what the times between observations and the collector's own history say of each missing
 * observation. Pure; all times are seconds since 1970.
 *
 * A gap is what lies between two neighbouring observations of which the distance is one and a half
 * intervals or more (model/coverage.ts: the longer interval of the two counts, and the distance is
 * counted to the nearest whole interval). Its first missing observation was due one interval after
 * the observation before; from then on the city is silent, until the next one.
 *
 * Each missing observation has one cause. It could be had from its own time until the next was due:
 * when the collector collected for three quarters of that time, the station did not send it; else
 * what kept the collector from it longest is the cause.
 */
import type { Activity, Cause, Outage, Period, Stretch } from './outages.ts';
import { formatTime } from './time-zone.ts';

/** Between two neighbours: `to_s` is the observation after it, or the time until which it is known. */
export interface Gap {
  readonly city_id: string;
  readonly from_s: number;
  readonly to_s: number;
  readonly step_s: number;
  /** Whether no observation has come after it. */
  readonly isOpen: boolean;
}

/** A time with one cause; pieces follow each other without a hole. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly cause: Cause;
}

/** Missing observations that follow each other and have the same cause. */
export interface Run {
  readonly city_id: string;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly missed: number;
  readonly cause: Cause;
  readonly isOpen: boolean;
}

/** Beyond its last sign of life a collector may go on without having been heard of, for so long. */
const UNHEARD_S = 660;
const COLLECTED_SHARE = 0.75;

/**
 * What the collector did, from the beginning to the end of all time. Before the first stretch nothing
 * is known; where no stretch is, no process collected. Where two lie over each other, as the clocks
 * of two machines may have it, one that collects counts.
 */
export function timelineOf(stretches: readonly Stretch[]): readonly Piece[] {
  const marks = stretches
    .map(({ began_at, ended_at, activity }) => ({
      from: Date.parse(began_at) / 1_000,
      to: Date.parse(ended_at) / 1_000,
      activity,
    }))
    .filter(({ from, to }) => to > from)
    .sort((a, b) => a.from - b.from || a.to - b.to);
  const [first] = marks;
  const pieces = new Pieces();
  if (first === undefined) {
    pieces.add(Number.POSITIVE_INFINITY, 'unknown');
    return pieces.list;
  }
  pieces.add(first.from, 'unknown');
  for (const { from, to, activity } of withoutOverlap(marks)) {
    pieces.add(from, 'isobar');
    pieces.add(to, activity === 'collecting' ? 'station' : activity);
  }
  pieces.add(pieces.end + UNHEARD_S, 'unknown');
  pieces.add(Number.POSITIVE_INFINITY, 'isobar');
  return pieces.list;
}

interface Mark {
  readonly from: number;
  readonly to: number;
  readonly activity: Activity;
}

function withoutOverlap(marks: readonly Mark[]): readonly Mark[] {
  const isCollecting = ({ activity }: Mark) => activity === 'collecting';
  const apart = (list: readonly Mark[], taken: readonly Mark[]): Mark[] => {
    const result: Mark[] = [];
    let end = Number.NEGATIVE_INFINITY;
    let next = 0;
    for (const { from, to, activity } of list) {
      let begin = Math.max(from, end);
      end = Math.max(end, to);
      while ((taken[next]?.to ?? Number.POSITIVE_INFINITY) <= begin) next += 1;
      for (let at = next; begin < to; at += 1) {
        const other = taken[at];
        const free = Math.min(to, other?.from ?? to);
        if (free > begin) result.push({ from: begin, to: free, activity });
        if (other === undefined || other.from >= to) break;
        begin = Math.max(begin, other.to);
      }
    }
    return result;
  };
  const collecting = apart(marks.filter(isCollecting), []);
  const others = apart(
    marks.filter((mark) => !isCollecting(mark)),
    collecting,
  );
  return [...collecting, ...others].sort((a, b) => a.from - b.from);
}

class Pieces {
  readonly list: Piece[] = [];
  end = Number.NEGATIVE_INFINITY;

  add(to: number, cause: Cause): void {
    if (to <= this.end) return;
    const last = this.list.at(-1);
    if (last?.cause === cause) this.list[this.list.length - 1] = { ...last, to };
    else this.list.push({ from: this.end, to, cause });
    this.end = to;
  }
}

/** Observations that are missing in a gap. */
export function missedOf({ from_s, to_s, step_s }: Omit<Gap, 'city_id' | 'isOpen'>): number {
  return Math.max(0, Math.ceil((to_s - from_s) / step_s - 0.5) - 1);
}

/** The runs of a gap, in order; their times add up to the silent time of the gap. */
export function runsOf(gap: Gap, timeline: readonly Piece[]): readonly Run[] {
  const missed = missedOf(gap);
  const { city_id, from_s, to_s, step_s: step } = gap;
  const runs: Run[] = [];
  const add = (from: number, to: number, count: number, cause: Cause) => {
    const last = runs.at(-1);
    if (last?.cause === cause) {
      runs[runs.length - 1] = { ...last, to, missed: last.missed + count };
    } else runs.push({ city_id, from, to, step, missed: count, cause, isOpen: false });
  };
  let place = pieceAt(timeline, from_s + step);
  for (let index = 0; index < missed; ) {
    const from = from_s + (index + 1) * step;
    while ((timeline[place]?.to ?? Number.POSITIVE_INFINITY) <= from) place += 1;
    const piece = timeline[place];
    if (piece === undefined) break;
    // All that lie within one piece are counted at once; the last one may be longer or shorter.
    const whole = Math.min(missed - 1 - index, Math.floor((piece.to - from) / step));
    if (whole > 0) {
      add(from, from + whole * step, whole, piece.cause);
      index += whole;
    } else {
      const to = index === missed - 1 ? to_s : from + step;
      add(from, to, 1, causeOf(from, to, timeline, place));
      index += 1;
    }
  }
  const last = runs.at(-1);
  if (gap.isOpen && last !== undefined) runs[runs.length - 1] = { ...last, isOpen: true };
  return runs;
}

/** The piece that holds this time, by bisection. */
function pieceAt(timeline: readonly Piece[], at: number): number {
  let [low, high] = [0, timeline.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((timeline[middle]?.to ?? at) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function causeOf(from: number, to: number, timeline: readonly Piece[], first: number): Cause {
  const lengths = new Map<Cause, number>();
  for (let place = first; ; place += 1) {
    const piece = timeline[place];
    if (piece === undefined || piece.from >= to) break;
    const length = Math.min(to, piece.to) - Math.max(from, piece.from);
    lengths.set(piece.cause, (lengths.get(piece.cause) ?? 0) + length);
  }
  if ((lengths.get('station') ?? 0) >= COLLECTED_SHARE * (to - from)) return 'station';
  lengths.delete('station');
  const [longest] = [...lengths].sort(([, a], [, b]) => b - a);
  return longest?.[0] ?? 'station';
}

/** Seconds of a time in which isobar itself did not ask. */
export function notCollectedS(timeline: readonly Piece[], from: number, to: number): number {
  let seconds = 0;
  for (let place = pieceAt(timeline, from); ; place += 1) {
    const piece = timeline[place];
    if (piece === undefined || piece.from >= to) return seconds;
    if (!OWN_STOPS.has(piece.cause)) continue;
    seconds += Math.min(to, piece.to) - Math.max(from, piece.from);
  }
}

const OWN_STOPS: ReadonlySet<Cause> = new Set(['isobar', 'paused', 'budget']);

/** Whether the station answers for what is missing: nothing kept isobar from asking, as far as known. */
export function isOfStation(cause: Cause): boolean {
  return cause === 'station' || cause === 'unknown';
}

/** What a run has of a time: missing observations and silent seconds. */
export function partOf(
  { from, to, step, missed }: Run,
  begin: number,
  end: number,
): { readonly missed: number; readonly seconds: number } {
  const before = (at: number) => Math.min(missed, Math.max(0, Math.ceil((at - from) / step)));
  return {
    missed: before(end) - before(begin),
    seconds: Math.max(0, Math.min(to, end) - Math.max(from, begin)),
  };
}

export function outageOf({ city_id, from, to, missed, cause, isOpen }: Run): Outage {
  return {
    city_id,
    from: formatSeconds(from),
    to: isOpen ? null : formatSeconds(to),
    missed,
    silent_s: to - from,
    cause,
  };
}

/** Of seconds since 1970. */
export function formatSeconds(at: number): string {
  return formatTime(new Date(at * 1_000));
}

/** The begin of the period that holds this time, and of the one after it. */
export function periodAt(at: number, period: Period): readonly [from: number, to: number] {
  const date = new Date(at * 1_000);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const begin = (add: number) =>
    ({
      day: Date.UTC(year, month, day + add),
      month: Date.UTC(year, month + add),
      year: Date.UTC(year + add, 0),
    })[period] / 1_000;
  return [begin(0), begin(1)];
}
