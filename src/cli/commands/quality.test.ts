import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { IsobarError } from '../../errors.ts';
import { buildProgram } from '../program.ts';
import { openTestEnvironment } from '../testing/environment.ts';

const FIXTURE = join(import.meta.dirname, '../../quality/fixtures/marina.csv');
const signal = new AbortController().signal;
let data = '';
before(async () => {
  data = mkdtempSync(join(tmpdir(), 'isobar-quality-'));
  await run('import', FIXTURE);
});
after(() => rmSync(data, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<string> {
  const { environment, printed } = openTestEnvironment({ signal });
  const common = ['--data', data, '--log-level', 'error'];
  await buildProgram(environment).parseAsync([...args, ...common], { from: 'user' });
  return printed.stdout;
}

test('prints each value that cannot be right, with what its neighbours say', async () => {
  const lines = (await run('quality', '--verdict', 'fail')).trimEnd().split('\n');
  const warm = lines.filter((line) => line.startsWith('koar') && line.includes('temperature_c'));
  assert.equal(warm.filter((line) => line.includes('consistency')).length, 4);
  assert.match(warm[0] ?? '', /^koar +2022-10-22T02:35:00Z +temperature_c +3\.0 °C +1\d\.\d °C ± /);
  assert.match(
    lines.at(-2) ?? '',
    /^96 observations of \d+ stations from 2022-09-23T11:\d\d:\d\dZ to 2022-10-23T11:\d\d:\d\dZ: \d+ values failed, \d+ flags$/,
  );
  assert.match(
    lines.at(-1) ?? '',
    /^climatology is learning at \d+ of \d+ stations: .* from 2 earlier years \((\w+ 0, ){5}\d+ more\)$/,
  );
});

test('as JSON the numbers are whole, and a range without a fault has no flag', async () => {
  const all = JSON.parse(await run('quality', '--json'));
  assert.equal(all.observations, 96);
  const [first] = all.flags;
  assert.deepEqual(Object.keys(first), [
    ...['city_id', 'observed_at', 'variable', 'test', 'verdict', 'expected', 'value', 'spread'],
    'compared',
  ]);
  const day = ['--from', '2022-10-22T05:00:00Z', '--to', '2022-10-22T06:00:00Z'];
  const none = JSON.parse(await run('quality', ...day, '--json'));
  assert.deepEqual([none.observations, none.stations, none.flags], [0, 0, []]);
});

test('says so where there are no observations', async () => {
  const { environment } = openTestEnvironment({ signal });
  const program = buildProgram(environment);
  await assert.rejects(
    program.parseAsync(['quality', '--data', join(data, 'empty')], { from: 'user' }),
    /^IsobarError: there are no observations yet; import or collect some first$/,
  );
});

test('rejects a range that cannot be one', async () => {
  const problems = {
    yesterday: /^--from: expected a date or an ISO 8601 time with an offset/,
    '2022-10-22T05:00:00': /^--from: expected a date or an ISO 8601 time/,
    '2031-01-01': /^--from: expected a time before 2022-10-23T11:35:01Z, got 2031-01-01$/,
  };
  for (const [from, message] of Object.entries(problems)) {
    await assert.rejects(run('quality', '--from', from), (error) => {
      assert.ok(error instanceof IsobarError && error.code === 'USAGE');
      assert.match(error.message, message);
      return true;
    });
  }
});
