/** A stranger's program reads the description of the API and tries whether the server keeps to it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/logger.ts';
import { findWebFolder, ROLES, type Role, startPipeline } from '../../src/pipeline/pipeline.ts';

import { findSchemathesis } from '../support/python.ts';

const python = await findSchemathesis();
const seed = process.env.ISOBAR_TEST_SEED ?? String(Math.floor(Math.random() * 2 ** 31));
const SERVERS: Readonly<Record<string, readonly Role[]>> = {
  'with simulated weather': ROLES,
  'with an empty lake': ['serve'],
};

for (const [name, roles] of Object.entries(SERVERS)) {
  const title = `a server ${name} keeps to its description`;
  test(title, { skip: python === null && 'no Python 3 here' }, async (t) => {
    t.diagnostic(`again with ISOBAR_TEST_SEED=${seed}`);
    const folder = mkdtempSync(join(tmpdir(), 'isobar-schemathesis-'));
    try {
      const flags = { data: join(folder, 'data'), 'simulator.history_days': '3', 'api.port': '0' };
      const { config } = loadConfig({ file: null, env: {}, flags });
      await using pipeline = await startPipeline({
        config,
        roles,
        logger: silentLogger,
        version: '0',
        command: 'isobar test',
        webFolder: findWebFolder(),
      });
      if (roles === ROLES) await pipeline.settle();
      const { code, output } = await runSchemathesis(`${pipeline.url}/openapi.json`, folder);
      assert.equal(code, 0, `seed ${seed}\n${output}`);
      assert.match(output, /\d+ generated, \d+ passed/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

async function runSchemathesis(url: string, folder: string) {
  const args = ['-m', 'schemathesis.cli', 'run', url, '--checks', 'all', '--seed', seed];
  const child = spawn(python ?? '', [...args, '--no-color', '--max-examples', '50'], {
    // It leaves its own database of examples where it runs.
    cwd: folder,
    env: {
      ...process.env,
      PYTHONPATH: join(import.meta.dirname, '../support'),
      SCHEMATHESIS_HOOKS: 'schemathesis-hooks',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output };
}
