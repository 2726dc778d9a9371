/** The failures that the system must live through. */
import type { Status } from '../model/status.ts';
import { pause } from '../waiting.ts';
import { type Drill, type DrillContext, expectWithin, lagOf, spooledOf } from './drill.ts';
import { alertChannelDown, streamKilled } from './watched-drills.ts';
import {
  apiAnswers,
  assertRuns,
  type Before,
  caughtUp,
  healthy,
  isWellWithoutCache,
  isWellWithoutSpark,
  kill,
  LAG_S,
  NOTICED_S,
  RECOVERED_S,
  running,
  said,
  startAll,
  WITHOUT_API_MS,
} from './watching.ts';

/** Names of services. */
const BROKERS = /^kafka-\d+$/;
const NAME_NODES = /^namenode-\d+$/;
const SPARK = /^spark-connect$/;
const REDIS = /^redis$/;
const OPENSEARCH = /^opensearch$/;

const brokerDown: Drill = {
  name: 'broker-down',
  description: 'kills every Kafka broker: records wait on this machine, none is lost',
  roles: ['start'],
  async run(context) {
    await assertRuns(context, BROKERS, 'kafka');
    const before = await healthy(context);
    const brokers = await kill(context, BROKERS);
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
    await assertRuns(context, NAME_NODES, 'hdfs');
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
  description:
    'kills the Spark server: fresh numbers go on, and it computes them again once it is back',
  roles: ['start'],
  async run(context) {
    await assertRuns(context, SPARK, 'spark');
    let before = await healthy(context);
    const names = await kill(context, SPARK);
    await expectWithin(context, NOTICED_S, 'recomputing fails, and the status says why', (look) =>
      said(look, ({ analytics }) => (analytics.recomputation?.error ?? null) !== null),
    );
    before = await caughtUp(context, before, 'fresh numbers go on without it', isWellWithoutSpark);
    await startAll(context, names);
    await expectWithin(context, RECOVERED_S, 'Spark computes the same numbers again', (look) =>
      said(
        look,
        ({ analytics: { recomputation, version } }) =>
          recomputation?.error === null &&
          recomputation.version >= before.analytics &&
          recomputation.version <= version &&
          recomputation.differences === 0,
      ),
    );
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
    await assertRuns(context, REDIS, 'redis');
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
    await assertRuns(context, OPENSEARCH, 'opensearch');
    const before = await healthy(context);
    const names = await kill(context, OPENSEARCH);
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

/** One that has just been published may be missing. */
function isIndexed(index: Status['index'], analytics: Status['analytics']): boolean {
  return index.version >= analytics.version - 1;
}

export const DRILLS: readonly Drill[] = [
  brokerDown,
  nameNodeDown,
  sparkJobFailure,
  streamKilled,
  alertChannelDown,
  apiDown,
  consumerLag,
  redisDown,
  indexDown,
];

const JMX = '/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus';

/** `namenode-1`: the one that says so of itself; they are numbered as their addresses are. */
async function activeNameNode({ services, page }: DrillContext): Promise<string> {
  const addresses = services.note.addresses.hdfs?.namenodes.split(',') ?? [];
  for (const [at, address] of addresses.entries()) {
    const text = await page(new URL(`${address}${JMX}`));
    if (/"State"\s*:\s*"active"/.test(text)) return `namenode-${at + 1}`;
  }
  return 'namenode-1';
}
