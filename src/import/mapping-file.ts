/** Reads a mapping and says everything that is wrong with it, each with its place. */
import { readFile } from 'node:fs/promises';
import Value from 'typebox/value';
import { LineCounter, parseDocument } from 'yaml';
import { IsobarError } from '../errors.ts';
import { isTimeZone } from '../model/time-zone.ts';
import { isVariableName, VARIABLE_NAMES, type VariableName } from '../model/variables.ts';
import { COMPASS_UNITS } from './compass.ts';
import { assertRegularFile, fileProblem, importError, printable } from './input-file.ts';
import { type Mapping, MappingSchema } from './mapping.ts';
import { isEncoding } from './text-file.ts';
import { readerOf } from './time-format.ts';
import { unitsOf } from './units.ts';

const FILE_BYTES_MAX = 1024 * 1024;

/** The mapping of a file; rejects with all its problems at once. */
export async function loadMapping(path: string): Promise<Mapping> {
  const { size } = await assertRegularFile(path);
  if (size > FILE_BYTES_MAX) throw importError(path, 'a mapping is not larger than 1 MiB');
  const text = await readFile(path, 'utf8').catch((error) => {
    throw importError(path, fileProblem(error), error);
  });
  const { value, lineOf } = parseYaml(path, text);
  const problems = [...schemaProblems(value), ...oddities(value)].map(({ place, problem }) =>
    printable(`${place === '' ? '/' : place}: ${problem}${lineOf(place)}`),
  );
  if (problems.length > 0) {
    throw new IsobarError(
      'IMPORT_INVALID',
      `${printable(path)}:\n${[...new Set(problems)].join('\n')}`,
    );
  }
  return value as Mapping;
}

interface Problem {
  /** Keys from the top: `/time/zone`. */
  readonly place: string;
  readonly problem: string;
}

function parseYaml(path: string, text: string) {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    const what = error.code.toLowerCase().replaceAll('_', ' ');
    throw importError(`${path} line ${line}, column ${col}`, `not valid YAML (${what})`, error);
  }
  /** ` (line 3)`, when the place is in the file. */
  function lineOf(place: string): string {
    const keys = place.split('/').slice(1);
    const node = document.getIn(keys, true) as { range?: readonly number[] } | null | undefined;
    const at = node?.range?.[0];
    return at === undefined || place === '' ? '' : ` (line ${lineCounter.linePos(at).line})`;
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as unknown, lineOf };
  } catch (cause) {
    throw importError(path, 'not valid YAML (an alias without its anchor, or too many)', cause);
  }
}

/** The schema's errors in our words; of a choice only those of the kind that was given. */
function schemaProblems(value: unknown): Problem[] {
  const problems: Problem[] = [];
  const choices = new Map<string, string[]>();
  for (const { keyword, schemaPath, instancePath, params } of Value.Errors(MappingSchema, value)) {
    const details = params as Readonly<Record<string, unknown>>;
    if (keyword === 'type' && schemaPath.includes('/anyOf/')) {
      choices.set(instancePath, [...(choices.get(instancePath) ?? []), kindName(details.type)]);
      continue;
    }
    const problem = wordsOf(keyword, details, instancePath);
    if (problem !== null) problems.push({ place: instancePath, problem });
  }
  for (const [place, kinds] of choices) {
    if (problems.some((other) => other.place === place)) continue;
    const given = valueAt(value, place);
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) continue;
    problems.push({ place, problem: `expected ${[...new Set(kinds)].join(' or ')}` });
  }
  return problems;
}

function kindName(type: unknown): string {
  return type === 'object' ? '{ column: NAME }' : type === 'string' ? 'text' : `a ${type}`;
}

function wordsOf(
  keyword: string,
  params: Readonly<Record<string, unknown>>,
  place: string,
): string | null {
  const list = (value: unknown) => (value as readonly string[]).join(', ');
  switch (keyword) {
    case 'additionalProperties':
      return `no such key: ${list(params.additionalProperties)}; see docs/import.md`;
    case 'required':
      return `missing: ${list(params.requiredProperties)}`;
    case 'type':
      return `expected ${kindName(params.type)}`;
    case 'minimum':
    case 'maximum':
      return `expected a number ${params.comparison} ${params.limit}`;
    case 'pattern':
      return 'expected up to 64 of a-z, 0-9, ".", "_" and "-", such as my-station';
    case 'minLength':
    case 'minItems':
      return 'it is empty';
    case 'maxLength':
      return 'expected one character';
    case 'anyOf':
    case 'boolean':
      return null;
    default:
      return `not valid${place === '' ? '; expected the keys of a mapping' : ''}`;
  }
}

/** What the schema cannot say. */
function oddities(value: unknown): Problem[] {
  const problems: Problem[] = [];
  const add = (place: string, problem: string) => problems.push({ place, problem });
  const text = (place: string) => {
    const found = valueAt(value, place);
    return typeof found === 'string' ? found : undefined;
  };
  const variables = valueAt(value, '/variables');
  problems.push(...markProblems('', value, {}));
  for (const [name, part] of entriesOf(variables)) {
    problems.push(...variableProblems(name, part, value));
    problems.push(...markProblems(`/variables/${name}`, part, value));
  }
  if (variables !== undefined && entriesOf(variables).length === 0) {
    add('/variables', 'expected at least one variable');
  }
  for (const place of ['/time/zone', '/city/time_zone']) {
    const zone = text(place);
    const isCity = place === '/time/zone' && zone === 'city';
    if (zone === undefined || isCity || isTimeZone(zone)) continue;
    add(place, `no such zone ${zone}; expected one such as Europe/London, or "+01:00"`);
  }
  for (const [place, most] of [
    ['/city/latitude', 90],
    ['/city/longitude', 180],
  ] as const) {
    const degrees = valueAt(value, place);
    if (typeof degrees === 'number' && !(Math.abs(degrees) <= most)) {
      add(place, `expected -${most} to ${most}`);
    }
  }
  const time = valueAt(value, '/time');
  if (typeof time === 'object' && time !== null) {
    const given = [text('/time/column'), valueAt(value, '/time/columns')];
    if (given.filter((one) => one !== undefined).length !== 1) {
      add('/time', 'expected either column or columns');
    }
  }
  const reader = readerOf(text('/time/format') ?? 'iso');
  if (typeof reader === 'string') add('/time/format', reader);
  const encoding = text('/encoding');
  if (encoding !== undefined && !isEncoding(encoding)) {
    add('/encoding', `no such encoding ${encoding}; for example utf-8, windows-1252, utf-16le`);
  }
  const delimiter = text('/delimiter');
  if (delimiter !== undefined && delimiter.length > 1 && delimiter !== 'whitespace') {
    add('/delimiter', 'expected one character, or whitespace');
  }
  return problems;
}

/** One mark for thousands and decimals would make 9,125 of the one the other. */
function markProblems(place: string, part: unknown, defaults: unknown): Problem[] {
  const given = (key: string) => valueAt(part, key) ?? valueAt(defaults, key);
  const hasOwn = ['/thousands', '/decimal_comma'].some((key) => valueAt(part, key) !== undefined);
  const isComma = given('/decimal_comma') === true;
  if (!hasOwn || given('/thousands') !== (isComma ? ',' : '.')) return [];
  const advice = isComma ? 'expected another mark' : 'set decimal_comma: true';
  return [{ place: `${place}/thousands`, problem: `decimals have the same mark; ${advice}` }];
}

/** Quantities that people have and isobar does not keep, with what to do instead. */
const NOT_VARIABLES: readonly (readonly [RegExp, string])[] = [
  [/dew/, 'dew points are not kept; for the humidity map humidity_pct: { from_dew_point: COLUMN }'],
  [
    /max|min|mean|avg|daily/,
    'aggregates of a day are not kept, only observations: isobar computes daily values itself',
  ],
];

function variableProblems(name: string, part: unknown, mapping: unknown): Problem[] {
  const place = `/variables/${name}`;
  if (!isVariableName(name)) {
    const known = NOT_VARIABLES.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1];
    const reason = known === undefined ? '' : `: ${known}`;
    const there = `; there are ${VARIABLE_NAMES.join(', ')}`;
    return [{ place, problem: `no such variable${reason}${there}` }];
  }
  if (entriesOf(part).length === 0) return [];
  const problems: Problem[] = [];
  const get = (key: string) => valueAt(part, `/${key}`);
  const isDewPoint = get('from_dew_point') !== undefined;
  if (isDewPoint === (get('column') !== undefined)) {
    problems.push({ place, problem: 'expected either column or from_dew_point' });
  }
  if (isDewPoint && name !== 'humidity_pct') {
    problems.push({ place: `${place}/from_dew_point`, problem: 'only humidity_pct has it' });
  }
  if (isDewPoint && valueAt(mapping, '/variables/temperature_c') === undefined) {
    problems.push({ place, problem: 'from_dew_point needs temperature_c in the mapping' });
  }
  const unit = get('unit');
  const of: VariableName = isDewPoint ? 'temperature_c' : name;
  const units = [...unitsOf(of), ...(of === 'wind_direction_deg' ? COMPASS_UNITS : [])];
  if (typeof unit === 'string' && !units.includes(unit)) {
    const problem = `unknown unit ${unit}; expected one of ${units.join(', ')}`;
    problems.push({ place: `${place}/unit`, problem });
  }
  if (get('trace') !== undefined && name !== 'rain_1h_mm' && name !== 'snow_1h_mm') {
    problems.push({ place: `${place}/trace`, problem: 'only rain_1h_mm and snow_1h_mm have it' });
  }
  return problems;
}

/** The entries of an object; an empty list for anything else. */
function entriesOf(value: unknown): [string, unknown][] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object.entries(value) : [];
}

/** What is at a place of what may be anything. */
function valueAt(value: unknown, place: string): unknown {
  let found = value;
  for (const key of place.split('/').slice(1)) {
    found = entriesOf(found).find(([name]) => name === key)?.[1];
  }
  return found;
}
