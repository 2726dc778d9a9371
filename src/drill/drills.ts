/** The five failures that the system must live through, as the description lists them. */
import type { Status } from '../model/status.ts';
import {
  type Drill,
  type DrillContext,
  errorsOf,
  expectWithin,
  type Look,
  lagOf,
  spooledOf,
} from './drill.ts';

const NOTICED_S = 60;
const RECOVERED_S = 180;
const LAG_S = 8;

const brokerDown: Drill = {
  name: 'broker-down',
  description: 'kills every Kafka broker: records wait on this machine, none is lost',
  roles: ['start'],
  async run(context) {
    const brokers = await servicesLike(context, /^kafka/);
    const before = await healthy(context);
    context.tell(`killing ${brokers.join(', ')}`);
    for (const name of brokers) await context.services.signal(name, 'SIGKILL');
    await expectWithin(
      context,
      NOTICED_S,
      'the spool takes what is collected, and says so',
      (look) => said(look, (status) => spooledOf(status) > 0),
    );
    await expectWithin(
      context,
      NOTICED_S,
      'the API goes on answering',
      ({ meta }) => meta !== null,
    );
    await startAll(context, brokers);
    await expectWithin(context, RECOVERED_S, 'the spool has drained', (look) =>
      said(look, (status) => spooledOf(status) === 0),
    );
    await caughtUp(context, before);
  },
};

const nameNodeDown: Drill = {
  name: 'namenode-down',
  description: 'kills every NameNode: landing waits, readers keep the last version',
  roles: ['start'],
  async run(context) {
    const names = await servicesLike(context, /^namenode/);
    const before = await healthy(context);
    context.tell(`killing ${names.join(', ')}`);
    for (const name of names) await context.services.signal(name, 'SIGKILL');
    await expectWithin(context, NOTICED_S * 2, 'landing says what stops it', (look) =>
      said(look, (status) => status.landing.error !== null && lagOf(status) >= LAG_S),
    );
    await expectWithin(
      context,
      NOTICED_S,
      'the API goes on answering',
      ({ meta }) => meta !== null,
    );
    await startAll(context, names);
    await caughtUp(context, before);
  },
};

const sparkJobFailure: Drill = {
  name: 'spark-job-failure',
  description: 'kills the Spark server: the last good version is served, and said to be stale',
  roles: ['start'],
  async run(context) {
    const before = await healthy(context);
    context.tell('killing spark-connect');
    await context.services.signal('spark-connect', 'SIGKILL');
    await expectWithin(context, NOTICED_S * 2, 'the refresh fails and says why', (look) =>
      said(look, (status) => status.analytics.error !== null),
    );
    await expectWithin(
      context,
      NOTICED_S,
      'the last version is served, marked as stale',
      ({ meta }) => meta?.stale === true,
    );
    await startAll(context, ['spark-connect']);
    await expectWithin(context, RECOVERED_S, 'a new version is published', (look) =>
      said(
        look,
        ({ analytics }) => analytics.error === null && analytics.version > before.analytics,
      ),
    );
    await caughtUp(context, before);
  },
};

const apiDown: Drill = {
  name: 'api-down',
  description: 'kills the API: the rest goes on, and a new one shows what came meanwhile',
  roles: ['collect', 'land', 'analyze', 'serve'],
  async run(context) {
    const before = await healthy(context);
    context.tell('killing the server');
    context.processes.signal('serve', 'SIGKILL');
    await expectWithin(context, NOTICED_S, 'nobody answers', ({ status }) => status === null);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await context.processes.restart('serve');
    await caughtUp(context, before);
  },
};

const consumerLag: Drill = {
  name: 'consumer-lag',
  description: 'stops the lander: the lag is told in seconds, and goes once it goes on',
  roles: ['collect', 'land', 'analyze', 'serve'],
  async run(context) {
    const before = await healthy(context);
    context.tell('stopping the lander');
    context.processes.signal('land', 'SIGSTOP');
    await expectWithin(context, NOTICED_S, `a lag of ${LAG_S} s is told`, (look) =>
      said(look, (status) => lagOf(status) >= LAG_S),
    );
    context.processes.signal('land', 'SIGCONT');
    context.tell('the lander goes on');
    await caughtUp(context, before);
  },
};

export const DRILLS: readonly Drill[] = [
  brokerDown,
  nameNodeDown,
  sparkJobFailure,
  apiDown,
  consumerLag,
];

interface Before {
  readonly rows: number;
  readonly analytics: number;
}

/** Waits until observations flow through all steps, so that what follows comes from the drill. */
async function healthy(context: DrillContext): Promise<Before> {
  let atFirst: number | null = null;
  let before: Before = { rows: 0, analytics: 0 };
  await expectWithin(context, RECOVERED_S, 'observations flow', ({ status, meta }) => {
    if (status === null || meta === null || meta.stale) return false;
    const { rows } = status.table;
    atFirst ??= rows;
    before = { rows, analytics: status.analytics.version };
    return rows > atFirst && before.analytics > 0 && isWell(status);
  });
  return before;
}

function isWell(status: Status): boolean {
  return lagOf(status) < LAG_S && spooledOf(status) === 0 && errorsOf(status).length === 0;
}

/** New rows have landed, little waits, nothing complains. */
async function caughtUp(context: DrillContext, { rows }: Before): Promise<void> {
  await expectWithin(
    context,
    RECOVERED_S,
    'all is as before',
    (look) =>
      said(
        look,
        (status) =>
          status.table.rows > rows &&
          lagOf(status) < LAG_S &&
          spooledOf(status) === 0 &&
          errorsOf(status).length === 0,
      ) && look.meta?.stale === false,
  );
}

function said({ status }: Look, holds: (status: NonNullable<Look['status']>) => boolean): boolean {
  return status !== null && holds(status);
}

async function servicesLike({ services }: DrillContext, pattern: RegExp): Promise<string[]> {
  const found = (await services.status()).filter(({ name, pid }) => pattern.test(name) && pid);
  return found.map(({ name }) => name);
}

/** All at once: some are only ready when others are. */
async function startAll({ services, tell }: DrillContext, names: readonly string[]): Promise<void> {
  tell(`starting ${names.join(', ')} again`);
  await Promise.all(names.map((name) => services.start(name)));
}
