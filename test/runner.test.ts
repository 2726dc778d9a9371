/** The runner itself: what it says at the end, when it fails, and what it leaves behind. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runChild } from './support/child.ts';
import { MADE_VARIABLE } from './support/made-once.ts';
import { NOT_REACHED } from './support/reporting.ts';

const RUNNER = join(import.meta.dirname, 'run.ts');
const MADE_ONCE = pathToFileURL(join(import.meta.dirname, 'support', 'made-once.ts')).href;
const IMPORTS = `import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
`;
const folder = mkdtempSync(join(tmpdir(), 'isobar-runner-'));

after(() => rmSync(folder, { recursive: true, force: true }));

function runTest(body: string, ...options: readonly string[]) {
  const file = join(folder, 'some.test.mjs');
  writeFileSync(file, `${IMPORTS}${body}\n`);
  const scratch = mkdtempSync(join(folder, 'scratch-'));
  const { NODE_TEST_CONTEXT: _, ...outside } = process.env;
  const env = { ...outside, TMPDIR: scratch };
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUNNER, ...options, file], {
    encoding: 'utf8',
    env,
  });
  return { status, output: stdout + stderr, left: readdirSync(scratch) };
}

test('the slowest tests are named with their file, the slowest first, and nothing of them is left', () => {
  const { status, output, left } = runTest(`
    test('quick', () => mkdtempSync(join(tmpdir(), 'left-')));
    test('slow', () => new Promise((resolve) => setTimeout(resolve, 120)));
  `);
  assert.equal(status, 0, output);
  assert.match(output, /✔ quick/);
  assert.match(
    output,
    /2 tests in \d+\.\d s; the slowest:\n +0\.\d s .*some\.test\.mjs: slow\n.*quick/,
  );
  assert.deepEqual(left, []);
});

test('a test that fails fails the run; a skipped one only in CI', () => {
  const failing = runTest(`test('broken', () => { throw new Error('as wanted'); });`);
  assert.equal(failing.status, 1, failing.output);
  const skipping = `test('away', { skip: 'no such service' }, () => {});`;
  assert.equal(runTest(skipping).status, 0);
  const inCi = runTest(skipping, '--ci');
  assert.equal(inCi.status, 1);
  assert.match(inCi.output, /some\.test\.mjs: away # no such service/);
  const unreached = runTest(skipping.replace('no such service', `${NOT_REACHED}it`), '--ci');
  assert.equal(unreached.status, 0, unreached.output);
  assert.match(unreached.output, /away # not reached from this network: it/);
  const unreadable = runTest('this is not JavaScript');
  assert.equal(unreadable.status, 1, unreadable.output);
});

test('what is made once is made by one of many processes, and whole for all', async () => {
  const env = { [MADE_VARIABLE]: mkdtempSync(join(folder, 'made-')) };
  const source = `
    import { writeFileSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    import { madeOnce } from ${JSON.stringify(MADE_ONCE)};
    const folder = await madeOnce('thing', async (folder) => {
      console.log('making');
      await setTimeout(50);
      writeFileSync(folder + '/whole', '');
    });
    console.log(folder);
  `;
  const ends = await Promise.all([1, 2, 3].map(() => runChild(source, { env })));
  const output = ends.map((end) => end.output + end.errors).join('');
  assert.equal(output.match(/making/g)?.length, 1, output);
  const places = new Set(
    output
      .trim()
      .split('\n')
      .filter((line) => line !== 'making'),
  );
  assert.deepEqual(
    [...places].map((place) => readdirSync(place)),
    [['whole']],
  );
});

test('what could not be made is made by the next that asks; without the runner it goes at the end', async () => {
  const source = `
    import { madeOnce } from ${JSON.stringify(MADE_ONCE)};
    const fails = () => { throw new Error('as wanted'); };
    console.log(await madeOnce('thing', fails).catch((error) => error.message));
    console.log(await madeOnce('thing', () => {}));
  `;
  const { output, errors } = await runChild(`delete process.env.${MADE_VARIABLE};${source}`);
  const [message, place = ''] = output.split('\n');
  assert.equal(message, 'as wanted', errors);
  assert.ok(place.endsWith('thing') && !existsSync(place), place);
});
