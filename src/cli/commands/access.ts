/** `users`, `keys`, `sessions`, `audit`: who may ask the server, and what they did. */
import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Access } from '../../access/access.ts';
import { openAudit, readAudit } from '../../access/audit.ts';
import { parseScope } from '../../access/scope.ts';
import { decodeSecret } from '../../config/secret.ts';
import { fileProblem, readSecretFile } from '../../config/secret-file.ts';
import { IsobarError } from '../../errors.ts';
import { ACCESS_ROLES, type AccessRole, type CityScope, formatScope } from '../../model/access.ts';
import { accessFolder, openUsers } from '../../pipeline/access.ts';
import { askPassword } from '../ask-password.ts';
import { type Environment, formatMinute, formatTable, prepare } from '../environment.ts';

const DAY_MS = 86_400_000;

export function accessCommands(program: Command, environment: Environment): void {
  usersCommand(program, environment);
  keysCommand(program, environment);
  sessionsCommand(program, environment);
  auditCommand(program, environment);
}

function roleOption(description: string): Option {
  return new Option('--role <role>', description)
    .choices(ACCESS_ROLES)
    .default('viewer' satisfies AccessRole);
}

function citiesOption(): Option {
  return new Option('--cities <list>', 'cities that may be seen: ids, country:XX, tag:WORD')
    .argParser(parseCityScope)
    .default(null, 'all');
}

function usersCommand(program: Command, environment: Environment): void {
  const users = program
    .command('users')
    .description('users that may log in to the server, where api.auth.mode is local')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A viewer sees everything, an operator also acknowledges incidents, silences rules, and pauses and
resumes polling, an admin may do everything. The password is asked for on the terminal, or read
from a file.

Examples:
  isobar users add ann --role admin
  isobar users add kiosk --password-file /run/secrets/kiosk
  isobar users add eve --cities london,country:JP,tag:coast
  isobar users disable bob`,
    );
  users
    .command('add')
    .description('add a user')
    .argument('<name>', 'a-z, 0-9 and . _ @ -')
    .addOption(roleOption('what the user may do'))
    .addOption(citiesOption())
    .option('--password-file <path>', 'file that holds the password')
    .action((name: string, { role, cities, passwordFile }: NewUser, command: Command) =>
      change(environment, command, 'users add', name, async (access) => {
        await access.addUser(name, await readPassword(environment, passwordFile), role, cities);
        return `${name} may log in as ${role}${cities === null ? '' : ` and sees ${formatScope(cities)}`}`;
      }),
    );
  users
    .command('password')
    .description('set a new password, which ends the sessions of the user')
    .argument('<name>', 'name of the user')
    .option('--password-file <path>', 'file that holds the password')
    .action((name: string, { passwordFile }: Pick<NewUser, 'passwordFile'>, command: Command) =>
      change(environment, command, 'users password', name, async (access) => {
        await access.setPassword(name, await readPassword(environment, passwordFile));
        return `${name} has a new password`;
      }),
    );
  changeUserCommands(users, environment);
  listUsersCommand(users, environment);
}

function changeUserCommands(users: Command, environment: Environment): void {
  users
    .command('role')
    .description('change what a user may do')
    .argument('<name>', 'name of the user')
    .argument('<role>', ACCESS_ROLES.join(', '), parseRole)
    .action((name: string, role: AccessRole, _: object, command: Command) =>
      change(environment, command, 'users role', name, async (access) => {
        await access.setRole(name, role);
        return `${name} is ${role} now`;
      }),
    );
  users
    .command('cities')
    .description('change which cities a user may see')
    .argument('<name>', 'name of the user')
    .argument(
      '<list>',
      'ids, country:XX and tag:WORD with commas between them, or all',
      parseCityScope,
    )
    .action((name: string, cities: CityScope | null, _: object, command: Command) =>
      change(environment, command, 'users cities', name, async (access) => {
        await access.setCities(name, cities);
        return `${name} sees ${cities === null ? 'all cities' : formatScope(cities)} now`;
      }),
    );
  for (const enabled of [false, true]) {
    users
      .command(enabled ? 'enable' : 'disable')
      .description(enabled ? 'let a user log in again' : 'log a user out, and refuse logins')
      .argument('<name>', 'name of the user')
      .action((name: string, _: object, command: Command) => {
        const action = enabled ? 'users enable' : 'users disable';
        return change(environment, command, action, name, async (access) => {
          await access.setEnabled(name, enabled);
          return enabled ? `${name} may log in again` : `${name} is logged out and switched off`;
        });
      });
  }
  users
    .command('remove')
    .description('remove a user, with all sessions')
    .argument('<name>', 'name of the user')
    .action((name: string, _: object, command: Command) =>
      change(environment, command, 'users remove', name, async (access) => {
        await access.removeUser(name);
        return `${name} is removed`;
      }),
    );
}

function listUsersCommand(users: Command, environment: Environment): void {
  users
    .command('list')
    .description('show the users')
    .action((_: object, command: Command) => {
      const header = ['user', 'role', 'cities', 'may log in', 'created (UTC)', 'last login (UTC)'];
      list(environment, command, header, (access) =>
        access.users().map((user) => ({
          row: user,
          cells: [
            ...[user.name, user.role, formatScope(user.cities), user.enabled ? 'yes' : 'no'],
            ...[minute(user.created_at), minute(user.last_login_at)],
          ],
        })),
      );
    });
}

interface NewUser {
  readonly role: AccessRole;
  readonly cities: CityScope | null;
  readonly passwordFile?: string;
}

function keysCommand(program: Command, environment: Environment): void {
  const keys = program
    .command('keys')
    .description('keys with which programs ask the server')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A program sends its key in a header: \`Authorization: Bearer isobar_…\`

Examples:
  isobar keys add prometheus
  isobar keys add scripts --role operator --days 90
  isobar keys add partner --cities country:JP`,
    );
  keys
    .command('add')
    .description('make a key; it is shown once')
    .argument('<name>', 'a-z, 0-9 and . _ @ -')
    .addOption(roleOption('what the program may do'))
    .addOption(citiesOption())
    .option('--days <number>', 'days until the key expires', parseDays)
    .action((name: string, { role, cities, days }: NewKey, command: Command) =>
      change(environment, command, 'keys add', name, async (access) => {
        const until = days === undefined ? null : new Date(Date.now() + days * DAY_MS);
        return access.addKey(name, role, until, cities);
      }),
    );
  keys
    .command('remove')
    .description('remove a key: programs with it are refused')
    .argument('<name>', 'name of the key')
    .action((name: string, _: object, command: Command) =>
      change(environment, command, 'keys remove', name, async (access) => {
        await access.removeKey(name);
        return `${name} is removed`;
      }),
    );
  keys
    .command('list')
    .description('show the keys, without what is secret of them')
    .action((_: object, command: Command) => {
      const header = ['key', 'role', 'cities', 'created (UTC)', 'expires (UTC)', 'last used (UTC)'];
      list(environment, command, header, (access) =>
        access.keys().map((key) => ({
          row: key,
          cells: [
            ...[key.name, key.role, formatScope(key.cities), minute(key.created_at)],
            ...[minute(key.expires_at, 'never'), minute(key.last_used_at)],
          ],
        })),
      );
    });
}

interface NewKey {
  readonly role: AccessRole;
  readonly cities: CityScope | null;
  readonly days?: number;
}

function sessionsCommand(program: Command, environment: Environment): void {
  const sessions = program
    .command('sessions')
    .description('who is logged in')
    .helpCommand(false)
    .addHelpText('after', '\nExamples:\n  isobar sessions list\n  isobar sessions end ann');
  sessions
    .command('list')
    .description('show the sessions')
    .action((_: object, command: Command) => {
      const times = ['since (UTC)', 'last seen (UTC)'];
      const header = ['session', 'user', 'login', ...times, 'from', 'browser'];
      list(environment, command, header, (access) =>
        access.sessions().map((row) => ({
          row,
          cells: [
            ...[row.session_id, row.user, row.login, minute(row.created_at), minute(row.seen_at)],
            ...[row.address, row.agent.slice(0, 40)],
          ],
        })),
      );
    });
  sessions
    .command('end')
    .description('log a user out everywhere, or end one session')
    .argument(
      '<user or session>',
      'name of a user, or a session as "isobar sessions list" shows it',
    )
    .action((given: string, _: object, command: Command) =>
      change(environment, command, 'sessions end', given, async (access) => {
        const ended = await access.endSessions(given);
        return ended === 1 ? '1 session ended' : `${ended} sessions ended`;
      }),
    );
}

function auditCommand(program: Command, environment: Environment): void {
  program
    .command('audit')
    .description('show logins and changes: who, from where, what, and how it ended')
    .option('--last <number>', 'entries at most', parseCount, 50)
    .addHelpText('after', '\nExample:\n  isobar audit --last 200')
    .action(async ({ last }: { last: number }, command: Command) => {
      const { config, json } = prepare(environment, command);
      const { entries, damaged } = await readAudit(accessFolder(config), last);
      if (json) return environment.print(`${JSON.stringify(entries)}\n`);
      const header = ['time (UTC)', 'who', 'from', 'action', 'to', 'outcome'];
      const rows = entries.map(({ at, who, from, action, target, outcome }) => [
        ...[at, who ?? '?', from, action, target ?? '', outcome],
      ]);
      environment.print(rows.length === 0 ? '(none)\n' : formatTable([header, ...rows]));
      if (damaged > 0) environment.report(`${damaged} damaged lines were left out\n`);
    });
}

/** Opens the file, does it, and notes it. */
async function change(
  environment: Environment,
  command: Command,
  action: string,
  target: string,
  work: (access: Access) => Promise<string>,
): Promise<void> {
  const { config, json } = prepare(environment, command);
  using access = openUsers(config);
  await using audit = openAudit(accessFolder(config));
  const noted = (error: unknown) =>
    audit.record({
      ...{ who: userInfo().username, from: 'command', action, target },
      error,
    });
  const done = await work(access).catch(async (error: unknown) => {
    await noted(error);
    throw error;
  });
  await noted(null);
  environment.print(json ? `${JSON.stringify({ done })}\n` : `${done}\n`);
}

function list(
  environment: Environment,
  command: Command,
  header: readonly string[],
  read: (access: Access) => readonly { readonly row: object; readonly cells: readonly string[] }[],
): void {
  const { config, json } = prepare(environment, command);
  using access = openUsers(config);
  const rows = read(access);
  if (json) environment.print(`${JSON.stringify(rows.map(({ row }) => row))}\n`);
  else if (rows.length === 0) environment.print('(none)\n');
  else environment.print(formatTable([header, ...rows.map(({ cells }) => cells)]));
}

async function readPassword(environment: Environment, path: string | undefined): Promise<string> {
  if (path === undefined) return askPassword(environment.signal);
  try {
    // A pipe, as in `--password-file <(pass show isobar)`, has no rights that matter.
    const isPipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
    return isPipe ? decodeSecret(readFileSync(path)) : readSecretFile(path);
  } catch (error) {
    throw new IsobarError('CONFIG_INVALID', fileProblem(path, error));
  }
}

function minute(time: string | null, otherwise = ''): string {
  return time === null ? otherwise : formatMinute(time);
}

function parseRole(text: string): AccessRole {
  const role = ACCESS_ROLES.find((one) => one === text);
  if (role !== undefined) return role;
  throw new InvalidArgumentError(`expected ${ACCESS_ROLES.join(', ')}`);
}

function parseCityScope(text: string): CityScope | null {
  try {
    return parseScope(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message.replace(/^cities: /, ''));
  }
}

function parseDays(text: string): number {
  return parseNumber(text, 3_650);
}

function parseCount(text: string): number {
  return parseNumber(text, 100_000);
}

function parseNumber(text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new InvalidArgumentError(`expected a number of 1 to ${most}`);
}
