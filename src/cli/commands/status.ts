import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/schema.ts';
import type { Engine } from '../../model/engines.ts';
import type {
  CacheStatus,
  CertificateStatus,
  ForecastStatus,
  SpoolStatus,
  Status,
  StreamingStatus,
} from '../../model/status.ts';
import { readServerNote, SERVER_NOTE } from '../../pipeline/server-note.ts';
import { NOTHING_RUNS, openStatusReader } from '../../pipeline/status.ts';
import { hasData, rootOf } from '../../pipeline/workspace.ts';
import { oneLine } from '../../printable.ts';
import { formatEngines } from '../engines.ts';
import { type Environment, formatTable, openChosenWorkspace, prepare } from '../environment.ts';
import { formatLeases } from '../leases.ts';
import { askServer } from '../own-server.ts';

export function statusCommand(program: Command, environment: Environment): void {
  program
    .command('status')
    .description('how every step is doing: state, calls left, lag, versions, errors')
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Asks the running process when there is one, else reads the files.

Examples:
  isobar status
  isobar status --json`,
    )
    .action(async (options: { simulated?: boolean }, command: Command) => {
      const prepared = prepare(environment, command);
      const running = await askRunning(prepared.config, options.simulated);
      const status = running?.status ?? (await readFiles());
      // Only a server watches the services.
      const engines = running?.engines ?? [];
      environment.print(
        prepared.json
          ? `${JSON.stringify({ ...status, engines })}\n`
          : formatStatus(status, running !== null, engines),
      );

      async function readFiles(): Promise<Status> {
        await using workspace = await openChosenWorkspace(prepared, options.simulated);
        const reader = await openStatusReader(workspace, NOTHING_RUNS, environment.version);
        // Awaited here: the workspace is closed on the way out.
        return await reader.read();
      }
    });
}

const ASK_MS = 3_000;

interface Reported {
  readonly status: Status;
  readonly engines: readonly Engine[];
}

/** What the process that serves this data root reports; null without one. */
async function askRunning(
  config: Config,
  simulated: boolean | undefined,
): Promise<Reported | null> {
  const kinds = simulated === undefined ? [false, true] : [simulated];
  for (const kind of kinds) {
    if (!kind && simulated === undefined && !(await mayHaveData(config))) continue;
    try {
      const note = await readServerNote(join(rootOf(config, kind), SERVER_NOTE));
      const ask = async (path: string) => {
        const signal = AbortSignal.timeout(ASK_MS);
        const answer = await askServer(note, path, signal);
        return answer.ok ? ((await answer.json()) as { readonly data?: unknown }).data : undefined;
      };
      const status = await ask('/api/status');
      if (status === undefined) continue;
      // A server of an earlier version watches none.
      const engines = (await ask('/api/engines').catch(() => undefined)) ?? [];
      return { status: status as Status, engines: engines as readonly Engine[] };
    } catch {
      // No process serves there; the files are read instead.
    }
  }
  return null;
}

export function formatStatus(
  status: Status,
  running: boolean,
  engines: readonly Engine[] = [],
): string {
  const kind = status.simulated ? 'simulated data' : 'real data';
  const { work, collector, log, landing, table, analytics, index, raw_export } = status;
  const { certificate, shared_cache, streaming, forecast } = status;
  const whether = running ? 'running' : formatWhether(work.leases);
  const lines = [`isobar ${status.version} · ${kind} · ${status.data} · ${whether}`];
  if (collector !== null) {
    const left = (name: 'minute' | 'day' | 'month') =>
      `${collector.calls[name].limit - collector.calls[name].used} this ${name}`;
    lines.push(
      `collect    ${collector.state}: ${collector.message}`,
      `           calls left: ${left('minute')}, ${left('day')}, ${left('month')}`,
      ...collector.troubled
        .slice(0, 10)
        .map(({ city_id, reason }) => `           ${city_id}: ${reason}`),
    );
  }
  lines.push(
    `log        ${mebibytes(log.bytes)}${log.bytes_max > 0 ? ` of ${mebibytes(log.bytes_max)}` : ''} MiB` +
      (log.full ? ', FULL' : ''),
    ...formatSpool(log.spool),
    `table      version ${table.version}, ${table.rows} rows in ${table.files} files, ` +
      `${mebibytes(table.bytes)} MiB`,
    `rejected   ${formatReasons(table.rejected)}`,
    `analytics  version ${analytics.version} of table version ${analytics.table_version}` +
      (analytics.computed_at === null ? '' : `, computed ${analytics.computed_at}`),
    ...formatQuality(analytics),
    ...formatEngine(analytics),
    ...(streaming === null ? [] : [formatStream(streaming)]),
    ...(forecast ? [formatForecasts(forecast)] : []),
    formatIndex(index),
  );
  if (raw_export !== null) lines.push(`raw files  up to table version ${raw_export.table_version}`);
  if (shared_cache !== null) lines.push(formatCache(shared_cache));
  if (certificate) lines.push(formatCertificate(certificate));
  if (running) lines.push(formatProcess(status.process));
  lines.push(...formatEngines(engines));
  // Who cannot read the leases can seldom read the table.
  const workError = table.error === null ? work.error : null;
  const optional = [raw_export, shared_cache, streaming, forecast, certificate].map(
    (room) => room?.error ?? null,
  );
  const errors = [log.error, table.error, landing.error, analytics.error, index.error, workError];
  for (const error of [...errors, ...optional]) {
    if (error !== null) {
      lines.push(
        `${error.code} since ${error.since}: ${error.message}`,
        `           ${error.remedy}`,
      );
    }
  }
  const partitions = formatPartitions(log.partitions);
  const leases = formatLeases(work.leases, Date.now());
  return `${lines.map(oneLine).join('\n')}\n${partitions}${leases === '' ? '' : `\n${leases}`}`;
}

function formatCertificate({ names, expires_at }: CertificateStatus): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `https      ${names.slice(0, 3).join(', ')}${more}, valid until ${expires_at}`;
}

function formatProcess(held: Status['process']): string {
  const engine = Object.values(held.engine_bytes).reduce((sum, bytes) => sum + bytes, 0);
  const files = held.open_files === null ? '' : `, ${held.open_files} open files`;
  const dropped =
    held.dropped_log_lines === 0 ? '' : `, ${held.dropped_log_lines} log lines dropped`;
  return (
    `memory     ${mebibytes(held.resident_bytes)} MiB: heap ${mebibytes(held.heap_bytes)}, ` +
    `buffers ${mebibytes(held.external_bytes)}, engine ${mebibytes(engine)}${files}${dropped}`
  );
}

function formatCache({ address, state, lookups }: CacheStatus): string {
  const outcomes = Object.entries(lookups).map(([outcome, count]) => `${count} ${outcome}`);
  return `cache      Redis at ${address}, ${state}; look-ups: ${outcomes.join(', ')}`;
}

function formatStream(stream: StreamingStatus): string {
  const { state, batch, compared, compared_at, differences, late } = stream;
  const found = differences === 0 ? 'as in the table' : `${differences} DIFFER`;
  const result = compared_at === null ? '' : `; ${compared} hours compared: ${found}`;
  const dropped = late === 0 ? '' : `, ${late} observations late`;
  return `stream     ${state}${batch < 0 ? '' : `, batch ${batch}`}${result}${dropped}`;
}

function formatForecasts(forecast: ForecastStatus): string {
  const { state, cities, cities_ready, cities_left_out, issued_at, late_hours, mae_24h } = forecast;
  const ready =
    state === 'learning' ? `: ${cities_ready} of ${cities - cities_left_out} cities` : '';
  const parts = [
    `${state}${ready}`,
    ...(issued_at === null ? [] : [`newest from ${issued_at}`]),
    ...(mae_24h === null ? [] : [`${mae_24h.toFixed(1)} °C off a day ahead`]),
    ...(late_hours === 0 ? [] : [`${late_hours} hours came late`]),
    ...(cities_left_out === 0 ? [] : [`${cities_left_out} cities left out (forecast.cities_max)`]),
  ];
  return `forecasts  ${parts.join(', ')}`;
}

/** Which version it has, and how far that is from the newest. */
function formatIndex({ engine, version, analytics_version, rows }: Status['index']): string {
  if (version === 0) return `index      ${engine}, nothing is indexed yet`;
  const behind = analytics_version - version;
  const lag = behind > 0 ? `, ${behind} behind the analytics` : '';
  return `index      ${engine}, version ${version}${lag}, ${rows} anomalies`;
}

/** No process serves; others may be at work, on this machine or elsewhere. */
function formatWhether(leases: Status['work']['leases']): string {
  const live = leases.filter(({ state }) => state === 'live');
  const { size } = new Set(live.map(({ host, pid }) => `${host} ${pid}`));
  if (size === 0) return 'not running';
  return `no server, ${size} ${size === 1 ? 'process' : 'processes'} at work`;
}

/** Which engine computes, with what, and how far it is. */
function formatQuality({ quality, table_version }: Status['analytics']): string[] {
  if (quality === null) return [];
  const { failed, suspect } = quality;
  const behind = table_version - quality.table_version;
  const upTo = behind > 0 ? `, checked up to table version ${quality.table_version}` : '';
  return [`quality    ${failed} values failed, ${suspect} suspect${upTo}`];
}

function formatEngine({ engine, facts, progress, recomputation }: Status['analytics']): string[] {
  const lines = [];
  if (facts !== null) {
    const name = engine === 'spark' ? 'Spark' : 'DuckDB';
    lines.push(`engine     ${[name, facts.version].filter((part) => part !== null).join(' ')}`);
    const properties = Object.entries(facts.properties);
    lines.push(...properties.map(([property, value]) => `           ${property} = ${value}`));
  }
  if (progress !== null)
    lines.push(`           computing: ${progress.done} of ${progress.of} tasks`);
  if (recomputation !== null) lines.push(...formatRecomputation(recomputation));
  return lines;
}

function formatRecomputation(recomputation: NonNullable<Status['analytics']['recomputation']>) {
  const { engine, version, recomputed_at, differences, error } = recomputation;
  const found = differences === 0 ? 'the same numbers' : `${differences} DIFFERENCES`;
  return [
    ...(recomputed_at === null
      ? []
      : [`           version ${version} again by ${engine}, ${recomputed_at}: ${found}`]),
    ...(error === null ? [] : [`           recomputing fails: ${error.code}: ${error.message}`]),
  ];
}

/** The last column only where retention may pass the landing. */
function formatPartitions(partitions: Status['log']['partitions']): string {
  const mayExpire = partitions.some((row) => row.expires_in_s !== null);
  const rows = [
    ['partition', 'first', 'next', 'waiting', 'lag', ...(mayExpire ? ['removed in'] : [])],
    ...partitions.map((row) => [
      String(row.partition),
      String(row.first),
      String(row.next),
      String(row.waiting),
      `${Math.round(row.lag_s)} s`,
      ...(mayExpire ? [formatLeft(row.expires_in_s)] : []),
    ]),
  ];
  return formatTable(rows, [0, 1, 2, 3, 4, 5]);
}

function formatLeft(seconds: number | null): string {
  if (seconds === null) return '';
  if (seconds === 0) return 'LOST';
  return seconds >= 86_400
    ? `${(seconds / 86_400).toFixed(1)} d`
    : `${Math.round(seconds / 60)} min`;
}

function formatSpool(spool: SpoolStatus | null): string[] {
  if (spool === null || spool.records === 0) return [];
  const { records, bytes, bytes_max, since } = spool;
  const size = `${mebibytes(bytes)} of ${mebibytes(bytes_max)} MiB`;
  return [`spool      ${records} records wait on this machine since ${since}, ${size}`];
}

function formatReasons(reasons: Readonly<Record<string, number>>): string {
  const parts = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

/** True for a lake that does not answer: the status of a running process reports that. */
async function mayHaveData(config: Config): Promise<boolean> {
  return hasData(config, false).catch(() => true);
}
