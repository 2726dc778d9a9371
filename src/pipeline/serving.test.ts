import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ApiContext } from '../api/context.ts';
import { openTestApi } from '../api/testing/api.ts';
import { silentLogger } from '../logger.ts';
import { listen } from './serving.ts';

test('a server whose logins travel readable says so at its start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-serving-'));
  let given: ApiContext | null = null;
  const keep = (context: ApiContext) => {
    given = context;
    return context;
  };
  await using _api = await openTestApi({ change: keep });
  const warningsOf = async (change: Partial<ApiContext['config']>) => {
    const context = given as unknown as ApiContext;
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (text: unknown) => void warnings.push(text) };
    const auth = { ...context.config.auth, mode: 'local' } as const;
    const config = { ...context.config, auth, host: '0.0.0.0', ...change };
    await using stack = new AsyncDisposableStack();
    await listen({ ...context, logger, config }, stack, folder, 'serve');
    return warnings.join();
  };
  try {
    assert.match(
      await warningsOf({}),
      /^passwords and keys travel readable to 0\.0\.0\.0: set api/,
    );
    assert.equal(await warningsOf({ host: '127.0.0.1' }), '');
    assert.equal(await warningsOf({ trusted_proxies: '10.0.0.2' }), '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
