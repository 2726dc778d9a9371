import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { createClient } from './fetching.ts';
import { createResource } from './resource.ts';

interface Call {
  readonly path: string;
  readonly etag: string | null;
  answer(response: Response): void;
  fail(): void;
}

/** A server that answers when the test says so. */
function fakeServer() {
  const calls: Call[] = [];
  const reached: boolean[] = [];
  const fetcher = (path: unknown, init?: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      const etag = new Headers(init?.headers).get('if-none-match');
      const fail = () => reject(new TypeError('Failed to fetch'));
      calls.push({ path: String(path), etag, answer: resolve, fail });
    });
  const client = createClient(fetcher as typeof fetch, (value) => reached.push(value));
  return { calls, reached, client };
}

function json(body: unknown, etag: string): Response {
  return new Response(JSON.stringify(body), { headers: { etag } });
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !condition(); turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(condition());
}

test('what has not changed is asked for by its ETag and does not travel again', async () => {
  const { calls, client } = fakeServer();
  const resource = createResource<number>(client, signal('api/a'), true);
  calls[0]?.answer(json(1, '"one"'));
  await until(() => resource.answer.value === 1);
  const again = resource.refresh();
  assert.equal(calls[1]?.etag, '"one"');
  calls[1]?.answer(new Response(null, { status: 304 }));
  await again;
  assert.equal(resource.answer.value, 1);
  assert.equal(resource.trouble.value, null);
});

test('keeps the last good answer when the server fails, and gives its message', async () => {
  const { calls, client, reached } = fakeServer();
  const resource = createResource<number>(client, signal('api/a'), true);
  calls[0]?.answer(json(1, '"one"'));
  await until(() => resource.answer.value === 1);
  const problem = { title: 'Busy.', detail: 'Too many.', remedy: 'Wait.', code: 'BUSY' };
  void resource.refresh();
  calls[1]?.answer(new Response(JSON.stringify(problem), { status: 503 }));
  await until(() => resource.trouble.value !== null);
  assert.deepEqual(resource.trouble.value, {
    what: 'Busy. Too many.',
    remedy: 'Wait.',
    reached: true,
    told: true,
    code: 'BUSY',
    detail: 'Too many.',
  });
  void resource.refresh();
  calls[2]?.fail();
  await until(() => resource.trouble.value?.reached === false);
  assert.equal(resource.trouble.value?.told, false);
  assert.equal(resource.answer.value, 1);
  assert.deepEqual(reached, [true, true, false]);
});

test('after another question the old answer is outdated until the new one is there', async () => {
  const { calls, client } = fakeServer();
  const path = signal<string | null>('api/a');
  const resource = createResource<number>(client, path, true);
  calls[0]?.answer(json(1, '"one"'));
  await until(() => resource.answer.value === 1);
  path.value = 'api/b';
  assert.equal(resource.outdated.value, true);
  assert.equal(resource.answer.value, 1);
  calls[1]?.answer(json(2, '"two"'));
  await until(() => resource.answer.value === 2);
  assert.equal(resource.outdated.value, false);
  // Going back shows what is known at once, and asks whether it still holds.
  path.value = 'api/a';
  assert.equal(resource.answer.value, 1);
  assert.equal(resource.outdated.value, false);
  assert.equal(calls[2]?.etag, '"one"');
});

test('a late answer to an earlier question is not shown', async () => {
  const { calls, client } = fakeServer();
  const path = signal<string | null>('api/a');
  const resource = createResource<number>(client, path, true);
  path.value = 'api/b';
  calls[1]?.answer(json(2, '"two"'));
  await until(() => resource.answer.value === 2);
  calls[0]?.answer(json(1, '"one"'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(resource.answer.value, 2);
});

test('a change while an answer is under way is asked for once more', async () => {
  const { calls, client } = fakeServer();
  const resource = createResource<number>(client, signal('api/a'), true);
  await Promise.all([resource.refresh(), resource.refresh()]);
  assert.equal(calls.length, 1);
  calls[0]?.answer(json(1, '"one"'));
  await until(() => calls.length === 2);
  calls[1]?.answer(json(2, '"two"'));
  await until(() => resource.answer.value === 2);
});

test('what is urgent is asked first, and the rest once it is answered, or fails', async () => {
  for (const end of ['answer', 'fail'] as const) {
    const { calls, client } = fakeServer();
    createResource<number>(client, signal('api/below'));
    createResource<number>(client, signal('api/above'), true);
    createResource<number>(client, signal('api/chart'), true);
    const paths = () => calls.map(({ path }) => path);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(paths(), ['api/above', 'api/chart']);
    calls[0]?.answer(json(1, '"one"'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(paths(), ['api/above', 'api/chart']);
    if (end === 'answer') calls[1]?.answer(json(2, '"two"'));
    else calls[1]?.fail();
    await until(() => calls.length === 3);
    assert.equal(calls[2]?.path, 'api/below');
  }
});

test('what is urgent and does not come holds nothing up for long', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { calls, client } = fakeServer();
  createResource<number>(client, signal('api/above'), true);
  createResource<number>(client, signal('api/below'));
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  t.mock.timers.tick(300);
  await until(() => calls.length === 2);
  assert.equal(calls[1]?.path, 'api/below');
});

test('sends no request without a question', () => {
  const { calls, client } = fakeServer();
  createResource<number>(client, signal(null));
  assert.equal(calls.length, 0);
});
