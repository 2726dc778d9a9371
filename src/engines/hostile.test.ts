/** Answers that no service should give: each is refused by name, within limits, and soon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, IsobarError } from '../errors.ts';
import { openHdfsProbe } from './hdfs.ts';
import { openOpenSearchProbe } from './opensearch.ts';
import { openSparkProbe } from './spark.ts';
import { startService, type TestService } from './testing/service.ts';

const PROBES = {
  hdfs: (url: string) => openHdfsProbe({ nameNodes: [url], journalNodes: [], timeoutMs: 20_000 }),
  spark: (url: string) => openSparkProbe({ uiUrl: url, masterUrl: null, timeoutMs: 20_000 }),
  opensearch: (url: string) => openOpenSearchProbe({ url }),
};
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
  'another address': [
    'SERVICE_UNREACHABLE',
    (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
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

for (const [kind, open] of Object.entries(PROBES)) {
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
