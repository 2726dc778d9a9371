/**
 * The rule three_sigma, exact and without reading the whole history each time.
 *
 * Kept are the candidates: values outside their city's bounds, mean ± 2.5 deviations at the time
 * when the city was last read as a whole. As long as the rule's own bounds (mean ± 3 deviations
 * now) contain those, every value that the rule flags is a candidate. Where they do not any more,
 * that city is read as a whole again.
 */

import { BOUND_COLUMNS, CANDIDATE_COLUMNS } from './columns.ts';
import { view } from './compute.ts';
import type { Publication, PublishedFile } from './publication.ts';
import { queryText } from './queries.ts';
import type { Run } from './refresh.ts';

export interface AnomalyRun {
  readonly dataset: PublishedFile;
  readonly candidates: PublishedFile;
  readonly bounds: PublishedFile;
  /** Ids of the cities with fewer than 11 values. */
  readonly notEnoughValues: string[];
}

/** Cities that are not in the bounds, or whose rule's bounds no longer contain them. */
const OUTGROWN = `
  SELECT s.city_id FROM city_statistics s
  LEFT JOIN bounds_before b ON b.city_id = s.city_id
  WHERE s.temperature_c_stddev IS NOT NULL AND (b.city_id IS NULL
    OR s.temperature_c_mean - 3 * s.temperature_c_stddev > b.low
    OR s.temperature_c_mean + 3 * s.temperature_c_stddev < b.high)`;

/** Works on the view `city_statistics` of this run. */
export async function refreshAnomalies(
  run: Run,
  before: Publication | null,
  changedMonths: readonly string[] | null,
): Promise<AnomalyRun> {
  const { session } = run;
  const whole = before === null || changedMonths === null;
  await run.define('bounds_before', whole ? [] : [before.states.anomaly_bounds], BOUND_COLUMNS);
  const candidatesBefore = whole ? [] : [before.states.anomaly_candidates];
  await run.define('candidates_before', candidatesBefore, CANDIDATE_COLUMNS);
  const outgrown = (await session.query<{ city_id: string }>(OUTGROWN)).map((row) => row.city_id);

  const bounds = await refreshBounds(run, before, outgrown);
  await run.define('anomaly_bounds', [bounds], BOUND_COLUMNS);
  const candidates = await refreshCandidates(run, changedMonths ?? [], outgrown);
  await run.define('anomaly_candidates', [candidates], CANDIDATE_COLUMNS);
  const dataset = await run.write('_data', queryText('anomalies'));
  const few = await session.query<{ city_id: string }>(
    'SELECT city_id FROM city_statistics WHERE temperature_c_count < 11 ORDER BY city_id',
  );
  return { dataset, candidates, bounds, notEnoughValues: few.map((row) => row.city_id) };
}

async function refreshBounds(
  run: Run,
  before: Publication | null,
  outgrown: readonly string[],
): Promise<PublishedFile> {
  if (outgrown.length === 0 && before !== null) return before.states.anomaly_bounds;
  await view(run.session, 'bounds_now', queryText('anomaly_bounds'));
  await view(run.session, 'outgrown', OUTGROWN);
  return run.write(
    '_state',
    `SELECT n.city_id,
       CASE WHEN o.city_id IS NULL THEN b.low ELSE n.low END AS low,
       CASE WHEN o.city_id IS NULL THEN b.high ELSE n.high END AS high
     FROM bounds_now n
     LEFT JOIN outgrown o ON o.city_id = n.city_id
     LEFT JOIN bounds_before b ON b.city_id = n.city_id
     ORDER BY n.city_id`,
  );
}

/** Kept where nothing changed, read anew from changed months, and from everywhere for outgrown. */
async function refreshCandidates(
  run: Run,
  changedMonths: readonly string[],
  outgrown: readonly string[],
): Promise<PublishedFile> {
  const changed = changedMonths.map((month) => `'${month}'`).join(', ') || "''";
  const month = "substr(CAST(date_trunc('month', observed_at) AS VARCHAR), 1, 7)";
  await view(run.session, 'outgrown', OUTGROWN);
  await run.observe(outgrown.length > 0 ? null : changedMonths);
  await view(run.session, 'candidates_now', queryText('anomaly_candidates'));
  return run.write(
    '_state',
    `SELECT city_id, observed_at, temperature_c FROM candidates_before
     WHERE ${month} NOT IN (${changed}) AND city_id NOT IN (SELECT city_id FROM outgrown)
     UNION ALL
     SELECT city_id, observed_at, temperature_c FROM candidates_now
     WHERE ${month} IN (${changed}) OR city_id IN (SELECT city_id FROM outgrown)
     ORDER BY city_id, observed_at`,
  );
}
