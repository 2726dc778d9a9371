/** Recorded OpenWeatherMap answers and its bulk history: JSON, JSON lines, CSV, gzip of them. */
import type { Units } from '../collector/openweather/measurements.ts';
import type { Recorded, RecordedOptions } from '../collector/openweather/recorded.ts';
import type { City } from '../model/city.ts';
import type { CityFinder } from './cities.ts';
import type { CsvProblem } from './csv.ts';
import {
  answerOf,
  assertUnits,
  HISTORY_INTERVAL_S,
  HISTORY_UNITS,
  type HistoryEntry,
  historyEntries,
  isHistoryEntry,
  openHistoryTable,
} from './history.ts';
import { assertRegularFile, type NamedFile, printable } from './input-file.ts';
import { type FoundAnswer, openAnswerSplitter } from './json-answers.ts';
import { orderByTime } from './order.ts';
import type { ImportedRecord, ImportSource } from './source.ts';
import type { InputTable } from './table.ts';
import { readText } from './text-file.ts';

export interface ResponsesOptions {
  readonly finder: CityFinder;
  /** The collector's reader of recorded answers. */
  readonly parse: (body: string, options: RecordedOptions) => Recorded;
  /** By default metric, and standard for the bulk history. */
  readonly units: Units | undefined;
  /** Folder for files in the making. */
  readonly scratch: string;
  readonly clock?: () => Date;
}

export const RESPONSES_NAME = 'import:openweathermap';
const INTERVAL_S = 600;
/** Bytes of an answer on average, for a progress bar. */
const ANSWER_BYTES = 600;
/** Rows that say which units a table is in. */
const FIRST_MAX = 1_000;
/** What the CSV of the bulk history may be called. */
export const HISTORY_TABLES = /\.(csv|tsv|tab|txt)(\.gz)?$/i;

export async function openResponses(
  files: readonly NamedFile[],
  options: ResponsesOptions,
): Promise<ImportSource> {
  let about = 0;
  for (const { path } of files) {
    const { size } = await assertRegularFile(path);
    about += Math.max(1, Math.round(size / ANSWER_BYTES));
  }
  const { scratch } = options;
  return {
    recordsAbout: about,
    read: (signal) => orderByTime(readFiles(files, options, signal), { scratch, signal }),
  };
}

/** Of the first answers of a file: whether they are entries of the bulk history. */
export async function isHistory(
  file: NamedFile,
  units: Units | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const table = isTable(file) ? await openHistoryTable(file, signal) : null;
  const first = table === null ? await firstAnswers(file, signal) : await firstRows(table, signal);
  assertUnits(file.path, first, units ?? HISTORY_UNITS);
  return first.some(isHistoryEntry);
}

async function firstAnswers(file: NamedFile, signal: AbortSignal): Promise<unknown[]> {
  const splitter = openAnswerSplitter();
  for await (const piece of readText(file, { signal, malformed: 'replace' })) {
    const found = splitter.push(piece);
    if (found.length > 0) return found.map(({ text }) => parsed(text));
  }
  return splitter.end().map(({ text }) => parsed(text));
}

async function firstRows(table: InputTable, signal: AbortSignal): Promise<unknown[]> {
  const first: unknown[] = [];
  for await (const entry of historyEntries(table, signal)) {
    if ('fields' in entry && first.push(entry.fields) >= FIRST_MAX) break;
  }
  return first;
}

async function* readFiles(
  files: readonly NamedFile[],
  options: ResponsesOptions,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  const read = answerReader(options);
  for (const file of files) {
    const table = isTable(file) ? await openHistoryTable(file, signal) : null;
    if (table !== null) {
      for await (const entry of historyEntries(table, signal)) yield read(foundIn(entry), file);
      continue;
    }
    const splitter = openAnswerSplitter();
    for await (const piece of readText(file, { signal, malformed: 'replace' })) {
      for (const answer of splitter.push(piece)) yield read(answer, file);
    }
    for (const answer of splitter.end()) yield read(answer, file);
  }
}

function isTable({ path }: NamedFile): boolean {
  return HISTORY_TABLES.test(path);
}

function foundIn(entry: HistoryEntry | CsvProblem): FoundAnswer {
  return 'fields' in entry ? { line: entry.line, text: JSON.stringify(entry.fields) } : entry;
}

function answerReader({ finder, parse, units, clock = () => new Date() }: ResponsesOptions) {
  const collectedAt = clock().getTime();
  const current: RecordedOptions = {
    source: RESPONSES_NAME,
    intervalSeconds: INTERVAL_S,
    units: units ?? 'metric',
    collectedAt,
    recognise: (place) => finder.find({ ...place, newId: place.city_id }),
  };
  const history: RecordedOptions = {
    ...current,
    intervalSeconds: HISTORY_INTERVAL_S,
    units: units ?? HISTORY_UNITS,
    recognise: (place) => finder.find({ ...place, country: null, newId: place.city_id }),
  };

  function parseAny(text: string): Recorded {
    const value = text.includes('"coord"') ? null : parsed(text);
    if (!isHistoryEntry(value)) return parse(text, current);
    const { record, city } = parse(JSON.stringify(answerOf(value)), history);
    // What is kept is what came.
    const kept = { ...record, response: text };
    return 'invalid' in kept ? { record: kept, city } : { record: kept, city: city as City };
  }

  return ({ text, line, problem }: FoundAnswer, file: NamedFile): ImportedRecord => {
    const isMalformed = text.includes('\uFFFD');
    const known = problem ?? (isMalformed ? 'not UTF-8' : undefined);
    const place = `line ${line} of ${printable(file.name).slice(-100)}`;
    if (known !== undefined) return { record: invalid(`${known} (${place})`, text), city: null };
    const { record, city } = parseAny(text);
    if (!('invalid' in record)) return { record, city };
    return { record: { ...record, invalid: placed(record.invalid, place) }, city };
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const INVALID_CHARACTERS_MAX = 256;

/** `reason (line 3 of answers.json: "what was given")`, so that reasons can be counted. */
function placed(problem: string, place: string): string {
  const [, reason = problem, given = ''] = /^(.*?) \((.*)\)$/s.exec(problem) ?? [];
  const room = INVALID_CHARACTERS_MAX - reason.length - place.length - 5;
  const detail = given === '' || room < 1 ? '' : `: ${given.slice(0, room).toWellFormed()}`;
  return `${reason} (${place}${detail})`.slice(0, INVALID_CHARACTERS_MAX);
}

function invalid(reason: string, text: string) {
  return {
    invalid: reason,
    city_id: '',
    collected_at: '1970-01-01T00:00:00Z',
    source: RESPONSES_NAME,
    response: text.toWellFormed(),
  };
}
