/** Alerts as a process does them: it evaluates while no other does, sends, and shares incidents. */
import { join } from 'node:path';
import { type AlertLoop, startAlertLoop } from '../alerts/alert-loop.ts';
import { type CheckedChannel, checkChannels } from '../alerts/check-channels.ts';
import { type AlertDesk, openAlertDesk } from '../alerts/desk.ts';
import { incidentId, messageKey } from '../alerts/incidents.ts';
import type { EngineState } from '../alerts/judging-system.ts';
import { TEST_VERSION } from '../alerts/message-text.ts';
import { openChannel } from '../alerts/open-channel.ts';
import { type Outbox, type OutboxChannel, startOutbox } from '../alerts/outbox.ts';
import { BUILT_IN_RULES, compileRules } from '../alerts/rules.ts';
import { shareIncidents, startSharing } from '../alerts/sharing.ts';
import { openAlertStore } from '../alerts/sqlite-store.ts';
import type { AlertStore } from '../alerts/store.ts';
import { type AlertFile, loadAlertFile, NO_ALERTS } from '../config/alert-file.ts';
import { assertSecrets, resolveSecrets } from '../config/channel-secrets.ts';
import type { Config } from '../config/schema.ts';
import type { Engines } from '../engines/engine-probe.ts';
import { IsobarError } from '../errors.ts';
import type { Leases } from '../leases/leases.ts';
import { holdRole, type Share } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import { type Incident, secondsOf } from '../model/alerts.ts';
import type { City } from '../model/city.ts';
import type { Engine } from '../model/engines.ts';
import type { Stretch } from '../model/outages.ts';
import type { AlertsStatus, Status } from '../model/status.ts';
import { formatTime } from '../model/time-zone.ts';
import { nextOffset } from '../table/transactions.ts';
import { openAlertFacts } from './alert-facts.ts';
import { startAlertFeed } from './alert-feed.ts';
import type { Workspace } from './workspace.ts';

/** What every process has of the alerts, whether it evaluates or not. */
export interface AlertRoom extends AlertDesk, AsyncDisposable {
  readonly file: AlertFile;
  readonly store: AlertStore;
  status(): AlertsStatus;
  loop: AlertLoop | null;
  outbox: Outbox | null;
  onChanged: (() => void) | null;
}

const SHARE_EVERY_MS = 10_000;

/** Rejects with CONFIG_INVALID for a file of alerts with problems. */
export function loadAlerts(config: Config): AlertFile {
  const builtIn = BUILT_IN_RULES.map(({ name }) => name);
  return config.alerts.file === '' ? NO_ALERTS : loadAlertFile(config.alerts.file, builtIn);
}

/** Rejects with CONFIG_INVALID, which names all that is wrong with the file and its secrets. */
export function assertAlerts(config: Config, env: AlertingContext['env']): void {
  if (config.alerts.enabled) assertSecrets(loadAlerts(config).channels, env);
}

export function openAlertRoom(workspace: Workspace): AlertRoom {
  const { config, folder } = workspace;
  const file = loadAlerts(config);
  const store = openAlertStore(join(folder, 'alerts'));
  const changed = () => {
    room.onChanged?.();
    void room.loop?.look();
  };
  const rules = compileRules(file.rules, file.defaultChannels);
  const room: AlertRoom = {
    ...openAlertDesk(rules, store, changed),
    file,
    store,
    loop: null,
    outbox: null,
    onChanged: null,
    status() {
      return {
        evaluates: room.loop !== null,
        rules: room.rules.length,
        incidents: store.counts(),
        channels: channelStatus(file, store),
        error: room.loop?.failure ?? null,
      };
    },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
    },
  };
  return room;
}

function channelStatus(file: AlertFile, store: AlertStore): AlertsStatus['channels'] {
  const waiting = new Map(store.waiting().map((one) => [one.channel, one]));
  return file.channels.map(({ name, type }) => ({
    name,
    type,
    waiting: waiting.get(name)?.waiting ?? 0,
    problem: waiting.get(name)?.problem ?? null,
  }));
}

export interface AlertingContext {
  readonly workspace: Workspace;
  readonly room: AlertRoom;
  readonly leases: Leases;
  readonly logger: Logger;
  readonly cities: () => readonly City[];
  readonly status: () => Promise<Status>;
  readonly engines: Engines | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onChange: () => void;
  /** What the collectors did over time. */
  readonly collecting: () => Promise<readonly Stretch[]>;
}

/** Reads what other processes know, and gives them what is new here. */
export async function shareOnce(workspace: Workspace, { store }: AlertRoom): Promise<void> {
  const keepDays = workspace.config.alerts.keep_days;
  await shareIncidents({ store, table: workspace.incidents, keepDays });
}

/** Shares incidents, in every process that has the room; `isEvaluating`: stands by to evaluate too. */
export async function startAlerts(context: AlertingContext, isEvaluating: boolean): Promise<Share> {
  await using stack = new AsyncDisposableStack();
  const sharing = shareAlerts(context);
  stack.defer(() => sharing.stop());
  if (isEvaluating) {
    const alerting = await alert(context);
    stack.defer(() => alerting.stop());
  }
  const owned = stack.move();
  return { stop: () => owned.disposeAsync() };
}

function shareAlerts(context: AlertingContext): Share {
  const { workspace, room, logger, onChange } = context;
  const sharing = startSharing({
    store: room.store,
    table: workspace.incidents,
    keepDays: workspace.config.alerts.keep_days,
    everyMs: SHARE_EVERY_MS,
    onChange,
    logger,
  });
  room.onChanged = () => {
    sharing.wake();
    onChange();
  };
  return { stop: () => sharing.stop() };
}

/** Evaluates while no other process does; sends what waits here, whoever evaluates. */
async function alert(context: AlertingContext): Promise<Share> {
  const { room, leases, logger } = context;
  await using stack = new AsyncDisposableStack();
  const channels = await openChannels(context, stack);
  const outbox = openOutbox(context, channels, stack);
  void warnOfChannels(channels, logger, stack);
  room.outbox = outbox;
  stack.defer(() => {
    room.outbox = null;
  });
  const resend = new Map(
    channels.map(({ channel: { name, resendEverySeconds } }) => [name, resendEverySeconds]),
  );
  const refreshMs = (channel: string) => {
    const seconds = resend.get(channel) ?? null;
    return seconds === null ? null : seconds * 1_000;
  };
  const role = await holdRole({ leases, role: 'alert', logger }, async () => {
    const evaluating = await startEvaluating(context, refreshMs);
    return {
      // Alerts are worth most while the lake is away.
      renew: () => {},
      stop: () => evaluating.stop(),
    };
  });
  stack.defer(() => role.stop());
  const owned = stack.move();
  return { stop: () => owned.disposeAsync() };
}

/** Rejects with CONFIG_INVALID when a secret cannot be read. */
async function openChannels(
  {
    room,
    env,
    cities,
  }: Pick<AlertingContext, 'env' | 'cities'> & {
    readonly room: Pick<AlertRoom, 'file'>;
  },
  stack: AsyncDisposableStack,
): Promise<OutboxChannel[]> {
  const timeZoneOf = (id: string) =>
    cities().find(({ city_id }) => city_id === id)?.time_zone ?? null;
  const opened: OutboxChannel[] = [];
  for (const config of room.file.channels) {
    const secrets = resolveSecrets(config, env);
    const clock = () => new Date();
    opened.push({
      channel: stack.use(await openChannel(config, { secrets, clock, timeZoneOf })),
      giveUpAfterMs: secondsOf(config.give_up_after) * 1_000,
      fallback: config.fallback ?? null,
    });
  }
  return opened;
}

/** Says at the start what would be found out by the first incident. */
async function warnOfChannels(
  channels: readonly OutboxChannel[],
  logger: Logger,
  stack: AsyncDisposableStack,
): Promise<void> {
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  const opened = channels.map(({ channel }) => channel);
  const checked = await checkChannels(opened, stop.signal).catch(() => []);
  for (const { problem } of checked) {
    if (problem !== null)
      logger.warn({ code: problem.code }, `checking channels: ${problem.message}`);
  }
}

/** Opens each channel and connects; rejects with CONFIG_INVALID as the start does. */
export async function tryChannels(
  config: Config,
  env: AlertingContext['env'],
  signal: AbortSignal,
): Promise<readonly CheckedChannel[]> {
  await using stack = new AsyncDisposableStack();
  const file = loadAlerts(config);
  const opened = await openChannels({ room: { file }, env, cities: () => [] }, stack);
  // The stack closes the channels: not before they were checked.
  return await checkChannels(
    opened.map(({ channel }) => channel),
    signal,
  );
}

function openOutbox(
  { workspace, room, logger }: AlertingContext,
  channels: readonly OutboxChannel[],
  stack: AsyncDisposableStack,
): Outbox {
  const stop = new AbortController();
  const outbox = startOutbox({
    store: room.store,
    channels,
    urlOf: pageOf(workspace.config),
    signal: stop.signal,
    logger,
  });
  stack.defer(async () => {
    stop.abort();
    await outbox.ended;
  });
  return outbox;
}

function pageOf({ alerts }: Config): (incident: Incident) => string | null {
  const page = alerts.page_url.replace(/\/+$/, '');
  return ({ incident_id }) => (page === '' ? null : `${page}/?incident=${incident_id}`);
}

/** Sends a message that is marked as a test. Rejects as the channel does. */
export async function sendTest(
  config: Config,
  name: string,
  env: AlertingContext['env'],
  signal: AbortSignal,
): Promise<void> {
  const { channels } = loadAlerts(config);
  const found = channels.find((channel) => channel.name === name);
  if (found === undefined) {
    const known = channels.map((channel) => channel.name).join(', ') || 'none';
    throw new IsobarError('PARAMETER_INVALID', `unknown channel ${name}; known: ${known}`);
  }
  const secrets = resolveSecrets(found, env);
  const clock = () => new Date();
  await using channel = await openChannel(found, { secrets, clock, timeZoneOf: () => null });
  const incident = testIncident(clock());
  const key = messageKey(incident.incident_id, { channel: name, kind: 'opened', number: 1 });
  // The list, since this incident is in no store.
  const page = config.alerts.page_url.replace(/\/+$/, '');
  const url = page === '' ? null : `${page}/?sheet=incidents`;
  await channel.send({ key, kind: 'opened', incident, url }, signal);
}

function testIncident(now: Date): Incident {
  const at = formatTime(now);
  return {
    incident_id: incidentId('test', '', at),
    rule: 'test',
    rule_version: TEST_VERSION,
    severity: 'info',
    state: 'open',
    city_id: null,
    city: null,
    subjects: [],
    summary: 'TEST: this message shows that the channel works; nothing has happened',
    variable: null,
    value: null,
    threshold: null,
    unit: null,
    evidence: [],
    began_at: at,
    opened_at: at,
    acknowledged_at: null,
    acknowledged_by: null,
    note: null,
    resolved_at: null,
    inhibited_by: null,
    notified: [],
    simulated: false,
  };
}

async function startEvaluating(
  context: AlertingContext,
  refreshMs: (channel: string) => number | null,
): Promise<Share> {
  const { workspace, room, logger, status, engines } = context;
  await using stack = new AsyncDisposableStack();
  let listed = context.cities();
  const cities = () => listed;
  const facts = await openAlertFacts(workspace, cities, context.collecting);
  const log = await workspace.log();
  const state = await workspace.observations.refresh();
  const feed = await startAlertFeed({
    log,
    logger,
    from: Array.from({ length: log.partitionCount }, (_, partition) =>
      nextOffset(state, log.id, partition),
    ),
    onObserved: (observed) => room.loop?.observe(observed),
    onGap: () => room.loop?.reload(),
  });
  stack.defer(() => feed.stop());
  const loop = await startAlertLoop({
    ...{ rules: room.rules, store: room.store, cities, status, refreshMs, logger },
    facts: {
      usual: (city, variable, at) => facts.usual(city, variable, at),
      anomalies: (city, at) => facts.anomalies(city, at),
      flags: (city) => facts.flags(city),
      events: (city) => facts.events(city),
      availability: (city, over) => facts.availability(city, over),
      forecast: (city, variable) => facts.forecast(city, variable),
      stoppedMs: (from, to) => facts.stoppedMs(from, to),
      async refresh(evaluation, now) {
        // Other processes may watch further cities.
        listed = [...(await workspace.cities.read()).values()];
        await facts.refresh(evaluation, now);
      },
    },
    history: async (since) => [...(await facts.history(since)), ...(await feed.waiting())],
    engines: () => (engines?.list() ?? []).map(engineState),
    onChange() {
      room.outbox?.wake();
      room.onChanged?.();
    },
    simulated: workspace.simulated,
    lookMs: workspace.config.alerts.interval_s * 1_000,
  });
  room.loop = loop;
  stack.defer(async () => {
    room.loop = null;
    await loop.stop();
  });
  const owned = stack.move();
  return { stop: () => owned.disposeAsync() };
}

function engineState({ kind, state, figures, error }: Engine): EngineState {
  const bad = figures.filter((figure) => figure.state !== 'ok').map(({ help }) => help);
  return { kind, state, problem: error?.message ?? bad.join(' ') };
}
