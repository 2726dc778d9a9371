import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { importFiles, openPlace } from '../cases/place.ts';
import { findPython } from '../support/python.ts';

const examples = join(import.meta.dirname, '../../examples');
const python = await findPython();
const skip = python === null && 'no Python 3 here';

test('the table is read from Python as the example does', { skip }, async () => {
  using place = openPlace('', '');
  const data = place.made('data');
  const mapping = ['--mapping', join(examples, 'import/station.yaml')];
  await importFiles(data, join(examples, 'import/station.csv'), ...mapping);
  const script = join(examples, 'python/read_table.py');
  const output = execFileSync(python ?? '', [script, data], { encoding: 'utf8' });
  assert.match(output, /^Potsdam +7\.4 °C +3$/m);
  assert.match(output, /^version \d+, 3 rows$/m);
});
