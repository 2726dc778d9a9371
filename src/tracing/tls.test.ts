/** A receiver over https, with the authority that is configured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeTrust } from '../../test/support/trust.ts';
import { until } from '../../test/support/until.ts';
import { loadConfig } from '../config/load.ts';
import type { Logger } from '../logger.ts';
import { traceIdOf } from '../model/trace.ts';
import { openTracer, receiverOf } from './open.ts';
import { startReceiver } from './testing/receiver.ts';

const TRACE = traceIdOf({ city_id: 'london', collected_at: '2024-10-31T14:00:05.120Z' });

test('spans go to a receiver of the authority that is set, and to no other', async () => {
  using trust = makeTrust();
  await using receiver = await startReceiver(0, trust.pair);
  const configOf = (tls_authority: string) =>
    loadConfig({
      ...{ file: null, env: {} },
      flags: { 'tracing.otlp_url': receiver.url, 'tracing.tls_authority': tls_authority },
    }).config.tracing;
  const lines: string[] = [];
  const note = (text: string) => void lines.push(text);
  const logger = { info: note, warn: note } as unknown as Logger;
  const about = { version: '1', roles: 'collect', simulated: true, logger };
  const exportOne = async (authority: string) => {
    const tracer = await openTracer(configOf(authority), about);
    tracer?.begin('collect').end(TRACE);
    await tracer?.[Symbol.asyncDispose]();
    return tracer?.figures;
  };
  assert.equal((await exportOne(trust.authority))?.exported, 1);
  await until('the span is there', () => receiver.spans.length === 1);
  assert.deepEqual(lines, []);
  for (const authority of [trust.other, '']) {
    assert.equal((await exportOne(authority))?.exported, 0);
    assert.match(lines.splice(0)[0] ?? '', /its certificate is not of an authority that is trust/);
  }
  assert.equal(receiver.requests.length, 1, 'nothing is sent without trust');
});

test('an authority that cannot be read is a mistake of the configuration', () => {
  const given = { otlp_url: 'https://127.0.0.1:1', headers: '', tls_authority: '/nowhere.pem' };
  assert.throws(() => receiverOf(given), /^\S+: tracing\.tls_authority: .*does not exist|does not/);
});
