/**
 * The rule three_sigma, exact and without reading the whole history each time.
 *
 * Kept are the candidates: values outside their city's bounds, mean ± 2.5 deviations at the time
 * when the city was last read as a whole. As long as the rule's own bounds (mean ± 3 deviations
 * now) contain those, every value that the rule flags is a candidate. Where they do not any more,
 * that city is read as a whole again. Written are the candidates of the months that have a partial;
 * those of the live months are found among their rows.
 */
import { BOUND_COLUMNS, CANDIDATE_COLUMNS } from './columns.ts';
import { monthList } from './counting-files.ts';
import type { RefreshedAggregates } from './partials.ts';
import type { Aggregates, PublishedFile } from './publication.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';
import { OUTGROWN_CITIES } from './three-sigma.ts';

export interface RefreshedAnomalies {
  readonly candidates: Aggregates['anomaly_candidates'];
  readonly bounds: PublishedFile;
}

const COLUMNS = 'city_id, month, observed_at, temperature_c';
const BOUNDS = 'city_id, low, high';
const IS_OUTGROWN = 'city_id IN (SELECT city_id FROM outgrown)';

/**
 * Makes the view `anomaly_candidates` hold all candidates; works on `city_statistics` of this run.
 * Without earlier partial aggregates, all rows are read.
 */
export async function refreshAnomalies(
  run: Run,
  before: Aggregates | null,
  aggregates: RefreshedAggregates,
): Promise<RefreshedAnomalies> {
  await keepBounds(run, before?.anomaly_bounds ?? null);
  const [count] = await run.session.query<{ cities: number }>(
    `SELECT count(*) AS cities FROM (${OUTGROWN_CITIES}) AS outgrown`,
  );
  const outgrown = (count?.cities ?? 0) > 0;
  const bounds = await refreshBounds(run, before, outgrown);
  const candidates = await refreshCandidates(run, before, aggregates, outgrown);
  await run.define('candidates_written', [candidates.rollup, candidates.free], CANDIDATE_COLUMNS);
  const settled = monthList(aggregates.partials.flatMap((partial) => partial.months));
  const written = `SELECT ${COLUMNS} FROM candidates_written WHERE month IN (${settled})`;
  const found = `SELECT ${COLUMNS} FROM (${queryText('anomaly_candidates')}) AS live`;
  if (aggregates.live.length > 0) await run.observe(aggregates.live);
  await run.view(
    'anomaly_candidates',
    aggregates.live.length === 0 ? written : `${written} UNION ALL ${found}`,
  );
  return { candidates, bounds };
}

function keepBounds(run: Run, file: PublishedFile | null): Promise<void> {
  return run.once('anomaly_bounds', file?.path ?? '', async () => {
    await run.define('bounds_written', file === null ? [] : [file], BOUND_COLUMNS);
    return `SELECT ${BOUNDS} FROM bounds_written`;
  });
}

async function refreshBounds(
  run: Run,
  before: Aggregates | null,
  outgrown: boolean,
): Promise<PublishedFile> {
  if (!outgrown && before !== null) return before.anomaly_bounds;
  await run.session.materialize('outgrown', OUTGROWN_CITIES, run.signal);
  const bounds = await run.write(
    '_partials',
    `SELECT ${BOUNDS} FROM anomaly_bounds WHERE NOT ${IS_OUTGROWN}
     UNION ALL SELECT ${BOUNDS} FROM (${queryText('anomaly_bounds')}) AS now WHERE ${IS_OUTGROWN}`,
  );
  await keepBounds(run, bounds);
  return bounds;
}

/** Kept where nothing changed, read anew from new partials, and from everywhere for outgrown. */
async function refreshCandidates(
  run: Run,
  before: Aggregates | null,
  aggregates: RefreshedAggregates,
  outgrown: boolean,
): Promise<Aggregates['anomaly_candidates']> {
  const { session, signal } = run;
  if (before !== null && !outgrown && !aggregates.rolledUp && aggregates.written.length === 0) {
    return before.anomaly_candidates;
  }
  const found = `SELECT ${COLUMNS} FROM (${queryText('anomaly_candidates')}) AS found`;
  if (before === null) {
    await run.observe(null);
    await session.materialize('candidates', found, signal);
    return writeCandidates(run, aggregates);
  }
  const files = Object.values(before.anomaly_candidates);
  await run.define('candidates_before', files, CANDIDATE_COLUMNS);
  const kept = aggregates.partials
    .flatMap((partial) => partial.months)
    .filter((month) => !aggregates.written.includes(month));
  await run.observe(aggregates.written);
  await session.materialize(
    'candidates_known',
    `SELECT ${COLUMNS} FROM candidates_before WHERE month IN (${monthList(kept)})
     UNION ALL ${found}`,
    signal,
  );
  if (outgrown) await run.observe(null);
  await session.materialize(
    'candidates',
    outgrown
      ? `SELECT ${COLUMNS} FROM candidates_known WHERE NOT ${IS_OUTGROWN}
         UNION ALL ${found} WHERE ${IS_OUTGROWN}`
      : 'SELECT * FROM candidates_known',
    signal,
  );
  return writeCandidates(run, aggregates);
}

/** The rows of `candidates`, those of the rollup's months apart. */
async function writeCandidates(
  run: Run,
  { rollup, live }: RefreshedAggregates,
): Promise<Aggregates['anomaly_candidates']> {
  const merged = rollup?.months ?? [];
  const select = `SELECT ${COLUMNS} FROM candidates WHERE month`;
  const elsewhere = monthList([...merged, ...live]);
  return {
    rollup: await run.write('_partials', `${select} IN (${monthList(merged)})`),
    free: await run.write('_partials', `${select} NOT IN (${elsewhere})`),
  };
}
