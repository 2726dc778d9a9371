/**
 * The anomalies of a publication in buckets, for those who keep them elsewhere: which buckets
 * changed is seen by their digests, and only those need to be read.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Storage } from '../lake/storage.ts';
import type { Anomaly } from '../model/datasets.ts';
import type { SqlSession } from '../sql/engine.ts';
import { ANOMALY_COLUMNS } from './columns.ts';
import { finishRow, isLarge } from './export.ts';
import { type OnGarbled, type Publication, readPublication } from './publication.ts';
import { readChecked } from './published-files.ts';

export interface PublishedAnomalies {
  readonly version: number;
  /** Of the file: equal for publications of the same rows. */
  readonly sha256: string;
  readonly rowCount: number;
  /** Bucket → digest of its rows; buckets without rows are left out. */
  digests(signal?: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** All rows of each of these buckets that has some. */
  read(buckets: ReadonlySet<string>, signal?: AbortSignal): AsyncIterable<AnomalyBucket>;
}

export interface AnomalyBucket {
  readonly bucket: string;
  readonly rows: readonly Anomaly[];
}

export interface AnomalySource {
  /** Those of the newest publication, or null before the first. */
  latest(): Promise<PublishedAnomalies | null>;
}

/** Lines that are read before others get their turn. */
const LINES_AT_ONCE = 1_000;
const VIEW = 'indexed_anomalies';

/** `session` is its own. */
export function openAnomalySource(
  storage: Storage,
  session: SqlSession,
  onGarbled: OnGarbled = () => {},
): AnomalySource {
  let newest: Publication | null = null;
  return {
    async latest() {
      newest = await readPublication(storage, newest, onGarbled);
      if (newest === null) return null;
      const { version, datasets } = newest;
      const rows = isLarge(newest, 'anomalies')
        ? openTable(storage, session, newest)
        : openLines(storage, newest);
      const { sha256, rows: rowCount } = datasets.anomalies;
      return { version, sha256, rowCount, ...rows };
    },
  };
}

type Rows = Pick<PublishedAnomalies, 'digests' | 'read'>;

/** `São-Paulo 2024-10` → one of 256: rows of a city and month stay together. */
function bucketOf(city: string, month: string): string {
  return createHash('md5').update(`${city} ${month}`).digest('hex').slice(0, 2);
}

function openLines(storage: Storage, publication: Publication): Rows {
  let read: Promise<Map<string, AnomalyLines>> | null = null;
  const lines = (signal?: AbortSignal) => {
    read ??= readLines(storage, publication, signal);
    read.catch(() => {
      read = null;
    });
    return read;
  };
  return {
    async digests(signal) {
      const buckets = await lines(signal);
      return Object.fromEntries([...buckets].map(([bucket, { hash }]) => [bucket, hash()]));
    },
    async *read(buckets, signal) {
      for (const [bucket, { rows }] of await lines(signal)) {
        if (buckets.has(bucket)) yield { bucket, rows };
      }
    },
  };
}

interface AnomalyLines {
  readonly rows: Anomaly[];
  add(line: string): void;
  hash(): string;
}

async function readLines(
  storage: Storage,
  publication: Publication,
  signal?: AbortSignal,
): Promise<Map<string, AnomalyLines>> {
  const bytes = await readChecked(storage, publication.datasets.anomalies);
  const places = new Map<string, string>();
  const buckets = new Map<string, AnomalyLines>();
  for (const [at, line] of new TextDecoder().decode(bytes).split('\n').entries()) {
    if (at % LINES_AT_ONCE === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    if (line === '') continue;
    const row = JSON.parse(line) as Anomaly;
    const month = row.observed_at.slice(0, 7);
    const place = `${row.city_id} ${month}`;
    const bucket = places.get(place) ?? bucketOf(row.city_id, month);
    places.set(place, bucket);
    const own = buckets.get(bucket) ?? openBucket();
    buckets.set(bucket, own);
    own.rows.push(row);
    own.add(line);
  }
  return buckets;
}

function openBucket(): AnomalyLines {
  const hash = createHash('sha256');
  return {
    rows: [],
    add: (line) => {
      hash.update(line).update('\n');
    },
    hash: () => hash.copy().digest('hex').slice(0, 16),
  };
}

const BUCKET = `substr(md5(city_id || ' ' || substr(CAST(observed_at AS STRING), 1, 7)), 1, 2)`;

function openTable(storage: Storage, session: SqlSession, publication: Publication): Rows {
  const define = async () => {
    const path = await storage.localPath(publication.datasets.anomalies.path);
    await session.define(VIEW, [path], ANOMALY_COLUMNS);
  };
  return {
    async digests(signal) {
      await define();
      const columns = Object.keys(ANOMALY_COLUMNS).join(', ');
      const rows = await session.query<{ bucket: string; digest: string }>(
        `SELECT ${BUCKET} AS bucket,
           CAST(count(*) AS VARCHAR) || '-' || CAST(sum(hash(${columns})) AS VARCHAR) AS digest
         FROM ${VIEW} GROUP BY ALL`,
        {},
        signal,
      );
      return Object.fromEntries(rows.map(({ bucket, digest }) => [bucket, digest]));
    },
    async *read(buckets, signal) {
      if (buckets.size === 0) return;
      await define();
      const list = [...buckets].map((bucket) => `'${bucket.replaceAll("'", "''")}'`).join(', ');
      const sql = `SELECT ${BUCKET} AS bucket, * FROM ${VIEW}
        WHERE ${BUCKET} IN (${list}) ORDER BY bucket, observed_at DESC, city_id`;
      let bucket: string | null = null;
      let rows: Anomaly[] = [];
      for await (const batch of session.stream(sql, {}, signal)) {
        for (const { bucket: own, ...row } of batch.rows) {
          if (bucket !== null && own !== bucket) {
            yield { bucket, rows };
            rows = [];
          }
          bucket = String(own);
          rows.push(finishRow('anomalies', row) as unknown as Anomaly);
        }
      }
      if (bucket !== null) yield { bucket, rows };
    },
  };
}
