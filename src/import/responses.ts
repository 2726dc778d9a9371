/** Recorded OpenWeatherMap answers: JSON files, JSON lines, either of them gzip-compressed. */
import type { Units } from '../collector/openweather/measurements.ts';
import type { Recorded, RecordedOptions } from '../collector/openweather/recorded.ts';
import type { CityFinder } from './cities.ts';
import { assertRegularFile, type NamedFile, printable } from './input-file.ts';
import { type FoundAnswer, openAnswerSplitter } from './json-answers.ts';
import { orderByTime } from './order.ts';
import type { ImportedRecord, ImportSource } from './source.ts';
import { readText } from './text-file.ts';

export interface ResponsesOptions {
  readonly finder: CityFinder;
  /** The collector's reader of recorded answers. */
  readonly parse: (body: string, options: RecordedOptions) => Recorded;
  readonly units: Units;
  /** Folder for files in the making. */
  readonly scratch: string;
  readonly clock?: () => Date;
}

export const RESPONSES_NAME = 'import:openweathermap';
const INTERVAL_S = 600;
/** Bytes of an answer on average, for a progress bar. */
const ANSWER_BYTES = 600;

export async function openResponses(
  files: readonly NamedFile[],
  options: ResponsesOptions,
): Promise<ImportSource> {
  let bytes = 0;
  for (const { path } of files) bytes += (await assertRegularFile(path)).size;
  const { scratch } = options;
  return {
    recordsAbout: Math.max(files.length, Math.round(bytes / ANSWER_BYTES)),
    read: (signal) => orderByTime(readFiles(files, options, signal), { scratch, signal }),
  };
}

async function* readFiles(
  files: readonly NamedFile[],
  options: ResponsesOptions,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  const read = answerReader(options);
  for (const file of files) {
    const splitter = openAnswerSplitter();
    for await (const piece of readText(file, { signal, malformed: 'replace' })) {
      for (const answer of splitter.push(piece)) yield read(answer, file);
    }
    for (const answer of splitter.end()) yield read(answer, file);
  }
}

function answerReader({ finder, parse, units, clock = () => new Date() }: ResponsesOptions) {
  const parseOptions: RecordedOptions = {
    source: RESPONSES_NAME,
    intervalSeconds: INTERVAL_S,
    units,
    collectedAt: clock().getTime(),
    recognise: (place) => finder.find({ ...place, newId: place.city_id }),
  };
  return ({ text, line, problem }: FoundAnswer, file: NamedFile): ImportedRecord => {
    const isMalformed = text.includes('\uFFFD');
    const known = problem ?? (isMalformed ? 'not UTF-8' : undefined);
    const place = `line ${line} of ${printable(file.name).slice(-100)}`;
    if (known !== undefined) return { record: invalid(`${known} (${place})`, text), city: null };
    const { record, city } = parse(text, parseOptions);
    if (!('invalid' in record)) return { record, city };
    return { record: { ...record, invalid: placed(record.invalid, place) }, city };
  };
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
