/** `kafka acls`: what a user must be permitted at the brokers; shown, compared or made. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../../config/schema.ts';
import { IsobarError } from '../../errors.ts';
import type { CheckedPermission } from '../../log/kafka-acls.ts';
import {
  KAFKA_ROLES,
  type KafkaRole,
  type NeededPermission,
  permissionsOf,
} from '../../log/kafka-permissions.ts';
import { hoursTopicOf, topicOf } from '../../log/open.ts';
import { shellWord } from '../../printable.ts';
import { type Environment, formatTable, prepare } from '../environment.ts';

interface AclsOptions {
  readonly user: string;
  readonly role?: readonly KafkaRole[];
  readonly create: boolean;
  readonly figures: boolean;
  readonly simulated?: boolean;
  readonly check?: boolean;
  readonly apply?: boolean;
}

export function kafkaCommand(program: Command, environment: Environment): void {
  const kafka = program
    .command('kafka')
    .description('permissions at the brokers')
    .helpCommand(false);
  kafka
    .command('acls')
    .description('show the least permissions that a user needs, as commands of kafka-acls.sh')
    .requiredOption('--user <name>', 'user, or with mutual TLS the name in the certificate')
    .option(
      '--role <names>',
      `of ${KAFKA_ROLES.join(', ')}; separated by commas (default: all of them)`,
      parseRoles,
    )
    .option('--no-create', 'the topics are there already: leave out CREATE')
    .option('--no-figures', 'leave out what is only needed to show figures of the brokers')
    .option('--simulated', 'for the topic of made-up weather')
    .addOption(new Option('--check', 'show what is missing').conflicts('apply'))
    .option('--apply', 'make what is missing')
    .addHelpText(
      'after',
      `
--check and --apply log in with the settings of log.kafka, which must then be those of an
administrator of the brokers: give them in a file of their own (--config) or as variables.

Examples:
  isobar kafka acls --user isobar-collect --role collect
  isobar kafka acls --user CN=weather.example.org --json
  ISOBAR_LOG_KAFKA_USER=admin ISOBAR_LOG_KAFKA_PASSWORD_FILE=/run/secrets/admin \\
    isobar kafka acls --user isobar --apply`,
    )
    .action((options: AclsOptions, command: Command) => acls(environment, command, options));
}

async function acls(
  environment: Environment,
  command: Command,
  options: AclsOptions,
): Promise<void> {
  const { config, json } = prepare(environment, command);
  if (config.log.engine !== 'kafka') {
    throw new IsobarError('CONFIG_INVALID', `log.engine: expected kafka; got ${config.log.engine}`);
  }
  const principal = principalOf(options.user);
  const { kafka } = topicOf(config.log, options.simulated === true);
  const needed = neededBy(config, kafka, options);
  if (!options.check && !options.apply) {
    const text = json
      ? `${JSON.stringify(needed.map((one) => asAcl(one, principal)))}\n`
      : commandsText(needed, principal, kafka.brokers);
    return environment.print(text);
  }
  const { openAcls } = await import('../../log/kafka-acls.ts');
  await using opened = await openAcls(kafka, principal);
  const found = options.apply ? await opened.apply(needed) : await opened.check(needed);
  const text = json
    ? `${JSON.stringify(found.map((one) => ({ ...asAcl(one, principal), state: one.state })))}\n`
    : checkedText(found);
  environment.print(text);
  const wrong = found.filter(({ state }) => state !== 'there');
  if (wrong.length === 0) return;
  throw new IsobarError('CHECK_FAILED', `${principal}: ${wrong.map(stateText).join(', ')}`);
}

function neededBy(
  config: Config,
  { topic, group }: Config['log']['kafka'],
  { role, create, figures }: AclsOptions,
): readonly NeededPermission[] {
  const hasStream = config.streaming.enabled || role?.includes('stream') === true;
  const needed = permissionsOf(role ?? KAFKA_ROLES, {
    topic,
    group,
    hoursTopic: hasStream ? hoursTopicOf(topic) : null,
    analyzeTraces: config.tracing.otlp_url !== '' || config.log_level === 'debug',
  });
  return needed
    .filter(({ operation }) => create || operation !== 'CREATE')
    .filter(({ only_figures }) => figures || !only_figures);
}

function principalOf(user: string): string {
  const name = user.startsWith('User:') ? user.slice('User:'.length) : user;
  if (name !== '' && !/\p{Cc}/u.test(name)) return `User:${name}`;
  throw new IsobarError('USAGE', `--user: expected a name; got ${JSON.stringify(user)}`);
}

function parseRoles(text: string): readonly KafkaRole[] {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.filter((name) => !KAFKA_ROLES.some((role) => role === name));
  if (wrong.length === 0) return names as KafkaRole[];
  const known = KAFKA_ROLES.join(', ');
  throw new InvalidArgumentError(`unknown: ${wrong.join(', ')}; known: ${known}`);
}

/** As other tools describe one. */
function asAcl(one: NeededPermission, principal: string): object {
  const { resource_type, resource_name, operation, roles, only_figures } = one;
  return {
    ...{ principal, host: '*', permission: 'ALLOW', pattern_type: 'LITERAL' },
    ...{ resource_type, resource_name, operation, roles, only_figures },
  };
}

function commandsText(
  needed: readonly NeededPermission[],
  principal: string,
  brokers: string,
): string {
  if (needed.length === 0) return '# nothing is needed\n';
  const byResource = Map.groupBy(needed, (one) =>
    [one.resource_type, one.resource_name, one.only_figures].join(' '),
  );
  const servers = brokers.replaceAll(' ', '');
  const who = `--add --allow-principal ${shellWord(principal)}`;
  return [...byResource.values()]
    .map((group) => {
      const roles = KAFKA_ROLES.filter((role) => group.some((one) => one.roles.includes(role)));
      const why = group[0]?.only_figures ? ', only to show figures of the brokers' : '';
      const operations = group.map(({ operation }) => `--operation ${camelCase(operation)}`);
      return (
        `# ${roles.join(', ')}${why}\n` +
        `kafka-acls.sh --bootstrap-server ${shellWord(servers)} ` +
        '--command-config admin.properties \\\n' +
        `  ${who} ${operations.join(' ')} ${resourceOption(group[0])}\n`
      );
    })
    .join('');
}

function resourceOption(one: NeededPermission | undefined): string {
  if (one === undefined || one.resource_type === 'cluster') return '--cluster';
  return `--${one.resource_type} ${shellWord(one.resource_name)}`;
}

/** `DESCRIBE_CONFIGS` → `DescribeConfigs` */
function camelCase(operation: string): string {
  return operation
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}

function checkedText(found: readonly CheckedPermission[]): string {
  if (found.length === 0) return 'nothing is needed\n';
  const rows = found.map(({ state, operation, resource_type, resource_name, roles }) => [
    ...[state, operation, `${resource_type} ${resource_name}`, roles.join(', ')],
  ]);
  return formatTable([['state', 'operation', 'resource', 'roles'], ...rows]);
}

function stateText({ state, operation, resource_type, resource_name }: CheckedPermission): string {
  return `${operation} on ${resource_type} ${resource_name} is ${state}`;
}
