/** Spark by the REST API of the driver’s page, and by the page of the standalone master. */
import { type Static, type TSchema, Type } from 'typebox';
import type { FigureValues } from '../model/engine-figures.ts';
import type { EngineProbe, ReadPart } from './engine-probe.ts';
import { askPart, COUNT, type FetchOptions, fetchJson, misunderstood } from './fetch-json.ts';
import { ratio } from './rates.ts';

export interface SparkProbeOptions {
  /** Of the driver. */
  readonly uiUrl: string;
  /** Of the master; null without one. */
  readonly masterUrl: string | null;
  /** PEM of the authority that both are trusted by, where they are asked over https. */
  readonly authority?: Buffer | null;
  /** Until the master counts as unreachable. */
  readonly timeoutMs: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

const APPLICATIONS = Type.Array(
  Type.Object({
    id: Type.String({ pattern: '^[\\w-]{1,100}$' }),
    attempts: Type.Array(Type.Object({ completed: Type.Boolean() })),
  }),
);
const JOBS = Type.Array(
  Type.Object({ jobId: COUNT, completionTime: Type.Optional(Type.String({ maxLength: 40 })) }),
);
const STAGES = Type.Array(
  Type.Object({
    stageId: COUNT,
    attemptId: COUNT,
    numCompleteTasks: COUNT,
    memoryBytesSpilled: COUNT,
    diskBytesSpilled: COUNT,
    shuffleReadBytes: COUNT,
    shuffleWriteBytes: COUNT,
  }),
);
const SUMMARY = Type.Object({ executorRunTime: Type.Array(COUNT, { minItems: 2, maxItems: 2 }) });
const EXECUTORS = Type.Array(
  Type.Object({
    id: Type.String(),
    isActive: Type.Boolean(),
    totalCores: COUNT,
    memoryUsed: COUNT,
    maxMemory: COUNT,
    failedTasks: COUNT,
    completedTasks: COUNT,
    totalDuration: COUNT,
    totalGCTime: COUNT,
  }),
);
const MASTER = Type.Object({
  workers: Type.Array(
    Type.Object({
      id: Type.String(),
      state: Type.String(),
      memory: COUNT,
      memoryused: COUNT,
    }),
  ),
});

const BYTES_MAX = 16 * 1024 * 1024;
const RECENT_MS = 600_000;
const WORKERS_MAX = 40;
const NAME_MAX = 100;

type StageFigures = Pick<
  FigureValues<'spark'>,
  'task_p50_seconds' | 'task_p95_seconds' | 'spilled_bytes' | 'shuffled_bytes'
>;

const NO_STAGE: StageFigures = {
  task_p50_seconds: null,
  task_p95_seconds: null,
  spilled_bytes: null,
  shuffled_bytes: null,
};

export function openSparkProbe(options: SparkProbeOptions): EngineProbe<'spark'> {
  const { uiUrl, masterUrl, authority = null, timeoutMs, clock = Date.now } = options;
  /** The list of stages is long: it is asked for after new tasks only. */
  let known: { readonly tasks: string; readonly figures: StageFigures } | null = null;

  async function stageOf(at: Application, executors: Executors): Promise<StageFigures> {
    const tasks = `${at.id} ${executors.reduce((sum, one) => sum + one.completedTasks, 0)}`;
    if (known?.tasks !== tasks) known = { tasks, figures: await readNewestStage(at) };
    return known.figures;
  }

  return {
    kind: 'spark',
    address: [uiUrl, masterUrl].filter((url) => url !== null).join(', '),
    async read(signal) {
      const [at, master] = await Promise.all([
        findApplication(uiUrl, { signal, authority }),
        masterUrl === null
          ? NO_MASTER
          : askPart(masterUrl, { timeoutMs, signal }, (part) =>
              readMaster(masterUrl, { signal: part, authority }),
            ).catch(() => LOST_MASTER),
      ]);
      const [running, failed, executors] = await Promise.all([
        at.ask('jobs?status=running', JOBS),
        at.ask('jobs?status=failed', JOBS),
        at.ask('executors', EXECUTORS),
      ]);
      const stage = await stageOf(at, executors);
      const recent = failed.filter(({ completionTime }) => {
        const ended = timeOf(completionTime);
        return ended !== null && clock() - ended < RECENT_MS;
      });
      return {
        figures: {
          jobs_running: running.length,
          jobs_failed: failed.length,
          jobs_failed_recently: recent.length,
          ...stage,
          ...executorFigures(executors),
          ...master.figures,
        },
        parts: master.parts,
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}

interface Application {
  readonly id: string;
  ask<S extends TSchema>(path: string, schema: S): Promise<Static<S>>;
}

type Executors = Static<typeof EXECUTORS>;

/** The one that runs; a driver has one. */
async function findApplication(uiUrl: string, asked: FetchOptions): Promise<Application> {
  const base = `${uiUrl.replace(/\/$/, '')}/api/v1/applications`;
  const list = await fetchJson(new URL(base), APPLICATIONS, asked);
  const isRunning = ({ attempts }: (typeof list)[number]) =>
    attempts.some(({ completed }) => !completed);
  const found = list.find(isRunning) ?? list[0];
  if (found === undefined) throw misunderstood(new URL(base).host, 'it names no application');
  return {
    id: found.id,
    ask: (path, schema) =>
      fetchJson(new URL(`${base}/${found.id}/${path}`), schema, { ...asked, bytesMax: BYTES_MAX }),
  };
}

async function readNewestStage(at: Application): Promise<StageFigures> {
  const stages = await at.ask('stages', STAGES);
  const newest = stages
    .filter(({ numCompleteTasks }) => numCompleteTasks > 0)
    .reduce<(typeof stages)[number] | null>(
      (best, one) => (best === null || one.stageId > best.stageId ? one : best),
      null,
    );
  if (newest === null) return NO_STAGE;
  const { stageId, attemptId } = newest;
  const path = `stages/${stageId}/${attemptId}/taskSummary?quantiles=0.5,0.95`;
  // The driver forgets the tasks of a stage before the stage.
  const summary = await at.ask(path, SUMMARY).catch(() => null);
  const [p50 = null, p95 = null] = summary?.executorRunTime ?? [];
  return {
    task_p50_seconds: p50 === null ? null : p50 / 1_000,
    task_p95_seconds: p95 === null ? null : p95 / 1_000,
    spilled_bytes: newest.memoryBytesSpilled + newest.diskBytesSpilled,
    shuffled_bytes: newest.shuffleReadBytes + newest.shuffleWriteBytes,
  };
}

function executorFigures(all: Executors) {
  const active = all.filter(({ isActive }) => isActive);
  const own = active.filter(({ id }) => id !== 'driver');
  // In local mode the driver executes.
  const counted = own.length > 0 ? own : active.filter(({ totalCores }) => totalCores > 0);
  const sum = (name: Exclude<keyof Executors[number], 'id' | 'isActive'>) =>
    counted.reduce((total, one) => total + one[name], 0);
  return {
    gc_ratio: ratio(sum('totalGCTime'), sum('totalDuration')),
    executors: counted.length,
    tasks_failed_total: sum('failedTasks'),
    cores: sum('totalCores'),
    memory_used_bytes: sum('memoryUsed'),
    memory_limit_bytes: sum('maxMemory'),
  };
}

const UNKNOWN = { workers_live: null, workers_dead: null, worker_memory_used_ratio: null };
const NO_MASTER = { figures: { master_unreachable: null, ...UNKNOWN }, parts: [] };
/** What the driver says counts all the same. */
const LOST_MASTER = { figures: { master_unreachable: 1, ...UNKNOWN }, parts: [] };

async function readMaster(masterUrl: string, asked: FetchOptions) {
  const url = new URL(`${masterUrl.replace(/\/$/, '')}/json/`);
  const { workers } = await fetchJson(url, MASTER, asked);
  const live = workers.filter(({ state }) => state === 'ALIVE');
  const memory = live.reduce((sum, one) => sum + one.memory, 0);
  const used = live.reduce((sum, one) => sum + one.memoryused, 0);
  const parts = workers.slice(0, WORKERS_MAX).map(
    ({ id, state }): ReadPart => ({
      kind: 'worker',
      name: id.slice(0, NAME_MAX),
      note: state === 'ALIVE' ? 'live' : 'dead',
      state: state === 'ALIVE' ? 'ok' : 'warning',
      figures: {},
    }),
  );
  return {
    figures: {
      master_unreachable: 0,
      workers_live: live.length,
      workers_dead: workers.length - live.length,
      worker_memory_used_ratio: ratio(used, memory),
    },
    parts,
  };
}

/** `2026-11-29T20:42:13.000GMT`; null for another form. */
function timeOf(text: string | undefined): number | null {
  const time = Date.parse((text ?? '').replace(/GMT$/, 'Z'));
  return Number.isNaN(time) ? null : time;
}
