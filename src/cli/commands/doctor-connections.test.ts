import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { commandLine } from '../../../test/support/canary.ts';
import { runChild } from '../../../test/support/child.ts';

const folder = mkdtempSync(join(tmpdir(), 'isobar-connections-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Names that lead nowhere, so that nothing is waited for. */
const SETTINGS = [
  ...[
    'tracing.otlp_url=http://collector.invalid:4318',
    'engines.spark.ui_url=https://spark.invalid',
  ],
  ...['engines.spark.master_url=http://127.0.0.1:1', 'collector.source=openweathermap'],
];
const ISOBAR_API_CACHE_REDIS_URL = 'redis://isobar:hunter2@cache.invalid:6379';

const run = (command: string, ...more: readonly string[]) =>
  runChild(
    commandLine(
      ...[command, '--data', folder, '--set', 'api.port=0'],
      ...[...SETTINGS, ...more].flatMap((pair) => ['--set', pair]),
    ),
    { env: { ISOBAR_API_CACHE_REDIS_URL } },
  );

test('doctor shows each connection to a service as encrypted or not', async () => {
  const { output } = await run('doctor');
  const [lines, remedies] = [/^\w+ +tls .*$/gm, /→ (.*require_tls.*)$/gm].map((pattern) =>
    [...output.matchAll(pattern)].map(([line, text]) => (text ?? line).replaceAll(/ +/g, ' ')),
  );
  assert.deepEqual(lines, [
    'ok tls OpenWeatherMap at api.openweathermap.org: encrypted',
    'ok tls page of Spark’s driver at spark.invalid: encrypted',
    'ok tls page of Spark’s master at 127.0.0.1:1: not encrypted, on this machine',
    'warn tls receiver of traces at collector.invalid:4318: not encrypted',
    'warn tls Redis at cache.invalid:6379: not encrypted',
  ]);
  assert.deepEqual(remedies, [
    'Set tracing.otlp_url to https://…; require_tls refuses what is plain.',
    'Set api.cache.redis_url to rediss://…; require_tls refuses what is plain.',
  ]);
  assert.ok(!output.includes('hunter2'));
});

test('with require_tls isobar does not start, and names all that it would reach in the clear', async () => {
  const { code, output, errors } = await run('start', 'require_tls=true');
  assert.equal(code, 2, errors);
  assert.match(errors, /^ *tracing\.otlp_url: expected https:\/\/…, since require_tls is true/m);
  assert.match(
    errors,
    /^ *api\.cache\.redis_url: expected rediss:\/\/…, since require_tls is true/m,
  );
  assert.ok(!(output + errors).includes('hunter2'));
});
