/** The failures that the system must live through. */
import { IsobarError } from '../errors.ts';
import type { Status } from '../model/status.ts';
import { pause } from '../waiting.ts';
import {
  type Drill,
  type DrillContext,
  errorsOf,
  expectWithin,
  type Look,
  lagOf,
  spooledOf,
} from './drill.ts';

/** Limits, not measures: a busy machine needs a multiple of what a quiet one does. */
const WARM_S = 420;
const NOTICED_S = 180;
const RECOVERED_S = 300;
/** Longer than what waits in a system that is well. */
const LAG_S = 12;
const WITHOUT_API_MS = 5_000;

const brokerDown: Drill = {
  name: 'broker-down',
  description: 'kills every Kafka broker: records wait on this machine, none is lost',
  roles: ['start'],
  async run(context) {
    const before = await healthy(context);
    const brokers = await kill(context, /^kafka-\d+$/);
    await expectWithin(
      context,
      NOTICED_S,
      'what is collected waits on disk, and the status says so',
      (look) => said(look, (status) => spooledOf(status) > 0 && status.log.error !== null),
    );
    await apiAnswers(context);
    await startAll(context, brokers);
    await expectWithin(context, RECOVERED_S, 'what waited on disk is in Kafka', (look) =>
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
    let before = await healthy(context);
    if ((await running(context, NAME_NODES)).length > 1) before = await failOver(context, before);
    const names = await kill(context, NAME_NODES);
    await expectWithin(
      context,
      NOTICED_S,
      'records wait in the log, and the status says why',
      (look) => said(look, (status) => status.table.error !== null && lagOf(status) >= LAG_S),
    );
    await lastVersionIsServed(context);
    await startAll(context, names);
    await caughtUp(context, before);
  },
};

const NAME_NODES = /^namenode-\d+$/;

/** Where there are two, the other one takes over from the one that dies. */
async function failOver(context: DrillContext, before: Before): Promise<Before> {
  const active = await activeNameNode(context);
  const [name = active] = await kill(context, new RegExp(`^${active}$`));
  const { rows } = await caughtUp(context, before, 'the standby has taken over, landing goes on');
  await startAll(context, [name]);
  return { ...before, rows };
}

const sparkJobFailure: Drill = {
  name: 'spark-job-failure',
  description: 'kills the Spark server: the last good version is served, and said to be stale',
  roles: ['start'],
  async run(context) {
    const before = await healthy(context);
    const names = await kill(context, /^spark-connect$/);
    await expectWithin(context, NOTICED_S, 'the analytics fail, and the status says why', (look) =>
      said(look, (status) => status.analytics.error !== null),
    );
    await lastVersionIsServed(context);
    await startAll(context, names);
    await caughtUp(context, before);
  },
};

function lastVersionIsServed(context: DrillContext): Promise<unknown> {
  const what = 'the last version is served, marked as stale';
  return expectWithin(context, NOTICED_S, what, ({ meta }) => meta?.stale === true);
}

const apiDown: Drill = {
  name: 'api-down',
  description: 'kills the API: the rest goes on, and a new one shows what came meanwhile',
  roles: ['collect', 'land', 'analyze', 'serve'],
  async run(context) {
    const before = await healthy(context);
    breakProcess(context, 'killing the process that serves the API', 'serve', 'SIGKILL');
    await expectWithin(context, NOTICED_S, 'no answer', ({ status }) => status === null);
    await pause(WITHOUT_API_MS, context.signal);
    context.signal.throwIfAborted();
    context.report('starting a new one');
    context.story.mends();
    await context.processes.restart('serve');
    await caughtUp(context, before);
  },
};

function breakProcess(
  { report, story, processes }: DrillContext,
  what: string,
  role: 'serve' | 'land',
  signal: NodeJS.Signals,
): void {
  report(what);
  story.breaks();
  processes.signal(role, signal);
}

const consumerLag: Drill = {
  name: 'consumer-lag',
  description: 'stops the sink: the lag is reported in seconds and disappears once it continues',
  roles: ['collect', 'land', 'analyze', 'serve'],
  async run(context) {
    const before = await healthy(context);
    breakProcess(context, 'stopping the process that lands', 'land', 'SIGSTOP');
    await expectWithin(context, NOTICED_S, `a lag of at least ${LAG_S} s is reported`, (look) =>
      said(look, (status) => lagOf(status) >= LAG_S),
    );
    context.processes.signal('land', 'SIGCONT');
    context.report('it goes on');
    context.story.mends();
    await caughtUp(context, before);
  },
};

const redisDown: Drill = {
  name: 'redis-down',
  description: 'kills Redis: answers are computed as if there were none',
  roles: ['start'],
  async run(context) {
    if ((await running(context, REDIS)).length === 0) {
      throw new IsobarError(
        'DRILL_FAILED',
        'no Redis runs in the cluster; start one with `isobar cluster up --only …,redis`',
      );
    }
    const before = await healthy(context);
    await expectWithin(context, NOTICED_S, 'answers are looked up in Redis', (look) =>
      said(look, ({ shared_cache: cache }) => cache?.state === 'ready' && cache.lookups.miss > 0),
    );
    const names = await kill(context, REDIS);
    await expectWithin(context, NOTICED_S, 'Redis is left alone, and the status says why', (look) =>
      said(look, ({ shared_cache: cache }) => cache?.state === 'away' && cache.error !== null),
    );
    await apiAnswers(context);
    await caughtUp(context, before, 'new versions are answered without it', isWellWithoutCache);
    await startAll(context, names);
    await caughtUp(context, before);
  },
};

const indexDown: Drill = {
  name: 'index-down',
  description: 'kills OpenSearch: searches look through the published rows, then the index follows',
  roles: ['start'],
  async run(context) {
    const before = await healthy(context);
    const names = await kill(context, /^opensearch$/);
    if (names.length === 0) {
      const text = 'no opensearch runs here: isobar cluster up --only opensearch starts one';
      throw new IsobarError('DRILL_FAILED', text);
    }
    await expectWithin(context, NOTICED_S, 'the index fails, and the status says why', (look) =>
      said(look, ({ index }) => index.error !== null),
    );
    await expectWithin(context, NOTICED_S, 'the analytics go on without it', (look) =>
      said(look, ({ index, analytics }) => analytics.version > index.version),
    );
    await apiAnswers(context);
    await startAll(context, names);
    await expectWithin(context, RECOVERED_S, 'the index has what came meanwhile', (look) =>
      said(look, ({ index, analytics }) => index.error === null && isIndexed(index, analytics)),
    );
    await caughtUp(context, before);
  },
};

const REDIS = /^redis$/;

/** One that has just been published may be missing. */
function isIndexed(index: Status['index'], analytics: Status['analytics']): boolean {
  return index.version >= analytics.version - 1;
}

export const DRILLS: readonly Drill[] = [
  brokerDown,
  nameNodeDown,
  sparkJobFailure,
  apiDown,
  consumerLag,
  redisDown,
  indexDown,
];

interface Before {
  readonly rows: number;
  readonly analytics: number;
}

/** Waits until observations flow through all steps, so that what follows comes from the drill. */
async function healthy(context: DrillContext): Promise<Before> {
  context.report(
    'waiting until observations flow through all steps; the first job of Spark is slow',
  );
  let atFirst: number | null = null;
  let before: Before = { rows: 0, analytics: 0 };
  await expectWithin(context, WARM_S, 'observations flow', ({ status, meta }) => {
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

function isWellWithoutCache(status: Status): boolean {
  return isWell({ ...status, shared_cache: null });
}

/** New rows have landed, new datasets are published, little waits, nothing complains. */
async function caughtUp(
  context: DrillContext,
  before: Before,
  what = 'all is as before',
  isFine = isWell,
): Promise<Before> {
  let after = before;
  await expectWithin(context, RECOVERED_S, what, (look) =>
    said(look, (status) => {
      after = { rows: status.table.rows, analytics: status.analytics.version };
      const isNew = after.rows > before.rows && after.analytics > before.analytics;
      return isNew && isFine(status) && look.meta?.stale === false;
    }),
  );
  context.story.recovers();
  return after;
}

function apiAnswers(context: DrillContext): Promise<void> {
  return expectWithin(context, NOTICED_S, 'the API goes on answering', ({ meta }) => meta !== null);
}

function said({ status }: Look, holds: (status: NonNullable<Look['status']>) => boolean): boolean {
  return status !== null && holds(status);
}

async function running({ services }: DrillContext, pattern: RegExp): Promise<string[]> {
  const found = (await services.status()).filter(({ name, pid }) => pattern.test(name) && pid);
  return found.map(({ name }) => name);
}

async function kill(context: DrillContext, pattern: RegExp): Promise<string[]> {
  const names = await running(context, pattern);
  context.report(`killing ${names.join(', ')}`);
  context.story.breaks();
  for (const name of names) await context.services.signal(name, 'SIGKILL');
  return names;
}

/** All at once: some are only ready when others are. */
async function startAll(context: DrillContext, names: readonly string[]): Promise<void> {
  context.report(`starting ${names.join(', ')} again`);
  await Promise.all(names.map((name) => context.services.start(name)));
  context.story.mends();
  context.report(`${names.join(', ')} is ready`);
}

const JMX = '/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus';

/** `namenode-1`: the one that says so of itself; they are numbered as their addresses are. */
async function activeNameNode({ services, signal }: DrillContext): Promise<string> {
  const addresses = services.note.addresses.hdfs?.namenodes.split(',') ?? [];
  for (const [at, address] of addresses.entries()) {
    const answer = await fetch(`${address}${JMX}`, { signal });
    if (/"State"\s*:\s*"active"/.test(await answer.text())) return `namenode-${at + 1}`;
  }
  return 'namenode-1';
}
