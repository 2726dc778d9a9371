import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECORDS_TRACED_MAX, traceIdOf } from '../model/trace.ts';
import { openRecordingTracer } from '../tracing/testing/recording-tracer.ts';
import { observation, openTestLake } from './testing/lake.ts';

test('each live record of a landing has a span that says what became of it', async () => {
  await using lake = await openTestLake(1);
  const tracer = openRecordingTracer();
  const { sink } = await lake.open(undefined, { tracer, traceIdsMax: 2 });
  const [first, second] = [observation('london', 0), observation('london', 600)];
  const again = observation('london', 0, { collectedAt: 60 });
  const invalid = { ...observation('paris', 0), observed_at: 'soon' };
  const imported = observation('rome', 0, { source: 'import:a', import_id: 1, import_row: 1 });
  lake.log.put(0, first, second, first, again, invalid, imported, 'no JSON');
  const landed = await sink.land(0);
  assert.ok(landed);
  assert.deepEqual(
    tracer.spans.map(({ step, traceId, attributes, repeats }) => [
      step,
      traceId,
      attributes?.['isobar.log.offset'],
      attributes?.['isobar.outcome'],
      repeats,
    ]),
    [
      ['land', traceIdOf(first), 0, 'superseded', true],
      ['land', traceIdOf(second), 1, 'landed', false],
      ['land', traceIdOf(first), 2, 'duplicate', true],
      ['land', traceIdOf(again), 3, 'landed', false],
      ['land', traceIdOf(invalid), 4, 'invalid', true],
    ],
  );
  for (const { attributes } of tracer.spans) {
    assert.equal(attributes?.['isobar.table.version'], landed.version);
  }
  assert.deepEqual(landed.traceIds, [first, second].map(traceIdOf));
});

test('a large landing has no spans, and ids for the log only if they are wanted', async () => {
  await using lake = await openTestLake(1);
  const tracer = openRecordingTracer();
  const records = Array.from({ length: RECORDS_TRACED_MAX + 1 }, (_, at) =>
    observation('london', at * 600),
  );
  lake.log.put(0, ...records);
  const { sink } = await lake.open(undefined, { tracer, traceIdsMax: 3 });
  const landed = await sink.land(0);
  assert.deepEqual(tracer.spans, []);
  assert.deepEqual(landed?.traceIds, records.slice(0, 3).map(traceIdOf));

  lake.log.put(0, observation('paris', 0));
  const quiet = await lake.open();
  assert.deepEqual((await quiet.sink.land(0))?.traceIds, []);
});
