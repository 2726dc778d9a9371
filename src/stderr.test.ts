import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const LOGGER = join(import.meta.dirname, 'logger.ts');
const STDERR = join(import.meta.dirname, 'stderr.ts');
/** Logs two lines at each line of its input, and answers with the lines dropped so far. */
const CHILD = `
  const { openLogger } = await import(${JSON.stringify(LOGGER)});
  const { stderr } = await import(${JSON.stringify(STDERR)});
  const logger = openLogger('info');
  process.stdin.on('data', () => {
    logger.info('a line of ' + 'x'.repeat(1_000));
    stderr.write('and one more\\n');
    console.log(stderr.droppedCount);
  });
  console.log('ready');`;

function start(stderr: number | 'pipe') {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', CHILD], {
    env: { ...process.env, NODE_TEST_CONTEXT: '' },
    stdio: ['pipe', 'pipe', stderr],
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('without pipes');
  const answers = stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  const next = async () => Number((await answers.next()).value);
  return {
    child,
    ready: () => answers.next(),
    async log(): Promise<number> {
      stdin.write('\n');
      return next();
    },
    async end(): Promise<number | null> {
      const exit = once(child, 'exit');
      stdin.end();
      return (await exit)[0];
    },
  };
}

test('a full disk drops lines, counts them, and ends nothing', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('without /dev/full');
  const full = openSync('/dev/full', 'w');
  const logging = start(full);
  closeSync(full);
  await logging.ready();
  assert.equal(await logging.log(), 2);
  assert.equal(await logging.log(), 4);
  assert.equal(await logging.end(), 0);
});

test('a pipe whose reader has gone ends nothing', async () => {
  const logging = start('pipe');
  await logging.ready();
  assert.equal(await logging.log(), 0);
  logging.child.stderr?.destroy();
  await once(logging.child.stderr ?? logging.child, 'close');
  assert.equal(await logging.log(), 2);
  assert.equal(await logging.end(), 0);
});

test('a pipe that is not read delays no one, and the number of lost lines is written later', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-stderr-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'pipe');
  if (spawnSync('mkfifo', [path]).status !== 0) return t.skip('without mkfifo');
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const writing = openSync(path, constants.O_WRONLY);
  const logging = start(writing);
  t.after(() => logging.child.kill());
  closeSync(writing);
  await logging.ready();
  let dropped = 0;
  for (let lines = 0; dropped === 0 && lines < 2_000; lines++) dropped = await logging.log();
  assert.ok(dropped > 0);
  const before = readAll(pipe);
  dropped = await logging.log();
  const written = `${before}${readAll(pipe)}`.matchAll(/"msg":"(\d+) log lines were dropped/g);
  assert.equal(
    [...written].reduce((sum, [, count]) => sum + Number(count), 0),
    dropped,
  );
  assert.equal(await logging.end(), 0);
  closeSync(pipe);
});

function readAll(descriptor: number): string {
  const buffer = Buffer.alloc(1024 * 1024);
  return buffer.toString('utf8', 0, readSync(descriptor, buffer));
}
