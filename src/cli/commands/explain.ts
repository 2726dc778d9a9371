import type { Command } from 'commander';
import type { Explanation, Listed } from '../../model/provenance.ts';
import { explainInWorkspace } from '../../pipeline/provenance.ts';
import { oneLine } from '../../printable.ts';
import { parseExplained } from '../../provenance/explain.ts';
import { type Environment, formatTable, openChosenWorkspace, prepare } from '../environment.ts';
import { parseTime } from './history.ts';

export function explainCommand(program: Command, environment: Environment): void {
  program
    .command('explain')
    .description('show what is behind a number: files, commits, offsets, the provider’s answer')
    .argument('<what>', 'observations, city_statistics, hourly_trends or anomalies')
    .argument('<city>', 'the id of the city, such as london')
    .argument('[at]', 'time of one observation or anomaly, or in the hour (UTC) of a trend')
    .option('--from <time>', 'a statistic or trend of a range, as the API computes it')
    .option('--to <time>', 'the end of the range')
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Reads only, also beside a running server. Long lists are cut to their first and last entries; their
number is given. Times are ISO 8601 with an offset.

Examples:
  isobar explain city_statistics oslo-no
  isobar explain observations oslo-no 2024-10-31T14:00:00Z`,
    )
    .action(
      async (
        dataset: string,
        city: string,
        time: string | undefined,
        options: { simulated?: boolean; from?: string; to?: string },
        command: Command,
      ) => {
        const prepared = prepare(environment, command);
        const asked = {
          dataset: parseExplained(dataset),
          cityId: city,
          time: time === undefined ? null : parseTime(time),
          from: options.from === undefined ? null : parseTime(options.from),
          to: options.to === undefined ? null : parseTime(options.to),
        };
        await using workspace = await openChosenWorkspace(prepared, options.simulated);
        const explanation = await explainInWorkspace(workspace, asked, environment.signal);
        environment.print(
          prepared.json ? `${JSON.stringify(explanation)}\n` : formatExplanation(explanation),
        );
      },
    );
}

const STATES: Readonly<Record<Explanation['state'], string>> = {
  published: 'published',
  computed: 'computed when it is asked for',
  landed: 'in the table',
  waiting: 'in the log, not landed yet',
  rejected: 'rejected, not in the table',
};

/** The most important first: the numbers, then what they were made from, down to the answer. */
function formatExplanation(explanation: Explanation): string {
  const { dataset, city_id, city, asked_at, note, state } = explanation;
  const name = city === null ? city_id : `${city_id} (${city})`;
  const title = `${dataset} of ${name}${asked_at === null ? '' : ` at ${asked_at}`}`;
  const parts = [
    `${oneLine(title)}: ${STATES[state]}\n`,
    ...(note === null ? [] : [`note: ${oneLine(note)}\n`]),
    formatNumbers(explanation),
    formatRows(explanation),
    formatVersions(explanation),
    section('partial aggregates', formatPartials(explanation)),
    section(`data files: ${explanation.files.total}`, formatFiles(explanation)),
    // Those of one observation stand with it.
    explanation.observation === null ? section('log offsets', formatOffsets(explanation)) : '',
    section('sources', formatSources(explanation)),
    section('raw export', formatRaw(explanation)),
    formatAnswer(explanation),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

type Cells = readonly string[];

function section(title: string, lines: readonly Cells[], right: readonly number[] = []): string {
  if (lines.length === 0) return '';
  return `${title}\n${indent(formatTable(lines, right))}`;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

/** A line in the middle says how many entries are left out. */
function withRest<T>({ total, listed }: Listed<T>, format: (item: T) => Cells): Cells[] {
  const lines = listed.map(format);
  const left = total - listed.length;
  if (left > 0) lines.splice(Math.ceil(listed.length / 2), 0, [`… ${left} more`]);
  return lines;
}

function formatNumbers({ dataset, publication }: Explanation): string {
  if (publication === null) return '';
  const { rows, row_count, version, computed_at, engine, table_version, path, sha256 } =
    publication;
  const [first] = rows;
  const numbers =
    rows.length === 1 && first !== undefined
      ? Object.entries(first).map(([name, value]) => [name, textOf(value)])
      : formatRowTable({ total: row_count, listed: rows });
  if (rows.length === 0) numbers.push([`none: ${dataset} has no row of this city`]);
  const from = [
    ['publication', `${version}, computed ${computed_at} by ${engine}`],
    ['from', `version ${table_version} of the table`],
    ['file', path],
    ['sha256', sha256],
  ];
  return `${section('numbers', numbers)}\n${section('published', from)}`;
}

/** Rows with their columns as the first line, without what says the same in all. */
function formatRowTable(rows: Listed<PublishedRow>): Cells[] {
  const names = Object.keys(rows.listed[0] ?? {}).filter(
    (name) => !['city_id', 'city', 'reason'].includes(name),
  );
  if (names.length === 0) return [];
  return [names, ...withRest(rows, (row) => names.map((name) => textOf(row[name] ?? null)))];
}

type PublishedRow = NonNullable<Explanation['publication']>['rows'][number];

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function textOf(value: string | number | boolean | null): string {
  return value === null ? '' : String(value);
}

function formatRows(explanation: Explanation): string {
  const { row_count, observed_from, observed_to, table_version, rejected } = explanation;
  const range = row_count === 0 ? '' : `, ${observed_from} to ${observed_to}`;
  const lines = [['rows', `${row_count} in version ${table_version} of the table${range}`]];
  for (const { reason, rows } of rejected) lines.push([reason, `${rows} rejected`]);
  return section('rows behind it', lines);
}

function formatVersions({ observation, versions, waiting }: Explanation): string {
  const lines: Cells[] = withRest(versions, (version) => [
    version.state,
    version.import_id === null ? 'live' : `import ${version.import_id}, row ${version.import_row}`,
    version.collected_at ?? '',
    version.source ?? '',
    `${version.log_partition}:${version.log_offset}`,
    valuesOf(version.values),
  ]);
  for (const record of waiting) {
    const at = `${record.log_partition}:${record.log_offset}`;
    const of = [record.collected_at, record.source, at, valuesOf(record.values)];
    lines.push(['waiting', `trace ${record.trace_id}`, ...of]);
  }
  const header = ['state', 'from', 'collected', 'source', 'offset', 'values'];
  // One alone is the observation itself.
  const isAlone = lines.length <= (observation === null ? 0 : 1);
  const all = isAlone ? '' : section('versions', [header, ...lines]);
  if (observation === null) return all;
  const { log_id, log_partition, log_offset, appended_at, trace_id } = observation;
  const { import_id, import_row, rejected_fields } = observation;
  const accepted = appended_at === null ? '' : `, accepted ${appended_at}`;
  const own = section('observation', [
    ['values', valuesOf(observation.values)],
    ['trace', trace_id],
    ['log', `${log_id}, partition ${log_partition}, offset ${log_offset}${accepted}`],
    ...(import_id === null ? [] : [['import', `${import_id}, row ${import_row}`]]),
    ...(rejected_fields === null ? [] : [['not used', rejected_fields]]),
  ]);
  return [own, all].filter((part) => part !== '').join('\n');
}

function valuesOf(values: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name} ${value}`);
  return pairs.join(', ');
}

function formatPartials({ partials, live_months }: Explanation): readonly Cells[] {
  const lines = withRest(partials, (partial) => [
    partial.role,
    partial.kind,
    partial.month_count === 0
      ? ''
      : `${countOf(partial.month_count, 'month')}, ${partial.first_month} to ${partial.last_month}`,
    partial.engine ?? '',
    partial.path,
    partial.sha256.slice(0, 12),
  ]);
  const live = live_months.listed.map(({ month }) => month).join(', ');
  if (live_months.total > 0) lines.push(['computed from rows', live]);
  return lines;
}

function formatFiles({ files }: Explanation): readonly Cells[] {
  if (files.total === 0) return [];
  const header = ['rows', 'from', 'to', 'commit', 'of', 'sha256', 'file'];
  const lines = withRest(files, (file) => [
    String(file.rows),
    file.observed_from,
    file.observed_to,
    file.commit === null ? 'not kept' : `${file.commit.version} ${file.commit.operation}`,
    file.commit?.at ?? '',
    file.sha256?.slice(0, 12) ?? '',
    file.path,
  ]);
  return [header, ...lines];
}

function formatOffsets({ offsets }: Explanation): readonly Cells[] {
  return withRest(offsets, ({ log_id, log_partition, first_offset, last_offset, count }) => [
    `partition ${log_partition}`,
    `${first_offset} to ${last_offset}`,
    `${count} of this city`,
    `log ${log_id}`,
  ]);
}

function formatSources({ sources }: Explanation): readonly Cells[] {
  return withRest(sources, (source) => [
    source.source,
    source.import_id === null ? 'live' : `import ${source.import_id} of ${source.imported_at}`,
    `${countOf(source.rows, 'row')}, ${source.observed_from} to ${source.observed_to}`,
    source.inputs === null
      ? ''
      : withRest(source.inputs, ({ name }) => [name])
          .flat()
          .join(', '),
  ]);
}

function formatRaw({ raw }: Explanation): readonly Cells[] {
  if (raw.table_version < 0) return [['nothing is exported yet']];
  return withRest(raw.files, (file) => [
    file.path,
    file.table_version === null ? 'not written yet' : `of version ${file.table_version}`,
    file.pending ? 'to be written again' : '',
  ]);
}

const ANSWER_CHARACTERS_MAX = 4_000;

function formatAnswer({ observation }: Explanation): string {
  const response = observation?.response ?? null;
  if (response === null) return '';
  const rest = response.length - ANSWER_CHARACTERS_MAX;
  const more = rest > 0 ? ` … ${rest} characters more, see --json` : '';
  return `provider's answer\n  ${oneLine(response.slice(0, ANSWER_CHARACTERS_MAX))}${more}\n`;
}
