import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { silentLogger } from '../logger.ts';
import { formatRecord, type Observation } from '../model/observation.ts';
import { RECORDS_TRACED_MAX, traceIdOf } from '../model/trace.ts';
import { observation } from '../table/testing/lake.ts';
import { openRecordingTracer } from '../tracing/testing/recording-tracer.ts';
import { openPublishTraces } from './publish-traces.ts';
import { openWorkspace } from './workspace.ts';

async function openPublishing(folder: string) {
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  const workspace = await openWorkspace(config, false);
  const [log, sink] = [await workspace.log(), await workspace.sink()];
  const refresher = await workspace.refresher();
  const tracer = openRecordingTracer();
  const traces = await openPublishTraces(workspace, silentLogger);
  return {
    async land(...records: readonly Observation[]) {
      await log.append(
        records.map((record) => ({ key: record.city_id, value: formatRecord(record) })),
      );
      for (let partition = 0; partition < log.partitionCount; partition++) {
        await sink.land(partition);
      }
    },
    async refresh() {
      const publication = await refresher.refresh();
      assert.ok(publication);
      return publication;
    },
    /** The traces of the spans of this publication. */
    async note(publication: Awaited<ReturnType<typeof refresher.refresh>>) {
      assert.ok(publication);
      tracer.spans.length = 0;
      traces.note(publication, tracer.begin('publish'));
      await traces.settle();
      return tracer.spans.map(({ traceId }) => traceId).sort();
    },
    [Symbol.asyncDispose]: () => workspace[Symbol.asyncDispose](),
  };
}

test('a publication has the live records that landed since the one before it, and no others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-publish-traces-'));
  try {
    await using publishing = await openPublishing(folder);
    const live = [observation('london', 0), observation('paris', 0), observation('rome', 600)];
    const imported = { source: 'import:a', import_id: 1, import_row: 1 };
    await publishing.land(...live, observation('oslo', 0, imported));
    const first = await publishing.refresh();
    assert.deepEqual(await publishing.note(first), live.map(traceIdOf).sort());

    const second = observation('london', 600);
    await publishing.land(second, observation('london', 0));
    const middle = await publishing.refresh();
    // The table goes on before the publication is looked at.
    const third = observation('paris', 600);
    await publishing.land(third);
    assert.deepEqual(await publishing.note(middle), [traceIdOf(second)]);
    const last = await publishing.refresh();
    assert.deepEqual(await publishing.note(last), [traceIdOf(third)]);
    assert.deepEqual(await publishing.note(last), []);

    const many = Array.from({ length: RECORDS_TRACED_MAX + 1 }, (_, at) => {
      return observation('cairo', at * 600);
    });
    await publishing.land(...many);
    assert.deepEqual(await publishing.note(await publishing.refresh()), []);
    const after = observation('cairo', -600);
    await publishing.land(after);
    assert.deepEqual(await publishing.note(await publishing.refresh()), [traceIdOf(after)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a process that begins with an older publication does not know what it was the first to hold', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-publish-traces-'));
  try {
    {
      await using publishing = await openPublishing(folder);
      await publishing.land(observation('london', 0));
      await publishing.refresh();
      await publishing.land(observation('london', 600));
      await publishing.refresh();
    }
    await using publishing = await openPublishing(folder);
    assert.deepEqual(await publishing.note(await publishing.refresh()), []);
    const next = observation('london', 1_200);
    await publishing.land(next);
    assert.deepEqual(await publishing.note(await publishing.refresh()), [traceIdOf(next)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
