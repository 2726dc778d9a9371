import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { isErrorCode } from '../../errors.ts';
import { type City, DEFAULT_CITIES } from '../../model/city.ts';
import { systemClock } from '../clock.ts';
import { ProviderError } from '../provider-error.ts';
import { startTestProvider, type TestProvider } from '../testing/provider.ts';
import { type OpenWeatherOptions, openOpenWeather } from './openweather.ts';

const CANARY = 'c4na4y0123456789abcdef0123456789';
const CITY = DEFAULT_CITIES[0] as City;
const GOOD = JSON.stringify({ dt: 1_700_000_000, main: { temp: 1 }, cod: 200 });
const never = new AbortController().signal;

describe('OpenWeatherMap', () => {
  let provider: TestProvider;
  let folder: string;
  let now = 1_700_000_000_000;

  before(async () => {
    provider = await startTestProvider();
    folder = await mkdtemp(join(tmpdir(), 'isobar-openweather-'));
  });
  beforeEach(async () => {
    provider.requests.length = 0;
    await rm(join(folder, 'key.json'), { force: true });
  });
  after(async () => {
    await provider.stop();
    await rm(folder, { recursive: true });
  });

  function open(change: Partial<OpenWeatherOptions> = {}) {
    return openOpenWeather({
      url: provider.url,
      key: CANARY,
      name: 'openweathermap',
      intervalSeconds: 600,
      timeoutSeconds: 5,
      clock: { ...systemClock, now: () => now },
      ...change,
    });
  }

  async function failureOf(source = open(), signal = never): Promise<ProviderError> {
    const error = await source.observe(CITY, signal).then(
      () => assert.fail('it answered'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ProviderError, inspect(error));
    for (const text of [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)]) {
      assert.ok(!text.includes(CANARY), text);
      assert.ok(!text.includes(provider.url), text);
    }
    return error;
  }

  test('asks by coordinates, in metric units, with the key', async () => {
    provider.answer = () => ({ body: GOOD });
    for (const url of [provider.url, `${provider.url}/`]) await open({ url }).observe(CITY, never);
    assert.equal(provider.requests.length, 2);
    for (const { pathname, searchParams } of provider.requests) {
      assert.equal(pathname, '/data/2.5/weather');
      const expected = { lat: '40.7128', lon: '-74.006', units: 'metric', appid: CANARY };
      assert.deepEqual(Object.fromEntries(searchParams), expected);
    }
  });

  test('no key at all is an error before any call', () => {
    assert.throws(
      () => open({ key: '' }),
      (error) => isErrorCode(error, 'PROVIDER_KEY_MISSING'),
    );
  });

  test('a slow answer is given up after the time-out, even in the middle', async () => {
    provider.answer = (_url, _request, response) => {
      response.writeHead(200);
      response.write('{"dt": 1');
      return null;
    };
    const error = await failureOf(open({ timeoutSeconds: 0.05 }));
    assert.equal(error.code, 'PROVIDER_DOWN');
    assert.equal(error.message, 'asking for new-york: no answer within 0.05 s');
  });

  test('a connection cut in the middle is PROVIDER_DOWN, and never a short answer', async () => {
    provider.answer = (_url, _request, response) => {
      response.writeHead(200, { 'content-length': String(GOOD.length + 1) });
      response.write(GOOD, () => response.destroy());
      return null;
    };
    const error = await failureOf();
    assert.equal(error.message, 'asking for new-york: the answer was cut off');
  });

  test('a refused connection is PROVIDER_DOWN with the code of the system', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const error = await failureOf(open({ url: `http://127.0.0.1:${port}` }));
    assert.equal(error.message, 'asking for new-york: no answer (ECONNREFUSED)');
  });

  test('an address that is none shows nothing of it', async () => {
    const error = await failureOf(open({ url: `nonsense ${CANARY}` }));
    assert.equal(error.message, 'asking for new-york: no answer (ERR_INVALID_URL)');
  });

  test('a redirect is not followed', async () => {
    provider.answer = (url) => ({
      status: 302,
      headers: { location: `${provider.url}/elsewhere?${url.searchParams}` },
    });
    assert.equal((await failureOf()).code, 'PROVIDER_DOWN');
    assert.equal(provider.requests.length, 1);
  });

  test('an endless answer is left after 1 MiB', async () => {
    let closed = false;
    provider.answer = (_url, _request, response) => {
      response.writeHead(200);
      response.on('close', () => {
        closed = true;
      });
      const more = () => {
        while (!closed && response.write(' '.repeat(65_536)));
      };
      response.on('drain', more);
      more();
      return null;
    };
    const record = await open().observe(CITY, never);
    assert.ok('invalid' in record);
    assert.equal(record.invalid, 'longer than 1 MiB');
    assert.equal(record.response.length, 65_536);
    const deadline = Date.now() + 5_000;
    while (!closed && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(closed, 'the connection is still open');
  });

  test('an answer that quotes the key is kept without it', async () => {
    provider.answer = () => ({ body: JSON.stringify({ ...JSON.parse(GOOD), you: CANARY }) });
    const record = await open().observe(CITY, never);
    assert.ok(record.response?.includes('"you":"***"'));
    provider.answer = () => ({ status: 401, body: `{"cod":401,"message":"not ${CANARY}"}` });
    assert.equal((await failureOf()).message, 'asking for new-york: 401, “not ***”');
  });

  test('the caller’s signal cancels the call and is not a failure of the provider', async () => {
    const cancel = new AbortController();
    provider.answer = () => {
      cancel.abort();
      return null;
    };
    await assert.rejects(open().observe(CITY, cancel.signal), { name: 'AbortError' });
    await assert.rejects(open().observe(CITY, cancel.signal), { name: 'AbortError' });
    assert.equal(provider.requests.length, 1);
  });

  test('a key that never worked is not active yet for two hours, also across restarts', async () => {
    provider.answer = () => ({ status: 401 });
    const start = now;
    assert.equal((await failureOf(open({ folder }))).keyNotActiveYet, true);
    now = start + 7_199_000;
    assert.equal((await failureOf(open({ folder }))).keyNotActiveYet, true);
    now = start + 7_200_000;
    assert.equal((await failureOf(open({ folder }))).keyNotActiveYet, false);
    // Another key begins anew.
    const other = open({ folder, key: CANARY.replaceAll('c', 'd') });
    assert.equal((await failureOf(other)).keyNotActiveYet, true);
    now = start;
  });

  test('a key that has worked once is refused for good', async () => {
    provider.answer = () => ({ body: GOOD });
    await open({ folder }).observe(CITY, never);
    provider.answer = () => ({ status: 401 });
    const error = await failureOf(open({ folder }));
    assert.equal(error.keyNotActiveYet, false);
    assert.deepEqual(
      [1, 2, 9].map((count) => error.waitSeconds(count)),
      [300, 600, 3_600],
    );
    const kept = await readFile(join(folder, 'key.json'), 'utf8');
    assert.ok(!kept.includes(CANARY));
  });

  test('an unknown city proves that the key works', async () => {
    const source = open();
    provider.answer = () => ({ status: 404, body: '{"cod":"404","message":"city not found"}' });
    assert.equal((await failureOf(source)).ofCity, true);
    provider.answer = () => ({ status: 401 });
    assert.equal((await failureOf(source)).keyNotActiveYet, false);
  });
});
