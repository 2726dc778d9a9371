/** `alerts list | ack | silence | rules | replay | test | run`. */
import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { needsOf } from '../../alerts/evaluate.ts';
import { messageText, plainText } from '../../alerts/message-text.ts';
import { type Replayed, replay } from '../../alerts/replay.ts';
import type { Rule } from '../../alerts/rules.ts';
import { parseCities } from '../../api/parameters.ts';
import { asIsobarError, IsobarError } from '../../errors.ts';
import { type Incident, secondsOf } from '../../model/alerts.ts';
import { openAlertFacts } from '../../pipeline/alert-facts.ts';
import { type AlertRoom, openAlertRoom, sendTest, shareOnce } from '../../pipeline/alerting.ts';
import type { Workspace } from '../../pipeline/workspace.ts';
import {
  type Environment,
  formatMinute,
  formatTable,
  openChosenWorkspace,
  type Prepared,
  prepare,
} from '../environment.ts';
import { run } from './start.ts';

interface RootOption {
  readonly simulated?: boolean;
}

const DAY_MS = 86_400_000;
const LISTED = 100;

export function alertsCommand(program: Command, environment: Environment): void {
  const alerts = program
    .command('alerts')
    .description('incidents of the alert rules, and the rules and channels themselves')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Rules and channels are in the file that the setting alerts.file names; see docs/alerts.md.

Examples:
  isobar alerts list --open
  isobar alerts ack 3f2a9c0d11e8b7a6 --note "on my way"
  isobar alerts replay frost --days 30
  isobar alerts test ops`,
    );
  listCommand(alerts, environment);
  ackCommand(alerts, environment);
  silenceCommand(alerts, environment);
  rulesCommand(alerts, environment);
  replayCommand(alerts, environment);
  testCommand(alerts, environment);
  alerts
    .command('run')
    .description('evaluate the rules and send messages, as a process of its own')
    .action((_options, command: Command) => run(environment, command, ['alert']));
}

function listCommand(alerts: Command, environment: Environment): void {
  alerts
    .command('list')
    .description('show incidents, newest first')
    .option('--open', 'only those that are not resolved')
    .option('--rule <name>', 'only those of a rule')
    .option('--simulated', 'use the simulated data')
    .action((options: RootOption & { open?: boolean; rule?: string }, command: Command) =>
      withRoom(environment, command, options, ({ room, json }) => {
        const { rule } = options;
        const found = room.store.incidents({
          limit: LISTED,
          ...(options.open ? { states: ['open', 'acknowledged'] as const } : {}),
          ...(rule === undefined ? {} : { rule }),
        });
        environment.print(json ? `${JSON.stringify(found)}\n` : formatIncidents(found));
      }),
    );
}

function ackCommand(alerts: Command, environment: Environment): void {
  alerts
    .command('ack')
    .description('acknowledge an incident: it is no longer repeated or escalated')
    .argument('<incident>', 'as "isobar alerts list" shows it')
    .option('--by <name>', 'who acknowledges it (default: the user of this machine)')
    .option('--note <text>', 'a note for the others')
    .option('--simulated', 'use the simulated data')
    .action((id: string, options: RootOption & { by?: string; note?: string }, command: Command) =>
      withRoom(environment, command, options, async ({ room, json }) => {
        const by = options.by ?? userInfo().username;
        const incident = await room.acknowledge(id, by, options.note ?? null);
        environment.print(
          json
            ? `${JSON.stringify(incident)}\n`
            : `${id} was acknowledged by ${incident.acknowledged_by} at ${incident.acknowledged_at}\n`,
        );
      }),
    );
}

function silenceCommand(alerts: Command, environment: Environment): void {
  alerts
    .command('silence')
    .description('hold messages back for a while; without options list what is silenced')
    .option('--rule <name>', 'of this rule; of all rules otherwise')
    .option('--city <id>', 'of this city; of all cities otherwise')
    .option('--for <duration>', 'how long: 30m, 2h, 3d', parseDuration)
    .option('--note <text>', 'a note for the others')
    .option('--end <id>', 'end a silence')
    .option('--simulated', 'use the simulated data')
    .action(
      (
        options: RootOption & {
          rule?: string;
          city?: string;
          for?: string;
          note?: string;
          end?: string;
        },
        command: Command,
      ) =>
        withRoom(environment, command, options, async ({ room, workspace, json }) => {
          const now = Date.now();
          const { rule, city, note } = options;
          if (options.for === undefined && (rule ?? city ?? note) !== undefined) {
            throw new IsobarError('USAGE', 'alerts silence: add --for, such as --for 2h');
          }
          if (options.end !== undefined) {
            if (await room.endSilence(options.end)) return environment.print('ended\n');
            throw new IsobarError('SILENCE_UNKNOWN', options.end);
          }
          if (options.for !== undefined) {
            if (rule !== undefined) ruleOf(room.rules, rule);
            if (city !== undefined) parseCities([city], await workspace.cities.read());
            await room.silence({
              rule: rule ?? null,
              city_id: city ?? null,
              from: now,
              until: now + secondsOf(options.for) * 1_000,
              by: userInfo().username,
              note: note ?? null,
            });
          }
          const silences = room.store.silences(now);
          if (json) return environment.print(`${JSON.stringify(silences)}\n`);
          const rows = silences.map(({ silence_id, rule, city_id, until, by, note }) => [
            silence_id,
            rule ?? 'all rules',
            city_id ?? 'all cities',
            formatMinute(new Date(until).toISOString()),
            by,
            note ?? '',
          ]);
          const header = ['silence', 'rule', 'city', 'until (UTC)', 'by', 'note'];
          environment.print(rows.length === 0 ? '(none)\n' : formatTable([header, ...rows]));
        }),
    );
}

function rulesCommand(alerts: Command, environment: Environment): void {
  alerts
    .command('rules')
    .description('check the file of alerts, and show the rules in effect')
    .option('--simulated', 'use the simulated data')
    .action((options: RootOption, command: Command) =>
      withRoom(environment, command, options, async ({ room, workspace, json }) => {
        const cities = await workspace.cities.read();
        for (const warning of unknownCities(room.rules, cities)) environment.report(`${warning}\n`);
        const rules = room.rules.map(({ source, version, channels }) => ({
          ...source,
          version,
          channels,
        }));
        if (json) return environment.print(`${JSON.stringify(rules)}\n`);
        const rows = room.rules.map(({ name, severity, when, source, channels }) => [
          name,
          severity,
          formatCondition(when),
          source.for ?? '',
          channels.join(', ') || '(no channel)',
        ]);
        const header = ['rule', 'severity', 'when', 'for', 'channels'];
        environment.print(formatTable([header, ...rows]));
      }),
    );
}

function replayCommand(alerts: Command, environment: Environment): void {
  alerts
    .command('replay')
    .description('show when a rule would have opened incidents, and what it would have sent')
    .argument('<rule>', 'name of a rule in effect')
    .option('--days <number>', 'days up to the newest observation', parseDays, 30)
    .option('--messages', 'print the messages too')
    .option('--simulated', 'use the simulated data')
    .action(
      (
        name: string,
        options: RootOption & { days: number; messages?: boolean },
        command: Command,
      ) =>
        withRoom(environment, command, options, async ({ room, workspace, json }) => {
          const rule = ruleOf(room.rules, name);
          const replayed = await replayOnce(workspace, rule, options.days);
          if (json) return environment.print(`${JSON.stringify(replayed)}\n`);
          environment.print(formatReplay(replayed, options.days));
          if (options.messages) environment.print(formatMessages(replayed));
        }),
    );
}

function testCommand(alerts: Command, environment: Environment): void {
  alerts
    .command('test')
    .description('send a message, marked as a test, through a channel')
    .argument('<channel>', 'name of a channel')
    .action(async (name: string, _options, command: Command) => {
      const { config, json } = prepare(environment, command);
      await sendTest(config, name, environment.env, environment.signal);
      environment.print(
        json ? `${JSON.stringify({ sent: name })}\n` : `${name}: the receiver has accepted it\n`,
      );
    });
}

/** A rule for a city that does not exist never opens an incident. Nothing while none is known. */
function unknownCities(rules: readonly Rule[], known: ReadonlyMap<string, unknown>): string[] {
  if (known.size === 0) return [];
  return rules.flatMap(({ name, cities }) =>
    [...(cities ?? [])]
      .filter((city) => !known.has(city))
      .map((city) => `rule ${name}: unknown city ${city}; see /api/cities for the known ids`),
  );
}

interface OpenRoom {
  readonly workspace: Workspace;
  readonly room: AlertRoom;
  readonly json: boolean;
}

/** What other processes know is read before, and what was changed is given to them after. */
async function withRoom(
  environment: Environment,
  command: Command,
  { simulated }: RootOption,
  use: (open: OpenRoom) => void | Promise<void>,
): Promise<void> {
  const prepared: Prepared = prepare(environment, command);
  await using workspace = await openChosenWorkspace(prepared, simulated);
  await using room = openAlertRoom(workspace);
  const share = () =>
    shareOnce(workspace, room).catch((error: unknown) => {
      const { code, message } = asIsobarError(error);
      prepared.logger.warn({ code }, `sharing incidents with the lake: ${message}`);
    });
  await share();
  await use({ workspace, room, json: prepared.json });
  await share();
}

async function replayOnce(workspace: Workspace, rule: Rule, days: number): Promise<Replayed[]> {
  const cities = [...(await workspace.cities.read()).values()];
  const facts = await openAlertFacts(
    workspace,
    () => cities,
    () => workspace.collecting.read(),
  );
  const newest = await facts.newestAt();
  if (newest === null) throw new IsobarError('NOT_FOUND', 'no observation has landed yet');
  const from = newest - days * DAY_MS;
  const needed = needsOf([rule.when]);
  const back = (ms: number) => (ms === 0 ? 0 : ms + days * DAY_MS);
  const needs = { ...needed, flagsMs: back(needed.flagsMs), eventsMs: back(needed.eventsMs) };
  await facts.refresh({ needs }, newest);
  // What held when the time begins is not new.
  const history = await facts.history(from - rule.forMs - DAY_MS);
  const { simulated } = workspace;
  return replay({ rule, cities, history, facts, from, to: newest, simulated });
}

function ruleOf(rules: readonly Rule[], name: string): Rule {
  const found = rules.find((rule) => rule.name === name);
  if (found !== undefined) return found;
  const known = rules.map((rule) => rule.name).join(', ');
  throw new IsobarError('RULE_UNKNOWN', `${name}; known: ${known}`);
}

function formatIncidents(incidents: readonly Incident[]): string {
  if (incidents.length === 0) return '(none)\n';
  const rows = incidents.map((incident) => [
    incident.incident_id,
    incident.state,
    incident.severity,
    formatMinute(incident.opened_at),
    incident.resolved_at === null ? '' : formatMinute(incident.resolved_at),
    incident.rule,
    incident.summary,
  ]);
  const header = ['incident', 'state', 'severity', 'opened (UTC)', 'resolved', 'rule', 'summary'];
  return formatTable([header, ...rows]);
}

function formatReplay(replayed: readonly Replayed[], days: number): string {
  const times = replayed.length === 1 ? 'once' : `${replayed.length} times`;
  const messages = replayed.reduce((sum, one) => sum + one.messages.length, 0);
  const head = `would have opened ${times} in ${days} days, and sent ${messages} messages\n`;
  return replayed.length === 0
    ? `would have opened nothing in ${days} days\n`
    : `${head}${formatIncidents(replayed.map(({ incident }) => incident))}`;
}

function formatMessages(replayed: readonly Replayed[]): string {
  return replayed
    .flatMap(({ incident, messages }) =>
      messages.map(({ key, kind, channel, at }) => {
        const text = messageText({ key, kind, incident, url: null });
        const time = formatMinute(new Date(at).toISOString());
        const body = plainText(text).trimEnd().replaceAll(/^/gm, '  ');
        return `\n${time} to ${channel}: ${text.subject}\n\n${body}\n`;
      }),
    )
    .join('');
}

/** `value temperature_c below 0 clear 1` */
function formatCondition({ kind, ...rest }: Rule['when']): string {
  return [kind, ...Object.entries(rest).flat()].join(' ');
}

function parseDuration(text: string): string {
  if (/^[1-9]\d{0,4}[mhd]$/.test(text)) return text;
  throw new InvalidArgumentError('expected a duration such as 30m, 2h or 3d');
}

function parseDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw new InvalidArgumentError('expected a number of days');
}
