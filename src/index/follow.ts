/** Following the publications: what is new since the committed version goes into the index. */
import type { PublishedAnomalies } from '../analytics/published-anomalies.ts';
import type { Logger } from '../logger.ts';
import type { AnomalyIndex, IndexChange, IndexState } from './anomaly-index.ts';

export interface Followed {
  readonly version: number;
  /** Rows that were written or removed; 0 when nothing had changed. */
  readonly changed: number;
  readonly replaced: boolean;
}

/**
 * Brings the index to this publication: whatever its state, it holds its rows afterwards. What has
 * not changed is neither read nor written. Rejects as the index, the lake and the engine do.
 */
export async function followPublication(
  index: AnomalyIndex,
  published: PublishedAnomalies,
  options: {
    readonly replace?: boolean;
    readonly logger?: Logger | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<Followed> {
  const { logger, signal } = options;
  const state = options.replace === true ? null : await index.state(signal);
  if (state !== null && holds(state, published)) return nothing(published.version);
  const kind = state === null ? 'replace' : 'update';
  if (kind === 'replace') {
    const { version, rowCount } = published;
    logger?.debug({ version, rows: rowCount }, 'making the index anew');
  }
  await using change = await index.begin(kind, signal);
  // Another process may have been quicker.
  if (change.base !== null && holds(change.base, published)) return nothing(published.version);
  const changed = await write(change, published, signal);
  return { version: published.version, changed, replaced: kind === 'replace' };
}

function holds({ version, sha256 }: IndexState, published: PublishedAnomalies): boolean {
  return version === published.version && sha256 === published.sha256;
}

function nothing(version: number): Followed {
  return { version, changed: 0, replaced: false };
}

async function write(
  change: IndexChange,
  published: PublishedAnomalies,
  signal?: AbortSignal,
): Promise<number> {
  const { base } = change;
  const { version, sha256 } = published;
  // The same rows under another number: only the number is written.
  if (base?.sha256 === sha256) {
    await change.commit({ version, sha256, digests: base.digests });
    return 0;
  }
  const digests = await published.digests(signal);
  const before = base?.digests ?? {};
  const stale = new Set(Object.keys(digests).filter((key) => digests[key] !== before[key]));
  let changed = 0;
  for (const bucket of Object.keys(before)) {
    if (!(bucket in digests)) changed += await change.put(bucket, [], signal);
  }
  for await (const { bucket, rows } of published.read(stale, signal)) {
    changed += await change.put(bucket, rows, signal);
  }
  await change.commit({ version, sha256, digests });
  return changed;
}
