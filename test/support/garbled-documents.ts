/** Breaks one field of one JSON document of a lake at a time, and asks verify. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { verifyPublication } from '../../src/analytics/verify.ts';
import { verifyWorkspace } from '../../src/cli/commands/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatRecord } from '../../src/model/observation.ts';
import { openMaintenance } from '../../src/pipeline/maintenance.ts';
import { openWorkspace, type Workspace } from '../../src/pipeline/workspace.ts';
import { readStateAt } from '../../src/table/state-at.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';

/** Fields that may say anything: for people, or only for this program’s convenience. */
const FREE =
  /(timestamp|modificationTime|deletionTimestamp|lastUpdated|createdTime|operation|engineInfo|operationParameters|extendedFileMetadata|nullCount.*|computed_at|exported_at|isobarCommitId|revision|\.name|\.provider|minWriterVersion|pending.*|whole|dataChange|minReaderVersion|isobar|description|options)$/;

export interface Place extends AsyncDisposable {
  readonly folder: string;
  /** Every leaf of every document, as `path` and the field within it. */
  readonly fields: readonly Field[];
  /** What verify finds when this field holds this value; undefined removes it. */
  breakField(field: Field, value: unknown): Promise<readonly string[]>;
}

export interface Field {
  readonly path: string;
  readonly line: number;
  readonly keys: readonly string[];
  readonly value: unknown;
}

export function open(folder: string): Promise<Workspace> {
  const flags = { data: folder, 'table.checkpoint_commits': '3' };
  return openWorkspace(loadConfig({ file: null, env: {}, flags }).config, false);
}

export async function openGarbledPlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-garbled-'));
  const whole = join(folder, 'whole');
  {
    await using workspace = await open(whole);
    await fill(workspace);
  }
  const copy = join(folder, 'copy');
  cpSync(whole, copy, { recursive: true });
  const lake = join(copy, 'lake/weather_data');
  const documents = readdirSync(lake, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.json$|_last_checkpoint$/.test(path) && !path.includes('_leases'))
    .sort();
  const shared = await open(copy);
  const all = documents.flatMap((path) => fieldsOf(path, readFileSync(join(lake, path), 'utf8')));
  return {
    folder: copy,
    fields: all.filter((field) => !isOvertaken(field, all)),
    async breakField(field, value) {
      const place = join(lake, field.path);
      const before = readFileSync(place, 'utf8');
      writeFileSync(place, change(before, field, value));
      try {
        // What a workspace has read of a table it does not read again.
        if (field.path.startsWith('analytics/')) return await verifyAnalytics(shared);
        await using workspace = await open(copy);
        return (await verifyWorkspace(workspace)).differences;
      } finally {
        writeFileSync(place, before);
      }
    },
    async [Symbol.asyncDispose]() {
      await shared[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function verifyAnalytics(workspace: Workspace): Promise<readonly string[]> {
  const { observations, storage } = workspace;
  await using session = await workspace.engine.session();
  const report = await verifyPublication({
    storage,
    session,
    columns: OBSERVATION_COLUMNS,
    table: observations,
    filesOfVersion: async (version) =>
      (await readStateAt(observations, storage, session, version)).files,
  });
  return report.differences;
}

/** Two cities in four months, landed in several commits, exported and published. */
async function fill(workspace: Workspace): Promise<void> {
  const log = await workspace.log();
  const sink = await workspace.sink();
  for (let month = 6; month < 10; month++) {
    const at = (hour: number) => new Date(Date.UTC(2024, month, 3, hour)).toISOString();
    const values = ['a', 'b'].flatMap((city_id) =>
      [1, 2, 3].map((hour) => ({
        key: city_id,
        value: formatRecord({
          city_id,
          city: city_id,
          country: 'DE',
          observed_at: at(hour),
          collected_at: at(hour),
          source: 'openweathermap',
          interval_s: 3_600,
          utc_offset_s: 0,
          provider_city_id: null,
          temperature_c: hour + month,
          response: '{}',
        }),
      })),
    );
    await log.append([...values, { key: 'a', value: Buffer.from('garbage') }]);
    for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
    await (await workspace.refresher()).refresh();
  }
  await (await openMaintenance(workspace)).exporter.run({ closing: true });
}

function fieldsOf(path: string, text: string): Field[] {
  const isLines = path.includes('_delta_log/0');
  const values = isLines ? text.trimEnd().split('\n') : [text];
  return values.flatMap((line, index) =>
    [...leaves(JSON.parse(line), [])].map(([keys, value]) => ({
      path,
      line: isLines ? index : -1,
      keys,
      value,
    })),
  );
}

/** A file that a later commit removes, an offset that a later one raises, an old publication. */
function isOvertaken({ path, line, keys }: Field, all: readonly Field[]): boolean {
  if (path.includes('_versions/')) return all.some((other) => isNewer(other.path, path));
  if (keys[0] === 'txn' && !path.includes('observations')) return true;
  const idOf = (kind: string, name: string) =>
    all.find((one) => {
      return one.path === path && one.line === line && one.keys.join('.') === `${kind}.${name}`;
    })?.value;
  const app = keys[0] === 'txn' ? idOf('txn', 'appId') : undefined;
  const file = keys[0] === 'add' ? idOf('add', 'path') : undefined;
  return all.some(
    (other) =>
      (app !== undefined && isNewer(other.path, path) && other.value === app) ||
      (file !== undefined && other.keys[0] === 'remove' && other.value === file),
  );
}

function isNewer(path: string, than: string): boolean {
  return dirname(path) === dirname(than) && path > than;
}

/** The statistics are JSON within JSON. */
function* leaves(value: unknown, keys: string[]): Generator<[string[], unknown]> {
  if (keys.at(-1) === 'stats' && typeof value === 'string') {
    yield* leaves(JSON.parse(value), [...keys, '(json)']);
  } else if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    for (const [key, one] of Object.entries(value)) yield* leaves(one, [...keys, key]);
  } else {
    yield [keys, value];
  }
}

function change(text: string, field: Field, value: unknown): string {
  if (field.line < 0) return JSON.stringify(changed(JSON.parse(text), field.keys, value));
  const lines = text.trimEnd().split('\n');
  const line = JSON.parse(lines[field.line] ?? '');
  lines[field.line] = JSON.stringify(changed(line, field.keys, value));
  return `${lines.join('\n')}\n`;
}

function changed(object: unknown, [key = '', ...rest]: readonly string[], value: unknown): unknown {
  if (key === '(json)') return JSON.stringify(changed(JSON.parse(String(object)), rest, value));
  const copy = structuredClone(object) as Record<string, unknown>;
  if (rest.length > 0) copy[key] = changed(copy[key], rest, value);
  else if (value === undefined && Array.isArray(copy)) copy.splice(Number(key), 1);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

/** Values that a field of this value must not be taken for. */
export function wrongValues(value: unknown): unknown[] {
  if (typeof value === 'number') return [value + 1, 1e15, -1, 0.5, String(value), null];
  if (typeof value === 'boolean') return [!value, 'yes', null];
  if (typeof value !== 'string') return ['text', 1e15];
  const last = value.at(-1) ?? '';
  return [`${value.slice(0, -1)}${last === '1' ? '2' : '1'}`, '', 1e15, null, ['x']];
}

export function matters({ keys, value }: Field, to: unknown): boolean {
  const name = keys.join('.');
  // Other programs write numbers as texts.
  const isSame = typeof value === 'number' && String(value) === to;
  return !isSame && !FREE.test(name) && !isLooser(name, value, to);
}

/** Without a bound readers look into the file; a size in the pointer is optional. */
function isLooser(name: string, value: unknown, to: unknown): boolean {
  if (/sizeInBytes|partitionValues|tags/.test(name)) return to === null;
  const bound = /minValues|maxValues/.exec(name)?.[0];
  if (bound === undefined) return false;
  if (typeof to !== 'string' || typeof value !== 'string') return true;
  const isTime = name.endsWith('observed_at') && !Number.isNaN(Date.parse(to));
  const [before, after] = isTime ? [Date.parse(value), Date.parse(to)] : [value, to];
  // Times differ by more than the milliseconds of statistics.
  if (isTime && Math.abs(Number(before) - Number(after)) <= 1) return true;
  return bound === 'minValues' ? after <= before : after >= before;
}

export async function assertFound(place: Place, field: Field, to: unknown): Promise<void> {
  const found = await place.breakField(field, to);
  const name = `${field.path}${field.line < 0 ? '' : ` line ${field.line + 1}`} ${field.keys.join('.')}`;
  const what = `${name}: ${JSON.stringify(field.value)} → ${JSON.stringify(to)}`;
  assert.ok(!found.some((one) => /INTERNAL|TypeError|undefined/.test(one)), `${what}\n${found}`);
  if (matters(field, to)) assert.ok(found.length > 0, `${what}: verify says that all adds up`);
}
