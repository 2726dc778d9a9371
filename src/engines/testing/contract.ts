/**
 * What every probe over HTTP promises, one test for each: answers that no service should give are
 * refused by name, within limits, and soon. `assertReading` is for what it reads of a service.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, IsobarError } from '../../errors.ts';
import { FIGURES, PART_FIGURES, PARTS_MAX } from '../../model/engine-figures.ts';
import type { EngineProbe, Reading } from '../engine-probe.ts';
import { startService, type TestService } from './service.ts';

const CHUNK = ' '.repeat(1024 * 1024);

const CASES: Readonly<Record<string, readonly [ErrorCode, TestService['answer']]>> = {
  'a page of HTML': ['SERVICE_ANSWER', () => '<html><body>Sign in</body></html>'],
  'nothing at all': ['SERVICE_ANSWER', () => ''],
  'JSON that is cut': ['SERVICE_ANSWER', () => '{"beans": ['],
  'JSON of another kind': ['SERVICE_ANSWER', () => ({ hello: 1 })],
  'a list of nothing': ['SERVICE_ANSWER', () => [null]],
  'numbers as texts': [
    'SERVICE_ANSWER',
    () => ({ beans: [{ State: 7, MemHeapUsedM: '12', GcTimeMillis: {} }], status: 'green' }),
  ],
  'a deep answer': ['SERVICE_ANSWER', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  'no end': [
    'SERVICE_ANSWER',
    (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(CHUNK));
        response.once('drain', more);
      };
      more();
    },
  ],
  'an error': ['SERVICE_UNREACHABLE', (_, response) => void response.writeHead(500).end('stack')],
  'a line that is cut': [
    'SERVICE_UNREACHABLE',
    (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{');
      setImmediate(() => response.destroy());
    },
  ],
};

export function describeProbe(kind: string, open: (url: string) => EngineProbe): void {
  for (const [name, [code, answer]] of Object.entries(CASES)) {
    test(`${kind}: ${name} is refused`, { timeout: 30_000 }, async () => {
      await using service = await startService(answer);
      await using probe = open(service.url);
      await assert.rejects(probe.read(AbortSignal.timeout(20_000)), (error) => {
        assert.ok(error instanceof IsobarError, String(error));
        assert.equal(error.code, code, error.message);
        assert.ok(error.message.includes(new URL(service.url).host), error.message);
        assert.ok(error.message.length < 400, error.message);
        assert.doesNotMatch(error.message, /Sign in|stack|<html/);
        return true;
      });
    });
  }

  test(`${kind}: it is not led to another address`, async () => {
    await using other = await startService(() => ({}));
    await using service = await startService(
      (_, response) => void response.writeHead(302, { location: other.url }).end(),
    );
    await using probe = open(service.url);
    const read = probe.read(AbortSignal.timeout(20_000));
    await assert.rejects(read, { code: 'SERVICE_UNREACHABLE' });
    assert.deepEqual(other.asked, []);
  });

  test(`${kind}: one that never answers is left when the signal aborts`, async () => {
    await using service = await startService(() => undefined);
    await using probe = open(service.url);
    const stop = new AbortController();
    const reading = probe.read(stop.signal);
    while (service.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new IsobarError('ABORTED', 'isobar stops'));
    await assert.rejects(reading, { code: 'ABORTED' });
  });

  test(`${kind}: nothing listens`, async () => {
    const service = await startService(() => undefined);
    const { url } = service;
    await service[Symbol.asyncDispose]();
    await using probe = open(url);
    const read = probe.read(AbortSignal.timeout(20_000));
    await assert.rejects(read, { code: 'SERVICE_UNREACHABLE', message: /ECONNREFUSED/ });
  });
}

/** It has the figures of the table and no others, each a number from 0 on or null. */
export function assertReading(
  { kind }: Pick<EngineProbe, 'kind'>,
  { figures, parts }: Pick<Reading, 'parts'> & { readonly figures: object },
): void {
  assert.deepEqual(Object.keys(figures).sort(), Object.keys(FIGURES[kind]).sort());
  for (const [name, value] of Object.entries(figures)) assertValue(value, name);
  assert.ok(parts.length <= PARTS_MAX);
  for (const part of parts) {
    assert.deepEqual(Object.keys(part.figures).sort(), Object.keys(PART_FIGURES[part.kind]).sort());
    for (const [name, value] of Object.entries(part.figures)) assertValue(value, name);
  }
}

function assertValue(value: unknown, name: string): void {
  const isKnown = typeof value === 'number' && Number.isFinite(value) && value >= 0;
  assert.ok(value === null || isKnown, `${name}: ${value}`);
}
