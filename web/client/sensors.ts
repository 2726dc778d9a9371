/** What the sheet of the sensors shows: asked for while it is open, of all cities, in the chosen range. */
import type {
  AnomalyEventsAnswer,
  QualityFlagsAnswer,
  StationDriftAnswer,
} from '../../src/api/quality-schemas.ts';
import { formatPath } from './fetching.ts';
import { formatInstant } from './range.ts';
import type { Resource } from './resource.ts';

export interface Sensors {
  readonly flags: Resource<QualityFlagsAnswer>;
  readonly events: Resource<AnomalyEventsAnswer>;
  readonly drift: Resource<StationDriftAnswer>;
}

interface Asking {
  isOpen(): boolean;
  /** As parameters of a query; null before it is known. */
  range(): Readonly<Record<string, string>> | null;
  ask<T>(path: () => string | null): Resource<T>;
}

const FLAGS = 10_000;
const EVENTS = 500;
const DRIFT_DAYS = 10_000;
/** What drifts slowly is seen over weeks: the range begins so much earlier. */
const DRIFT_MS = 60 * 86_400_000;

export function createSensors({ isOpen, range, ask }: Asking): Sensors {
  const ofRange = (route: string, limit: number, earlierMs = 0) =>
    function path(): string | null {
      const span = range();
      if (!isOpen() || span?.from === undefined) return null;
      const from = formatInstant(Date.parse(span.from) - earlierMs);
      return formatPath(route, { ...span, from, limit });
    };
  return {
    flags: ask(ofRange('api/quality-flags', FLAGS)),
    events: ask(ofRange('api/anomaly-events', EVENTS)),
    drift: ask(ofRange('api/station-drift', DRIFT_DAYS, DRIFT_MS)),
  };
}
