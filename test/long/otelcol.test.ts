/** The real OpenTelemetry Collector takes the spans of a real server, and reads in them what we wrote. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/logger.ts';
import { STEPS, type Step, spanIdOf } from '../../src/model/trace.ts';
import { ROLES, startPipeline } from '../../src/pipeline/pipeline.ts';
import { openLeash, removeFolder } from '../support/leash.ts';
import { findCollector, startCollector } from '../support/otelcol.ts';

const KINDS: Readonly<Record<Step, string>> = {
  collect: 'Client',
  append: 'Producer',
  land: 'Consumer',
  publish: 'Internal',
  'serve.event': 'Internal',
};
const folder = mkdtempSync(join(tmpdir(), 'isobar-otelcol-'));
const leash = openLeash(folder);
let program: string | null = null;

before(async () => {
  program = await findCollector();
});
after(() => {
  leash[Symbol.dispose]();
  removeFolder(folder);
});

test('the collector reads the chain of an observation', async (context) => {
  if (program === null) return context.skip('Go is not installed');
  await using collector = await startCollector(program, folder);
  if (collector.process.pid !== undefined) leash.hold(collector.process.pid);
  const { config } = loadConfig({
    file: null,
    env: {},
    flags: {
      data: join(folder, 'data'),
      'collector.source': 'simulator',
      'simulator.history_days': '0',
      'simulator.interval_s': '1',
      'table.landing_age_s': '1',
      'api.port': '0',
      'tracing.otlp_url': collector.url,
    },
  });
  const rest = { version: '1.2.3', command: 'isobar test', webFolder: null };
  const steps = Object.keys(STEPS) as Step[];
  await using pipeline = await startPipeline({
    config,
    roles: ROLES,
    logger: silentLogger,
    ...rest,
  });
  const stream = await fetch(`${pipeline.url}/api/events`);
  const isWhole = (traceId: string) => {
    const names = collector.spans().filter((span) => span.traceId === traceId);
    return steps.every((step) => names.some(({ name }) => name === step));
  };
  const whole = async () => {
    const answer = await fetch(`${pipeline.url}/api/raw-data?limit=1000`);
    const { data } = (await answer.json()) as { data: { trace_id: string }[] };
    return data.map(({ trace_id }) => trace_id).find(isWhole);
  };
  let traceId = await whole();
  for (let tries = 0; traceId === undefined; tries++) {
    assert.ok(tries < 120, collector.output());
    await delay(500);
    traceId = await whole();
  }
  await stream.body?.cancel();
  for (const span of collector.spans().filter((one) => one.traceId === traceId)) {
    const step = span.name as Step;
    const parent = STEPS[step];
    assert.equal(span.parentId, parent === null ? '' : spanIdOf(traceId, parent));
    assert.equal(span.kind, KINDS[step]);
    assert.equal(span.status, 'Unset');
  }
  assert.match(collector.output(), /service\.name: Str\(isobar\)/);
  assert.match(collector.output(), /isobar\.table\.version: Int\(\d+\)/);
});
