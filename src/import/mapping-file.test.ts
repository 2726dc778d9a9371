import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { VARIABLE_NAMES, VARIABLES } from '../model/variables.ts';
import { COMPASS_UNITS } from './compass.ts';
import { MappingSchema, VariableKeys } from './mapping.ts';
import { loadMapping } from './mapping-file.ts';
import { unitsOf } from './units.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/import.md'), 'utf8');
const START = 'name: m\ninterval_s: 60\ncity: { name: Oslo, latitude: 59.9, longitude: 10.7 }\n';
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-mapping-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string) {
  const path = join(folder, 'm.yaml');
  writeFileSync(path, text);
  return loadMapping(path);
}

async function problems(text: string): Promise<string> {
  try {
    await load(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new assert.AssertionError({ message: `it was accepted: ${text}` });
}

test('the document explains every key, variable, unit and bound', () => {
  const { city, time, ...top } = MappingSchema.properties;
  const keys = [top, city.properties, time.properties, VariableKeys].flatMap(Object.keys);
  for (const key of keys) assert.ok(DOCUMENT.includes(key), key);
  for (const name of VARIABLE_NAMES) {
    const row = DOCUMENT.split('\n').find((line) => line.startsWith('|') && line.includes(name));
    const units = name === 'feels_like_c' ? [] : unitsOf(name);
    for (const unit of units) assert.ok(row?.includes(unit), `${name} ${unit}`);
    if (name !== 'visibility_m') assert.ok(row?.includes(String(VARIABLES[name].maximum)), name);
  }
  for (const unit of COMPASS_UNITS) assert.ok(DOCUMENT.includes(unit), unit);
});

test('the examples of the document are valid', async () => {
  const blocks = [...DOCUMENT.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  const [whole = '', city = '', times = '', variables = '', csv = ''] = blocks;
  await load(whole);
  const rest = 'time: { column: t }\nvariables: { temperature_c: t }\n';
  await load(`name: m\ninterval_s: 60\n${city}${rest}`);
  for (const time of times.trim().split('\n')) {
    await load(`${START}${time}\nvariables: { temperature_c: t }\n`);
  }
  await load(`${START}time: { column: t }\n${variables}`);
  await load(`${START}${csv}${rest}`);
});

test('each problem is said in plain words, with its line', async () => {
  const time = 'time: { column: t }\n';
  const cases: readonly (readonly [string, RegExp])[] = [
    [`${START}${time}variables: { dew_point_c: d }\n`, /dew points are not kept; for the humidity/],
    [`${START}${time}variables: { temperature_max: d }\n`, /aggregates of a day are not kept/],
    [`${START}${time}variables: {}\n`, /\/variables: expected at least one variable \(line 5\)/],
    [
      `${START}${time}variables: { temperature_c: { unit: K } }\n`,
      /either column or from_dew_point/,
    ],
    [
      `${START}${time}variables: { temperature_c: 3 }\n`,
      /temperature_c: expected text or \{ column/,
    ],
    [`${START}${time}variables: { humidity_pct: { from_dew_point: d } }\n`, /needs temperature_c/],
    [`${START}${time}variables: { humidity_pct: { column: h, trace: [T] } }\n`, /only rain_1h_mm/],
    [
      `${START}time: {}\nvariables: { humidity_pct: h }\n`,
      /\/time: expected either column or columns/,
    ],
    [
      `${START}time: { column: t, zone: BST }\nvariables: { humidity_pct: h }\n`,
      /no such zone BST; expected one such as Europe\/London, or "\+01:00" \(line 4\)/,
    ],
    [`${START}time: { column: t, format: "%H" }\nvariables: { humidity_pct: h }\n`, /no year/],
    [
      `${START}${time}encoding: klingon\nvariables: { humidity_pct: h }\n`,
      /no such encoding klingon/,
    ],
    [
      `${START}${time}decimal_comma: true\nthousands: ","\nvariables: { humidity_pct: h }\n`,
      /\/thousands: decimals have the same mark; expected another mark \(line 6\)/,
    ],
    [
      `${START}${time}variables: { humidity_pct: { column: h, thousands: "." } }\n`,
      /humidity_pct\/thousands: decimals have the same mark; set decimal_comma: true \(line 5\)/,
    ],
    [`${START}${time}delimiter: "::"\nvariables: { humidity_pct: h }\n`, /one character, or white/],
    [
      `${START.replace('59.9', '95')}${time}variables: { humidity_pct: h }\n`,
      /latitude: expected -90/,
    ],
    [
      `${START}${time}variables: { humidity_pct: h }\nname: twice\n`,
      /line 6, column 1: not valid YAML/,
    ],
    ['x'.repeat(2 << 20), /a mapping is not larger than 1 MiB/],
  ];
  for (const [text, pattern] of cases) {
    const message = await problems(text);
    assert.match(message, pattern);
    assert.doesNotMatch(message, /must |schema|undefined/);
  }
});
