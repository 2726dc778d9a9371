import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSparkProbe } from './spark.ts';
import { assertReading, describeProbe } from './testing/contract.ts';
import { startService } from './testing/service.ts';

describeProbe('spark', (url) => openSparkProbe({ uiUrl: url, masterUrl: null, timeoutMs: 20_000 }));

const executor = (id: string, more: object) => ({
  id,
  isActive: true,
  totalCores: 2,
  memoryUsed: 10,
  maxMemory: 100,
  failedTasks: 1,
  completedTasks: 4,
  totalDuration: 1_000,
  totalGCTime: 250,
  ...more,
});

/** The driver's answers; `tasks` of them are done. */
function driver(tasks: number) {
  return (path: string) => {
    if (path.endsWith('/applications')) {
      return [
        { id: 'app-old', attempts: [{ completed: true }] },
        { id: 'app-1', attempts: [{ completed: false }] },
      ];
    }
    assert.match(path, /^\/api\/v1\/applications\/app-1\//);
    if (path.endsWith('jobs?status=running')) return [{ jobId: 9 }];
    if (path.endsWith('jobs?status=failed')) {
      return [
        { jobId: 1, completionTime: '2024-11-01T00:00:00.000GMT' },
        { jobId: 2, completionTime: '2024-10-01T00:00:00.000GMT' },
        { jobId: 3, completionTime: 'yesterday' },
      ];
    }
    if (path.endsWith('executors')) {
      return [
        executor('driver', { totalCores: 0 }),
        executor('0', { completedTasks: tasks }),
        executor('1', { isActive: false }),
      ];
    }
    const stage = {
      attemptId: 0,
      numCompleteTasks: 4,
      memoryBytesSpilled: 30,
      diskBytesSpilled: 12,
      shuffleReadBytes: 5,
      shuffleWriteBytes: 6,
    };
    if (path.endsWith('/stages')) {
      return [
        { ...stage, stageId: 3 },
        { ...stage, stageId: 8, numCompleteTasks: 0 },
        { ...stage, stageId: 7, attemptId: 2 },
      ];
    }
    assert.match(path, /stages\/7\/2\/taskSummary/);
    return { executorRunTime: [200, 1_500] };
  };
}

const now = () => Date.parse('2024-11-01T00:05:00Z');

test('the newest stage with tasks, the running application, recent failures', async () => {
  await using ui = await startService(driver(4));
  await using probe = openSparkProbe({
    uiUrl: `${ui.url}/`,
    masterUrl: null,
    timeoutMs: 3_000,
    clock: now,
  });
  const reading = await probe.read(AbortSignal.timeout(5_000));
  assertReading(probe, reading);
  assert.deepEqual(reading.figures, {
    jobs_running: 1,
    jobs_failed: 3,
    jobs_failed_recently: 1,
    task_p50_seconds: 0.2,
    task_p95_seconds: 1.5,
    spilled_bytes: 42,
    shuffled_bytes: 11,
    gc_ratio: 0.25,
    executors: 1,
    tasks_failed_total: 1,
    cores: 2,
    memory_used_bytes: 10,
    memory_limit_bytes: 100,
    master_unreachable: null,
    workers_live: null,
    workers_dead: null,
    worker_memory_used_ratio: null,
  });
});

test('the long list of stages is asked for after new tasks only', async () => {
  await using ui = await startService(driver(4));
  await using probe = openSparkProbe({
    uiUrl: ui.url,
    masterUrl: null,
    timeoutMs: 3_000,
    clock: now,
  });
  const lists = () => ui.asked.filter((path) => path.endsWith('/stages')).length;
  await probe.read(AbortSignal.timeout(5_000));
  await probe.read(AbortSignal.timeout(5_000));
  assert.equal(lists(), 1);
  ui.answer = driver(5);
  await probe.read(AbortSignal.timeout(5_000));
  assert.equal(lists(), 2);
});

test('a master that is away is said, and what the driver says counts', async () => {
  await using ui = await startService(driver(4));
  await using probe = openSparkProbe({
    uiUrl: ui.url,
    masterUrl: 'http://127.0.0.1:1',
    timeoutMs: 3_000,
    clock: now,
  });
  const { figures } = await probe.read(AbortSignal.timeout(5_000));
  assert.equal(figures.master_unreachable, 1);
  assert.equal(figures.executors, 1);
});
