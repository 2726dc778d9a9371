/** Kills the child of kill-child.ts at each step, and looks at what readers then find. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { FAULT_POINTS } from '../../fault.ts';
import type { AnomalyIndex } from '../anomaly-index.ts';
import { scanRows } from '../scan.ts';
import { question } from './anomalies.ts';
import { rowsOfVersion } from './contract.ts';

const CHILD = join(import.meta.dirname, 'kill-child.ts');
const POINTS = FAULT_POINTS.filter((point) => point.startsWith('index.'));
/** Each step in an update and in a replacement. */
const TIMES = [1, 2, 3];

export async function killAtEachStep(
  args: readonly string[],
  open: () => Promise<AnomalyIndex>,
): Promise<void> {
  let committed = 0;
  for (const point of POINTS) {
    for (const times of TIMES) {
      const label = `${point}:${times}`;
      const said = await runUntilKilled(args, label);
      committed = Math.max(committed, ...said);
      await using index = await open();
      const state = await index.state();
      const version = state?.version ?? 0;
      assert.ok(
        version === committed || version === committed + 1,
        `${label}: version ${version} after ${committed}`,
      );
      if (version === 0) continue;
      committed = version;
      const ask = question({ limit: 1_000, facets: true });
      assert.deepEqual(
        await index.search(ask),
        scanRows(rowsOfVersion(version), version, ask),
        label,
      );
      assert.equal(state?.rows, rowsOfVersion(version).length, label);
    }
  }
}

/** The versions that it said were committed. */
async function runUntilKilled(args: readonly string[], fault: string): Promise<number[]> {
  const child = spawn(process.execPath, [CHILD, ...args], {
    env: { ...process.env, ISOBAR_FAULT: fault },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const signal = await new Promise((resolve) => child.on('close', (_, name) => resolve(name)));
  assert.equal(signal, 'SIGKILL', `${fault}: the child ended by itself: ${errors}`);
  return output.split('\n').slice(0, -1).map(Number);
}
