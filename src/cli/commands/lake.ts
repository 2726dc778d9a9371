/** `lake secure`: the least rights on the lake's folders; shown, compared or made. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { IsobarError } from '../../errors.ts';
import { LEASES_FOLDER } from '../../lake/layout.ts';
import { openLakePermissions } from '../../lake/open.ts';
import { DRAFTS_FOLDER } from '../../lake/path.ts';
import type { Difference, Rights } from '../../lake/webhdfs/permissions.ts';
import { oneLine, shellWord } from '../../printable.ts';
import { type Environment, prepare } from '../environment.ts';

interface SecureCommandOptions {
  readonly readers?: readonly string[];
  readonly owner?: string;
  readonly group?: string;
  readonly check?: boolean;
  readonly apply?: boolean;
}

export function lakeCommand(program: Command, environment: Environment): void {
  const lake = program
    .command('lake')
    .description('rights on the lake’s folders')
    .helpCommand(false);
  lake
    .command('secure')
    .description('show what gives the lake on HDFS the least rights, as commands of hdfs')
    .option('--readers <groups>', 'groups that may read; separated by commas', parseNames)
    .option('--owner <user>', 'who owns everything (default: unchanged)', parseName)
    .option('--group <group>', 'its group, which gets no rights (default: unchanged)', parseName)
    .addOption(new Option('--check', 'show what is otherwise').conflicts('apply'))
    .option('--apply', 'change it')
    .addHelpText(
      'after',
      `
The owner may do everything, the groups of --readers may read, others nothing; files and folders that
come later inherit it. Logs in with the settings of lake.hdfs: the owner may change rights, only an
administrator of HDFS the owner. Readers also need the right to pass (x) on the folders above.

Examples:
  isobar lake secure --readers analysts
  isobar lake secure --readers analysts --apply`,
    )
    .action((options: SecureCommandOptions, command: Command) =>
      secure(environment, command, options),
    );
}

async function secure(
  environment: Environment,
  command: Command,
  options: SecureCommandOptions,
): Promise<void> {
  const { config, json } = prepare(environment, command);
  const { readers = [], check, apply } = options;
  const [owner, group] = [options.owner ?? null, options.group ?? null];
  await using opened = await openLakePermissions(config.lake, environment.signal);
  const { signal } = environment;
  const madeFolders = [DRAFTS_FOLDER, LEASES_FOLDER];
  const privateFolders = madeFolders.flatMap((one) => [one, `simulated/${one}`]);
  const wanted = { readers, owner, group, signal, privateFolders, madeFolders };
  let count = 0;
  for await (const found of opened.differences(wanted)) {
    count += 1;
    if (apply === true) await opened.apply(found);
    const text = check === true || apply === true ? differenceText(found) : commandsText(found);
    environment.print(json ? `${JSON.stringify(found)}\n` : text);
  }
  if (count === 0 && !json) environment.print('all rights are as they should be\n');
  if (check !== true || count === 0) return;
  throw new IsobarError('CHECK_FAILED', `${count} paths have other rights`);
}

function commandsText({ path, now, wanted, aclSpec }: Difference): string {
  const at = shellWord(path);
  const lines = now === null ? [`hdfs dfs -mkdir -p ${at}`] : [];
  lines.push(`hdfs dfs -setfacl --set ${shellWord(aclSpec)} ${at}`);
  const isOwned = wanted.owner === now?.owner && wanted.group === now?.group;
  const who = `${wanted.owner}:${wanted.group}`;
  if (!isOwned && who !== ':') lines.push(`hdfs dfs -chown ${shellWord(who)} ${at}`);
  return `${lines.join('\n')}\n`;
}

function differenceText({ path, now, wanted }: Difference): string {
  const before = now === null ? 'missing' : rightsText(now);
  return `${oneLine(path)}\n  ${before}\n  → ${rightsText(wanted)}\n`;
}

function rightsText({ owner, group, permission, acl }: Rights): string {
  return oneLine([`${owner}:${group}`, permission, ...acl].join(' '));
}

/** What HDFS takes for the name of a user or group in an ACL. */
function parseName(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9._-]*$/.test(text)) return text;
  throw new InvalidArgumentError(`expected a name of HDFS; got ${JSON.stringify(text)}`);
}

function parseNames(text: string): readonly string[] {
  return [...new Set(text.split(',').map((name) => parseName(name.trim())))];
}
