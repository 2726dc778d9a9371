/** The files of the raw export that hold a range of observations: the first and the last. */
import { rawHourPath } from '../lake/layout.ts';
import type { Explanation } from '../model/provenance.ts';
import { formatTime } from '../model/time-zone.ts';
import type { Sources } from './sources.ts';

type RawFile = Explanation['raw']['files']['listed'][number];
const HOUR_MS = 3_600_000;

export async function explainRaw(
  sources: Sources,
  { observed_from, observed_to }: Pick<Explanation, 'observed_from' | 'observed_to'>,
): Promise<Explanation['raw']> {
  const { table_version, pending } = await sources.cursor();
  const hours = [...new Set([observed_from, observed_to].flatMap((time) => hourOf(time)))];
  const listed: RawFile[] = [];
  for (const hour of hours) {
    const { hours: entries } = await sources.manifest(hour.slice(0, 10));
    const entry = entries[hour.slice(11, 13)];
    listed.push({
      path: rawHourPath(new Date(hour)),
      sha256: entry?.sha256 ?? null,
      table_version: entry?.table_version ?? null,
      pending: hour in pending,
    });
  }
  return { table_version, files: { total: hours.length, listed } };
}

/** `2024-10-31T14:00:00Z` */
function hourOf(time: string | null): string[] {
  if (time === null) return [];
  const hour = Math.floor(Date.parse(time) / HOUR_MS) * HOUR_MS;
  return [formatTime(new Date(hour))];
}
