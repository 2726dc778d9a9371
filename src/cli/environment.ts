/** What commands share: their surroundings, and the configuration from the common options. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { holdsSecret } from '../config/secret.ts';
import { settingOf } from '../config/settings.ts';
import { IsobarError } from '../errors.ts';
import { type Logger, openLogger } from '../logger.ts';
import { hasData, openWorkspace, type Workspace } from '../pipeline/workspace.ts';
import { oneLine } from '../printable.ts';
import { writeRefusal } from '../table/snapshot.ts';
import type { Output } from './output.ts';

export interface Environment extends Output {
  readonly version: string;
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface CommonOptions {
  readonly data?: string;
  readonly config?: string;
  readonly profile?: string;
  readonly set?: readonly string[];
  readonly logLevel?: string;
  readonly json?: boolean;
  readonly port?: string;
}

export interface Prepared extends LoadedConfig {
  readonly logger: Logger;
  readonly json: boolean;
}

/** The configuration in effect for this command; `defaults` are the command's own. */
export function prepare(
  environment: Environment,
  command: Command,
  defaults: Readonly<Record<string, unknown>> = {},
): Prepared {
  const options = command.optsWithGlobals<CommonOptions>();
  const flags: Record<string, string> = {};
  for (const pair of options.set ?? []) {
    const at = pair.indexOf('=');
    if (at < 1) throw new IsobarError('USAGE', `--set ${pair}: write setting=value`);
    flags[pair.slice(0, at)] = pair.slice(at + 1);
    assertNoSecret(pair.slice(0, at), pair.slice(at + 1));
  }
  if (options.data !== undefined) flags.data = options.data;
  if (options.port !== undefined) flags['api.port'] = options.port;
  if (options.logLevel !== undefined) flags.log_level = options.logLevel;
  const file = options.config ?? null;
  const { env } = environment;
  const dataFolder = () => loadConfig({ file, env, flags, defaults }).config.data;
  const profile = profileFile(options.profile ?? 'embedded', dataFolder);
  const loaded = loadConfig({ file, env, flags, defaults, profile });
  environment.keepSecret(loaded.secrets);
  const logger = openLogger(loaded.config.log_level, loaded.secrets);
  for (const warning of loaded.warnings) logger.warn(warning);
  return { ...loaded, logger, json: options.json === true };
}

/** Every user of the machine can read the command lines of all processes. */
function assertNoSecret(path: string, value: string): void {
  const setting = settingOf(path);
  if (setting?.secret !== true || !holdsSecret(path, value)) return;
  const { variable } = setting;
  throw new IsobarError(
    'USAGE',
    `--set ${path}: a secret on the command line can be read by every user of this machine; ` +
      `set ${variable}, or ${variable}_FILE with the path of a file`,
  );
}

/** The file of settings that a profile means, or null for the defaults. */
function profileFile(name: string, dataFolder: () => string): string | null {
  if (name === 'embedded') return null;
  if (name !== 'cluster') return name;
  const file = join(dataFolder(), 'cluster', 'profile.yaml');
  if (existsSync(file)) return file;
  throw new IsobarError('CLUSTER_ABSENT', `--profile cluster: ${file} does not exist`);
}

/**
 * The data root that a command looks at: the one asked for, else the real one when it has data,
 * else the simulated one when that has.
 */
export async function openChosenWorkspace(
  { config }: Prepared,
  wanted: boolean | undefined,
): Promise<Workspace> {
  const simulated = wanted ?? (!(await hasData(config, false)) && (await hasData(config, true)));
  return openWorkspace(config, simulated);
}

/** Says what keeps isobar from writing to a table that can be read all the same. */
export function warnOfRefusals({ tables }: Workspace, { logger }: Prepared): void {
  for (const { latest, folder } of tables) {
    const refusal = latest === null ? null : writeRefusal(latest, folder);
    if (refusal !== null) logger.warn({ code: refusal.code }, refusal.message);
  }
}

/** `2026-03-01T12:30:59Z` → `2026-03-01 12:30` */
export function formatMinute(time: string): string {
  return time.slice(0, 16).replace('T', ' ');
}

/** Columns of text, the first line being the header; numbers to the right. */
export function formatTable(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = widthsOf(cells);
  return `${cells.map((row) => alignRow(row, widths, right)).join('\n')}\n`;
}

export function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return widths;
}

export function alignRow(
  row: readonly string[],
  widths: readonly number[],
  right: readonly number[],
): string {
  const cells = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
  });
  return cells.join('  ').trimEnd();
}
