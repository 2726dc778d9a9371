/** Which partial aggregates of a publication hold the months of a city. */
import type { Aggregates, PartialFiles, PublishedFile } from '../analytics/publication.ts';
import type { Dataset } from '../model/datasets.ts';
import { type Explanation, listEnds } from '../model/provenance.ts';

type PartialFile = Explanation['partials']['listed'][number];

/** Partial aggregates that months and rollups have. */
type Merged = Exclude<keyof PartialFiles, 'days'>;

/** What each dataset is merged from. */
const KINDS: Readonly<Record<Dataset, readonly Merged[]>> = {
  city_statistics: ['city_statistics', 'coverage'],
  hourly_trends: ['hourly_trends'],
  anomalies: ['city_statistics'],
};

export function explainPartials(
  aggregates: Aggregates | null,
  dataset: Dataset,
  months: readonly string[],
): Pick<Explanation, 'partials' | 'live_months'> {
  if (aggregates === null) return { partials: listEnds([]), live_months: listEnds([]) };
  const { rollup, partials, anomaly_candidates, anomaly_bounds } = aggregates;
  const wanted = new Set(months);
  const rolledUp = new Set(rollup?.months);
  const kinds = KINDS[dataset];
  const found: PartialFile[] = [];
  const add = (
    role: PartialFile['role'],
    files: Readonly<Record<string, PublishedFile>>,
    counting: readonly string[],
    engine: string | null,
  ) => {
    for (const [kind, { path, sha256 }] of Object.entries(files)) {
      const range = {
        month_count: counting.length,
        first_month: counting[0] ?? null,
        last_month: counting.at(-1) ?? null,
      };
      found.push({ role, kind, path, sha256, engine, ...range });
    }
  };
  const filesOf = (files: Pick<PartialFiles, Merged>) =>
    Object.fromEntries(kinds.map((kind) => [kind, files[kind]]));
  const own = (some: readonly string[]) => some.filter((month) => wanted.has(month)).sort();
  if (rollup !== null && own(rollup.months).length > 0) {
    add('rollup', filesOf(rollup.files), own(rollup.months), null);
  }
  const known = new Set(rolledUp);
  for (const { months: all, files, engine = null } of partials) {
    for (const month of all) known.add(month);
    const free = own(all).filter((month) => !rolledUp.has(month));
    if (free.length > 0) add('partial', filesOf(files), free, engine);
    const merged = own(all).filter((month) => rolledUp.has(month));
    if (merged.length > 0) add('merged', filesOf(files), merged, engine);
  }
  if (dataset === 'anomalies') {
    const { rollup: ofRollup, free } = anomaly_candidates;
    add('candidates', { anomaly_candidates: ofRollup }, own([...rolledUp]), null);
    add('candidates', { anomaly_candidates: free }, [], null);
    add('bounds', { anomaly_bounds }, [], null);
  }
  const order = ['rollup', 'partial', 'candidates', 'bounds', 'merged'];
  found.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
  const live = months.filter((month) => !known.has(month)).map((month) => ({ month }));
  return { partials: listEnds(found), live_months: listEnds(live) };
}
