import { type Command, Option } from 'commander';
import type { Units } from '../../collector/openweather/measurements.ts';
import { parseRecorded } from '../../collector/openweather/recorded.ts';
import { IsobarError } from '../../errors.ts';
import { openCityFinder } from '../../import/cities.ts';
import type { Outcome } from '../../import/outcome.ts';
import { planImport } from '../../import/plan.ts';
import type { TimesRead } from '../../import/source.ts';
import { DEFAULT_CITIES } from '../../model/city.ts';
import type { ImportEntry, InputFile } from '../../model/imports.ts';
import {
  type Imported,
  importPlanned,
  type Previewed,
  previewPlanned,
} from '../../pipeline/importing.ts';
import { openWorkspace, type Workspace } from '../../pipeline/workspace.ts';
import { oneLine } from '../../printable.ts';
import { type Environment, prepare } from '../environment.ts';
import { openProgress } from '../progress.ts';

interface ImportCommandOptions {
  readonly mapping?: string;
  readonly units?: Units;
  readonly dryRun?: boolean;
}

export function importCommand(program: Command, environment: Environment): void {
  program
    .command('import')
    .description('bring in history; an unchanged file lands nothing a second time')
    .argument('<path...>', 'files or folders')
    .option('--mapping <file>', 'how to read a CSV or Parquet file: see docs/import.md')
    .option('--dry-run', 'print what would land, be superseded and be rejected; write nothing')
    .addOption(
      new Option(
        '--units <units>',
        'units of OpenWeatherMap answers: by default metric, and standard (kelvin) for its bulk history',
      ).choices(['metric', 'standard', 'imperial']),
    )
    .addHelpText(
      'after',
      `
Reads recorded OpenWeatherMap answers (JSON, JSON lines, gzip), its bulk history (JSON, CSV), the
folder of the Kaggle set "Historical Hourly Weather", the METARs of the Aviation Weather Center (CSV),
and any CSV or Parquet file with a mapping.

Each import has a number. A later import outranks an earlier one, row by row; live data outranks
every import. A killed import continues when the same command is run again. "isobar imports" lists
imports and takes them back, "isobar history CITY TIME" shows the versions of one observation.

Exits with 1 when nothing could be used, and with 0 when everything was there already.

Examples:
  isobar import ./recordings
  isobar import ./historical-hourly-weather
  isobar import ./metars.cache.csv.gz
  isobar import station.csv --mapping station.yaml --dry-run`,
    )
    .action(async (paths: string[], options: ImportCommandOptions, command: Command) => {
      const { config, json } = prepare(environment, command);
      await using workspace = await openWorkspace(config, false);
      const plan = await planImport(paths, {
        mapping: options.mapping,
        units: options.units,
        finder: openCityFinder(await knownCities(workspace)),
        parse: parseRecorded,
        session: () => workspace.session(),
        scratch: workspace.scratch,
        report: environment.report,
        signal: environment.signal,
      });
      const progress = openProgress('records', environment.report);
      const importing = { signal: environment.signal, onProgress: progress.update };
      if (options.dryRun === true) {
        const previewed = await previewPlanned(workspace, plan, importing);
        progress.end();
        environment.print(json ? formatPreviewJson(previewed) : formatPreview(previewed));
        return;
      }
      const imported = await importPlanned(workspace, plan, importing);
      progress.end();
      environment.print(json ? formatJson(imported) : formatImported(imported));
      assertUsable(imported);
    });
}

async function knownCities(workspace: Workspace) {
  const known = new Map(DEFAULT_CITIES.map((city) => [city.city_id, city]));
  for (const [id, city] of await workspace.cities.read()) known.set(id, city);
  return known.values();
}

/** Nothing that could be used is a failure, however well each record was accounted for. */
function assertUsable({ records, outcome }: Imported): void {
  if (outcome === null) return;
  const { landed, duplicate, superseded, replaced, reasons, rejected_fields } = outcome;
  if (records === 0) throw new IsobarError('IMPORT_REJECTED', 'the files hold no rows');
  if (landed + duplicate + superseded - replaced === 0) {
    const [first] = reasons;
    const why = first === undefined ? '' : `: ${first.reason} (${first.records} of them)`;
    throw new IsobarError('IMPORT_REJECTED', `all ${records} rows were rejected${why}`);
  }
  const [field] = rejected_fields;
  if (landed > 0 && !outcome.has_measurements && field !== undefined) {
    const why = `${field.field}: ${field.reason}, for example ${JSON.stringify(field.example)}`;
    throw new IsobarError('IMPORT_REJECTED', `no row has a usable measurement; ${why}`);
  }
}

function formatJson({ entry, records, times, outcome, known }: Imported): string {
  const { has_measurements: _, ...counts } = outcome ?? NOTHING;
  return `${JSON.stringify({
    import_id: entry?.import_id ?? null,
    read: records,
    ...times,
    imported_before: outcome === null,
    files_imported_before: filesOf(known),
    ...counts,
  })}\n`;
}

const NOTHING: Outcome = {
  landed: 0,
  replaced: 0,
  duplicate: 0,
  superseded: 0,
  invalid: 0,
  reasons: [],
  rejected_fields: [],
  has_measurements: false,
};

function filesOf(known: ReadonlyMap<InputFile, ImportEntry>) {
  return [...known].map(([{ path }, { import_id }]) => ({ path, import_id }));
}

const LABEL_WIDTH = 11;
const COUNT_WIDTH = 12;

function countLine(label: string, count: number, note = ''): string {
  return `${label.padEnd(LABEL_WIDTH)}${String(count).padStart(COUNT_WIDTH)}${note}`;
}

/** A wrong unit or zone of times shows here. */
function timesLine({ observed_from, observed_to }: TimesRead): string[] {
  if (observed_from === null) return [];
  const label = 'observed'.padEnd(LABEL_WIDTH + 2);
  return [`${label}${observed_from} to ${observed_to}`];
}

/** Whose versions they are. */
function supersededNote(superseded: number, replaced: number): string {
  if (superseded === 0) return '';
  return `  ${replaced} in the table, ${superseded - replaced} of these files`;
}

function formatImported({ entry, records, times, outcome, known }: Imported): string {
  const { landed, replaced, duplicate, superseded, invalid, reasons, rejected_fields } =
    outcome ?? NOTHING;
  const lines = entry === null ? [] : [countLine('import', entry.import_id)];
  lines.push(
    countLine('read', records),
    ...timesLine(times),
    countLine('landed', landed),
    countLine('duplicate', duplicate),
    countLine('superseded', superseded, supersededNote(superseded, replaced)),
    countLine('invalid', invalid),
    ...reasons.map(({ reason, records: count, example }) => {
      const more = example === reason ? '' : `, for example${example.slice(reason.length)}`;
      return `${String(count).padStart(LABEL_WIDTH + COUNT_WIDTH)}  ${oneLine(`${reason}${more}`)}`;
    }),
  );
  if (rejected_fields.length > 0)
    lines.push('fields that were not used; the rest of each row landed:');
  for (const { field, reason, records: count, example } of rejected_fields) {
    const text = `${field}: ${reason}, for example ${JSON.stringify(example)}`;
    lines.push(`${String(count).padStart(LABEL_WIDTH + COUNT_WIDTH)}  ${oneLine(text)}`);
  }
  lines.push(...formatKnown(known));
  return `${lines.join('\n')}\n`;
}

/** Files that were left out, by the import that had them. */
function formatKnown(known: ReadonlyMap<InputFile, ImportEntry>): string[] {
  const byImport = Map.groupBy(filesOf(known), ({ import_id }) => import_id);
  return [...byImport].map(([importId, files]) => {
    const [first, ...others] = files;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return `unchanged since import ${importId}, left out: ${oneLine(`${first?.path}${more}`)}`;
  });
}

function formatPreviewJson({ preview, records, times }: Previewed): string {
  const { reasons, rejectedFields, ...counts } = preview.counts;
  return `${JSON.stringify({
    dry_run: true,
    read: records,
    ...times,
    ...counts,
    reasons: Object.fromEntries(reasons),
    rejected_fields: Object.fromEntries(rejectedFields),
    examples: preview.examples,
  })}\n`;
}

function formatPreview({ preview, records, times, known }: Previewed): string {
  const { landed, replaced, duplicate, superseded, invalid, reasons, rejectedFields } =
    preview.counts;
  const indented = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(
        ([text, count]) => `${String(count).padStart(LABEL_WIDTH + COUNT_WIDTH)}  ${oneLine(text)}`,
      );
  const lines = [
    'a dry run: nothing was written',
    countLine('read', records),
    ...timesLine(times),
    countLine('would land', landed),
    countLine('duplicate', duplicate),
    countLine('superseded', superseded, supersededNote(superseded, replaced)),
    countLine('invalid', invalid),
    ...indented(reasons),
  ];
  if (rejectedFields.size > 0) {
    lines.push('fields that would not be used:', ...indented(rejectedFields));
  }
  for (const { city_id, observed_at, before, after } of preview.examples) {
    lines.push(
      `${city_id} ${observed_at}`,
      `  before  ${before === null ? 'nothing' : formatValues(before)}`,
      `  after   ${formatValues(after)}`,
    );
  }
  return `${[...lines, ...formatKnown(known)].join('\n')}\n`;
}

/** `temperature_c 7.5, humidity_pct 80`, without what is NULL. */
export function formatValues(values: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null);
  if (given.length === 0) return 'no values';
  return oneLine(given.map(([name, value]) => `${name} ${value}`).join(', '));
}
