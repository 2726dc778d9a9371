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
import type { PublishedFile, States } from './publication.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';
import { monthList, type RefreshedStates } from './states.ts';

export interface RefreshedAnomalies {
  readonly candidates: States['anomaly_candidates'];
  readonly bounds: PublishedFile;
}

/** A little narrower than the rule, so that no rounding decides what is a candidate. */
const OUTGROWN = `
  SELECT s.city_id FROM city_statistics s
  LEFT JOIN anomaly_bounds b ON b.city_id = s.city_id
  WHERE s.temperature_c_stddev IS NOT NULL AND (b.city_id IS NULL
    OR s.temperature_c_mean - 2.99e0 * s.temperature_c_stddev > b.low
    OR s.temperature_c_mean + 2.99e0 * s.temperature_c_stddev < b.high)`;

const COLUMNS = 'city_id, month, observed_at, temperature_c';
const IS_OUTGROWN = 'city_id IN (SELECT city_id FROM outgrown)';

/**
 * Makes the view `anomaly_candidates` hold all candidates; works on the view `city_statistics` of
 * this run. Without states before, all rows are read.
 */
export async function refreshAnomalies(
  run: Run,
  before: States | null,
  changedMonths: readonly string[] | null,
  states: RefreshedStates,
): Promise<RefreshedAnomalies> {
  const { session } = run;
  const from = changedMonths === null ? null : before;
  await run.define('anomaly_bounds', from === null ? [] : [from.anomaly_bounds], BOUND_COLUMNS);
  const [count] = await session.query<{ cities: number }>(
    `SELECT count(*) AS cities FROM (${OUTGROWN}) AS outgrown`,
  );
  const outgrown = (count?.cities ?? 0) > 0;
  const bounds = outgrown || from === null ? await writeBounds(run, outgrown) : from.anomaly_bounds;
  const candidates =
    from === null || changedMonths === null
      ? await readCandidates(run, states)
      : await refreshCandidates(run, from, changedMonths, states, outgrown);
  const files = [candidates.base, candidates.free];
  await run.define('anomaly_candidates', files, CANDIDATE_COLUMNS);
  return { candidates, bounds };
}

/** New bounds for the cities that outgrew theirs; the view `anomaly_bounds` holds all then. */
async function writeBounds(run: Run, outgrown: boolean): Promise<PublishedFile> {
  const { session } = run;
  if (outgrown) {
    await session.materialize('outgrown', OUTGROWN);
    await view(session, 'bounds_now', queryText('anomaly_bounds'));
  }
  const kept = 'SELECT city_id, low, high FROM anomaly_bounds';
  const bounds = await run.write(
    '_state',
    outgrown
      ? `${kept} WHERE NOT ${IS_OUTGROWN}
         UNION ALL SELECT city_id, low, high FROM bounds_now WHERE ${IS_OUTGROWN}`
      : kept,
  );
  await run.define('anomaly_bounds', [bounds], BOUND_COLUMNS);
  return bounds;
}

/** From the rows of all months. */
async function readCandidates(
  run: Run,
  states: RefreshedStates,
): Promise<States['anomaly_candidates']> {
  await run.observe(null);
  await run.session.materialize('candidates', queryText('anomaly_candidates'));
  return writeCandidates(run, states);
}

/** Kept where nothing changed, read anew from changed months, and from everywhere for outgrown. */
async function refreshCandidates(
  run: Run,
  before: States,
  changedMonths: readonly string[],
  states: RefreshedStates,
  outgrown: boolean,
): Promise<States['anomaly_candidates']> {
  const { session } = run;
  const filesBefore = before.anomaly_candidates;
  const usual = !outgrown && !states.rebased;
  const files = usual ? [filesBefore.free] : [filesBefore.base, filesBefore.free];
  await run.define('candidates_before', files, CANDIDATE_COLUMNS);
  await run.observe(changedMonths);
  const candidates = `
    SELECT ${COLUMNS} FROM candidates_before WHERE month NOT IN (${monthList(changedMonths)})
    UNION ALL SELECT ${COLUMNS} FROM (${queryText('anomaly_candidates')}) AS now`;
  // Neither the base's months nor anybody's bounds changed.
  if (usual) return { base: filesBefore.base, free: await run.write('_state', candidates) };
  await session.materialize('candidates', candidates);
  if (outgrown) {
    await run.observe(null);
    await session.materialize(
      'candidates_outgrown',
      `SELECT ${COLUMNS} FROM candidates WHERE NOT ${IS_OUTGROWN}
       UNION ALL SELECT ${COLUMNS} FROM (${queryText('anomaly_candidates')}) AS everywhere
       WHERE ${IS_OUTGROWN}`,
    );
    await session.materialize('candidates', 'SELECT * FROM candidates_outgrown');
  }
  return writeCandidates(run, states);
}

/** The rows of `candidates`, those of the base's months apart. */
async function writeCandidates(
  run: Run,
  { base }: RefreshedStates,
): Promise<States['anomaly_candidates']> {
  const inBase = base === null ? 'false' : `month IN (${monthList(base.months)})`;
  const select = `SELECT ${COLUMNS} FROM candidates WHERE`;
  return {
    base: await run.write('_state', `${select} ${inBase}`),
    free: await run.write('_state', `${select} NOT (${inBase})`),
  };
}
