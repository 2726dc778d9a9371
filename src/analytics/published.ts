/** The published datasets for readers: rows are read once per publication. */
import type { Storage } from '../lake/storage.ts';
import type { AnomalyEvent, AnomalyEventSelection, LearningCity } from '../model/anomaly-events.ts';
import type { ClimateDataset, ClimateRows, ClimateSelection } from '../model/climate-datasets.ts';
import type { CityDay, CityDaySelection } from '../model/climate-spells.ts';
import type { Dataset } from '../model/datasets.ts';
import type {
  CheckedQuality,
  QualityFlag,
  QualityFlagSelection,
  StationDrift,
  StationDriftSelection,
} from '../model/quality.ts';
import type { SqlSession } from '../sql/engine.ts';
import { readCityDays, readClimate } from './climate.ts';
import {
  type DatasetPart,
  type DatasetRows,
  isLarge,
  readDataset,
  readDatasetPart,
} from './export.ts';
import { type OnGarbled, type Publication, readPublication } from './publication.ts';
import {
  failedFlagPaths,
  type Range,
  readDrift,
  readEvents,
  readFlags,
  summariseQuality,
} from './published-quality.ts';

/** One publication; it never changes. */
export interface PublishedVersion {
  readonly version: number;
  readonly tableVersion: number;
  /** ISO 8601. */
  readonly computedAt: string;
  /** Ids of the cities that the rule of the anomalies could not judge. */
  readonly notEnoughValues: readonly string[];
  /** What of the table was checked; null while values are not. */
  readonly quality: CheckedQuality | null;
  /** Flags of quality control, newest first. */
  flags(selection: QualityFlagSelection): Promise<QualityFlag[]>;
  /** How far stations are from their neighbours, newest days first. */
  drift(selection: StationDriftSelection): Promise<StationDrift[]>;
  /** Events of the rule seasonal, newest first. */
  events(selection: AnomalyEventSelection): Promise<AnomalyEvent[]>;
  /** The months that were judged, ascending, and the cities that were still learning in the last. */
  readonly judgedMonths: readonly string[];
  readonly learning: readonly LearningCity[];
  /** Local paths of the files with the values that failed in this time. */
  failedFlagPaths(range: Range): Promise<string[]>;
  /**
   * All rows of the dataset; of one too large to be held in memory at least the first `limit` of the
   * part, when it is ordered by city.
   */
  rows<D extends Dataset>(dataset: D, part?: DatasetPart): Promise<readonly DatasetRows[D][]>;
  /**
   * The selected rows in order; empty for a publication of an earlier version of the program. Rejects
   * with ABORTED once `signal` aborts.
   */
  climate<D extends ClimateDataset>(
    dataset: D,
    selection: ClimateSelection,
    signal?: AbortSignal,
  ): Promise<readonly ClimateRows[D][]>;
  /** The selected days by city and date; otherwise as `climate`. */
  cityDays(selection: CityDaySelection, signal?: AbortSignal): Promise<readonly CityDay[]>;
  /** Datasets of which all rows were asked for. */
  asked(): readonly Dataset[];
  /** Reads all rows of these datasets, so that asking for them needs the storage no more. */
  prepare(datasets: readonly Dataset[]): Promise<void>;
}

export interface Published {
  /** The newest publication, or null before the first. The same object while it is the newest. */
  latest(): Promise<PublishedVersion | null>;
}

/** `onGarbled` is called once for each publication that is skipped. */
export function openPublished(
  storage: Storage,
  session: SqlSession,
  onGarbled: OnGarbled = () => {},
): Published {
  const garbled = new Set<string>();
  const tellOnce: OnGarbled = (path, problem) => {
    if (garbled.has(path)) return;
    garbled.add(path);
    onGarbled(path, problem);
  };
  let newest: Publication | null = null;
  let version: PublishedVersion | null = null;

  return {
    async latest() {
      newest = await readPublication(storage, newest, tellOnce);
      if (newest !== null && newest.version !== version?.version) {
        version = openVersion(storage, session, newest);
      }
      return version;
    },
  };
}

function openVersion(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
): PublishedVersion {
  const rows = new Map<Dataset, Promise<unknown>>();
  const asked = new Set<Dataset>();

  function read(dataset: Dataset): Promise<unknown> {
    let reading = rows.get(dataset);
    if (reading === undefined) {
      reading = readDataset(storage, session, publication, dataset);
      // A failure is not kept: the next reader tries again.
      reading.catch(() => rows.delete(dataset));
      rows.set(dataset, reading);
    }
    return reading;
  }

  return {
    version: publication.version,
    tableVersion: publication.table_version,
    computedAt: publication.computed_at,
    notEnoughValues: publication.not_enough_values,
    quality: summariseQuality(publication),
    flags: (selection) => readFlags(storage, session, publication, selection),
    drift: (selection) => readDrift(storage, session, publication, selection),
    events: (selection) => readEvents(storage, session, publication, selection),
    judgedMonths: (publication.events ?? []).map(({ month }) => month),
    learning: Object.entries(publication.events?.at(-1)?.learning ?? {}).map(([city_id, days]) => ({
      city_id,
      days,
    })),
    failedFlagPaths: (range) => failedFlagPaths(storage, publication, range),
    climate: (dataset, selection, signal) =>
      readClimate(storage, session, publication, dataset, selection, signal),
    cityDays: (selection, signal) => readCityDays(storage, session, publication, selection, signal),
    asked: () => [...asked],
    async prepare(datasets) {
      for (const dataset of datasets) await read(dataset);
    },
    rows<D extends Dataset>(dataset: D, part?: DatasetPart) {
      if (part !== undefined && dataset !== 'anomalies' && isLarge(publication, dataset)) {
        const reading = readDatasetPart(storage, session, publication, dataset, part);
        return reading as Promise<unknown> as Promise<readonly DatasetRows[D][]>;
      }
      asked.add(dataset);
      return read(dataset) as Promise<readonly DatasetRows[D][]>;
    },
  };
}
