import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CollectorStatus } from '../model/status.ts';
import { openTestApi, type TestApi } from './testing/api.ts';
import { exampleStatus } from './testing/status.ts';

const controls = { pause: async () => {}, resume: async () => {}, refreshNow: async () => {} };

describe('health', () => {
  let api: TestApi;
  before(async () => {
    api = await openTestApi({
      change: (context) => ({ ...context, status: async () => api.status, controls }),
    });
  });
  after(() => api[Symbol.asyncDispose]());

  /** Status of the answer, and what it lists, with such a collector. */
  async function healthWith(change: Partial<CollectorStatus>, path = '/healthz') {
    const { collector, analytics, ...status } = exampleStatus();
    if (collector === null) throw new Error('the example has a collector');
    const changed = { ...collector, ...change };
    api.status = { ...status, analytics: { ...analytics, error: null }, collector: changed };
    // The status is kept for a moment.
    await api.app.inject({ method: 'POST', url: '/api/refresh' });
    const answer = await api.app.inject(path);
    return answer.json();
  }

  test('nothing is listed while all is well', async () => {
    const { status, problems } = await healthWith({ troubled: [] });
    assert.deepEqual([status, problems], ['ok', []]);
  });

  test('a state of the collector in which nothing comes is a problem with a code', async () => {
    for (const [state, code] of [
      ['key_refused', 'PROVIDER_KEY_REFUSED'],
      ['budget_spent', 'BUDGET_SPENT'],
      ['stopped', 'COLLECTOR_STOPPED'],
    ] as const) {
      const { status, problems } = await healthWith({ state, message: 'Why.' });
      assert.equal(status, 'degraded');
      assert.deepEqual(problems, [{ code, message: `${state}: Why.` }]);
    }
  });

  test('some cities in trouble are well enough, all of them are not', async () => {
    const troubled = ['dubai', 'oslo', 'rome'].map((city_id) => ({ city_id, reason: 'why' }));
    const some = await healthWith({ city_count: 3, troubled: troubled.slice(1) });
    assert.equal(some.status, 'ok');
    const all = await healthWith({ city_count: 3, troubled });
    assert.equal(all.status, 'degraded');
    assert.deepEqual(all.problems, [
      {
        code: 'COLLECTOR_TROUBLED',
        message: 'no city has an observation that could be accepted; most often: why',
      },
    ]);
    const ready = await healthWith({ city_count: 3, troubled }, '/readyz');
    assert.deepEqual([ready.status, ready.problems], ['ok', []], 'it can answer');
  });
});
