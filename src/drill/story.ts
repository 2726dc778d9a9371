/** What a drill has seen from the moment when something broke, for a summary at its end. */
import { errorsOf, type Look, lagOf, queueOf, spooledOf } from './drill.ts';

export interface Story {
  /** Something breaks now, perhaps once more: the times are those of the last one. */
  breaks(): void;
  /** It is made whole now; what follows is the system's own recovery. */
  mends(): void;
  /** All is as before. */
  recovers(): void;
  see(look: Look): void;
  /** A label and what there is to say of it, each. */
  summary(): (readonly [label: string, text: string])[];
}

const REASON_MAX = 160;

type Moment = 'broken' | 'mended' | 'recovered';

export function openStory(now: () => number = () => performance.now()): Story {
  const at = new Map<Moment, number>();
  const codes = new Set<string>();
  let [queue, spooled, lag] = [0, 0, 0];
  let staleReason: string | null = null;
  let silentSince: number | null = null;
  let silentMs = 0;

  function see(look: Look): void {
    if (!at.has('broken') || at.has('recovered')) return;
    const { status, meta } = look;
    if (status === null) silentSince ??= now();
    else if (silentSince !== null) {
      silentMs += now() - silentSince;
      silentSince = null;
    }
    if (meta?.stale === true) staleReason ??= meta.reason;
    if (status === null) return;
    queue = Math.max(queue, queueOf(status));
    spooled = Math.max(spooled, spooledOf(status));
    lag = Math.max(lag, lagOf(status));
    for (const { room, code } of errorsOf(status)) codes.add(`${code} (${room})`);
  }

  /** `12.3 s`, or a dash for what did not happen. */
  function between(from: Moment, to: Moment): string {
    const [begin, end] = [at.get(from), at.get(to)];
    return begin === undefined || end === undefined ? '–' : seconds(end - begin);
  }

  return {
    breaks() {
      at.clear();
      at.set('broken', now());
    },
    mends: () => void at.set('mended', now()),
    recovers: () => void at.set('recovered', now()),
    see,
    summary: () => [
      ['broken for', between('broken', 'mended')],
      ['recovered after', between('mended', 'recovered')],
      ['longest queue', `${queue} records, ${spooled} of them on the collector's disk`],
      ['longest lag', `${lag} s`],
      ['errors reported', codes.size === 0 ? 'none' : [...codes].join(', ')],
      ['answers marked stale', staleReason === null ? 'no' : `yes: ${inBrief(staleReason)}`],
      ['API without an answer', silentMs === 0 ? 'never' : seconds(silentMs)],
    ],
  };
}

/** Messages of Java may be long, and of several lines. */
function inBrief(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= REASON_MAX ? line : `${line.slice(0, REASON_MAX)} …`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
