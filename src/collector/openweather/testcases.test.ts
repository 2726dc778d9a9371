import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { City } from '../../model/city.ts';
import type { CollectedRecord } from '../../model/observation.ts';
import { systemClock } from '../clock.ts';
import { ProviderError } from '../provider-error.ts';
import { startTestProvider, type TestProvider } from '../testing/provider.ts';
import type { Units } from './measurements.ts';
import { openOpenWeather } from './openweather.ts';
import { parseAnswer } from './parse.ts';

interface Case {
  readonly about: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly collected_at: string;
  readonly city: City;
  readonly units?: Units;
  readonly pad_to_bytes?: number;
}

const ROOT = join(import.meta.dirname, 'testcases');
const MAY_UPDATE = process.env.ISOBAR_UPDATE_EXPECTED === '1' && !process.env.CI;
const names = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe('recorded answers', () => {
  let provider: TestProvider;
  before(async () => {
    provider = await startTestProvider();
  });
  after(() => provider.stop());

  for (const { name } of names) {
    const folder = join(ROOT, name);
    const files = readdirSync(folder);
    const given = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as Case;
    const file = files.includes('response.json') ? 'response.json' : 'response.txt';
    const bytes = pad(readFileSync(join(folder, file)), given.pad_to_bytes ?? 0);
    const collectedAt = Date.parse(given.collected_at);
    const options = { source: 'openweathermap', intervalSeconds: 600 };

    test(`${name}: ${given.about}`, async () => {
      const body = bytes.toString('utf8');
      const answer = {
        status: given.status,
        headers: new Headers(given.headers),
        body,
        collectedAt,
        utf8: isUtf8(bytes),
      };
      const parsed = await outcomeOf(() =>
        parseAnswer(answer, given.city, { ...options, units: given.units ?? 'metric' }),
      );
      checkResponse(parsed, body);
      const outcome = withoutResponse(parsed);
      const expectedFile = join(folder, 'expected.json');
      const text = `${JSON.stringify(outcome, null, 2)}\n`;
      if (MAY_UPDATE) writeFileSync(expectedFile, text);
      assert.equal(text, readFileSync(expectedFile, 'utf8'));

      if (given.units !== undefined) return;
      provider.answer = () => ({ status: given.status, headers: given.headers, body: bytes });
      const source = openOpenWeather({
        url: provider.url,
        key: 'a-key-of-the-tests',
        name: 'openweathermap',
        intervalSeconds: 600,
        timeoutSeconds: 10,
        clock: { ...systemClock, now: () => collectedAt },
      });
      const asked = await outcomeOf(() => source.observe(given.city, AbortSignal.timeout(20_000)));
      const young = given.status === 401 || given.status === 403;
      assert.deepEqual(withoutKeyState(withoutResponse(asked)), withoutKeyState(outcome));
      assert.equal('error' in asked && asked.error.keyNotActiveYet, young);
    });
  }
});

type Outcome =
  | { readonly record: CollectedRecord }
  | {
      readonly error: {
        readonly code: string;
        readonly message: string;
        readonly ofCity: boolean;
        readonly keyNotActiveYet: boolean;
        readonly waitSeconds: readonly number[];
      };
    };

async function outcomeOf(
  observe: () => CollectedRecord | Promise<CollectedRecord>,
): Promise<Outcome> {
  try {
    return { record: await observe() };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const { code, message, ofCity, keyNotActiveYet } = error;
    const waitSeconds = [1, 2, 3, 20].map((failures) => error.waitSeconds(failures));
    return { error: { code, message, ofCity, keyNotActiveYet, waitSeconds } };
  }
}

/** An observation holds the answer as it came, an invalid record as much as fits. */
function checkResponse(outcome: Outcome, body: string): void {
  if ('error' in outcome) return;
  const { record } = outcome;
  if ('invalid' in record) assert.equal(record.response, body.slice(0, 64 * 1024));
  else assert.equal(record.response, body);
}

function withoutResponse(outcome: Outcome): object {
  if ('error' in outcome) return outcome;
  const { response: _, ...record } = outcome.record;
  return { record };
}

/** Whether a key is new is not in the answer; the waiting follows from it. */
function withoutKeyState(outcome: object): object {
  if (!('error' in outcome)) return outcome;
  const {
    keyNotActiveYet: _,
    waitSeconds: __,
    ...error
  } = outcome.error as Record<string, unknown>;
  return { error };
}

function pad(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length), ' ')]);
}
