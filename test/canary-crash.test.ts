/** A process that dies of a mistake leaves a text, and a report where Node.js makes one: no secret. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addressOf, assertNowhere, commandLine, filesBelow, formsOf } from './support/canary.ts';
import { startChild } from './support/child.ts';
import { until } from './support/until.ts';

const CANARY = 'canary/key+0123456789';
const folder = mkdtempSync(join(tmpdir(), 'isobar-canary-crash-'));
after(() => rmSync(folder, { recursive: true }));

function start(name: string, options: string, mistake?: string) {
  const data = join(folder, name);
  const root = join(data, 'simulated');
  const env = {
    ISOBAR_DATA: data,
    ISOBAR_LOG_KAFKA_PASSWORD: CANARY,
    ISOBAR_SIMULATOR_HISTORY_DAYS: '0',
    NODE_OPTIONS: options,
  };
  const onceUp = `
    import { existsSync } from 'node:fs';
    const looking = setInterval(() => {
      if (!existsSync(${JSON.stringify(join(root, 'server.json'))})) return;
      clearInterval(looking);
      const error = Object.assign(new Error('sent ${CANARY}'), { sent: '${CANARY}' });
      ${mistake};
    }, 20);`;
  const before = mistake === undefined ? '' : onceUp;
  return { child: startChild(`${before}\n${commandLine('start', '--port', '0')}`, { env }), root };
}

test('a mistake that nothing catches is written without secrets, and ends the process', async (t) => {
  const mistakes = { thrown: 'throw error', rejected: 'Promise.reject(error)' };
  const ends = Object.entries(mistakes).map(([name, mistake]) => {
    const { child } = start(name, '', mistake);
    t.after(() => child.process.kill('SIGKILL'));
    return child.ended;
  });
  for (const { errors, code } of await Promise.all(ends)) {
    assert.equal(code, 1, errors);
    assert.match(errors, /isobar: Something unexpected went wrong\.\n {2}sent \*\*\*\n/);
    assertNowhere([errors], formsOf(CANARY));
  }
});

test('a report of Node.js has no variables, and a dump of memory is warned of', async (t) => {
  const reports = join(folder, 'reports');
  mkdirSync(reports);
  const options = `--report-on-signal --report-directory=${reports} --heapsnapshot-signal=SIGUSR1`;
  const { child, root } = start('report', options);
  t.after(() => child.process.kill('SIGKILL'));
  await addressOf(root);
  child.process.kill('SIGUSR2');
  const [report = ''] = await until('the report is whole', () => {
    try {
      const texts = readdirSync(reports).map((name) => readFileSync(join(reports, name), 'utf8'));
      for (const text of texts) JSON.parse(text);
      return texts.length > 0 && texts;
    } catch {
      return false;
    }
  });
  child.process.kill('SIGTERM');
  const { errors } = await child.ended;
  assert.ok('javascriptHeap' in JSON.parse(report));
  assert.equal(JSON.parse(report).environmentVariables, undefined);
  assert.match(errors, /with --heapsnapshot-signal this process can write its memory to a file/);
  assertNowhere([report, errors, ...filesBelow(folder)], formsOf(CANARY));
});
