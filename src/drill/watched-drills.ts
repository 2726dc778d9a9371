/** Drills of what watches: the stream beside the table, and the channels of alerts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { StreamingStatus } from '../model/status.ts';
import { type Drill, type DrillContext, expectWithin } from './drill.ts';
import {
  apiAnswers,
  assertRuns,
  caughtUp,
  healthy,
  kill,
  NOTICED_S,
  RECOVERED_S,
  said,
  startAll,
} from './watching.ts';

const ALERTMANAGER = /^alertmanager$/;
const RULE = 'drill';

export const streamKilled: Drill = {
  name: 'stream-killed',
  description: 'kills the process of the stream: its sums are those of the table again afterwards',
  roles: ['collect', 'land', 'analyze', 'serve', 'stream'],
  settings: async () => ({ 'streaming.enabled': 'true', 'streaming.partitions': '2' }),
  async run(context) {
    await assertRuns(context, /^kafka-\d+$/, 'kafka');
    await assertRuns(context, /^spark-connect$/, 'spark');
    const before = await healthy(context);
    const first = await agreeing(context, 'the sums of the stream are those of the table', '');
    context.report('killing the process that runs the stream');
    context.story.breaks();
    context.processes.signal('stream', 'SIGKILL');
    await expectWithin(
      context,
      NOTICED_S,
      'no process runs the stream, and the status says so',
      (look) => said(look, ({ streaming }) => streaming?.state === 'away'),
    );
    await caughtUp(context, before, 'the rest goes on');
    context.report('starting a new one');
    context.story.mends();
    await context.processes.restart('stream');
    const what = 'it went on where it was, and its sums are those of the table';
    await agreeing(context, what, first.compared_at ?? '');
    await caughtUp(context, before);
  },
};

/** Waits for a comparison after this time that finds hours and no difference. */
async function agreeing(
  context: DrillContext,
  what: string,
  after: string,
): Promise<StreamingStatus> {
  let found: StreamingStatus | null = null;
  await expectWithin(context, RECOVERED_S, what, (look) =>
    said(look, ({ streaming }) => {
      found = streaming;
      if (streaming === null || streaming.error !== null) return false;
      const { compared, differences, compared_at } = streaming;
      return compared > 0 && differences === 0 && (compared_at ?? '') > after;
    }),
  );
  if (found === null) throw new Error('nothing was found');
  return found;
}

export const alertChannelDown: Drill = {
  name: 'alert-channel-down',
  description: 'kills the Alertmanager: messages wait, nothing else does, and it gets them later',
  roles: ['start'],
  async settings({ services, folder }) {
    const url = services.note.addresses.alertmanager?.url ?? 'http://127.0.0.1:9';
    const file = join(folder, 'alerts.yaml');
    const rules = [
      {
        name: RULE,
        when: { kind: 'value', variable: 'temperature_c', above: -90 },
        severity: 'info',
        channels: ['operators'],
      },
    ];
    const channels = { operators: { type: 'alertmanager', url, resend_every: '10s' } };
    await writeFile(file, stringify({ channels, rules }));
    return { 'alerts.file': file, 'alerts.interval_s': '1' };
  },
  async run(context) {
    await assertRuns(context, ALERTMANAGER, 'alertmanager');
    const before = await healthy(context);
    await delivered(context, 'the incidents are in the Alertmanager');
    const names = await kill(context, ALERTMANAGER);
    await expectWithin(context, NOTICED_S, 'messages wait, and the status says why', (look) =>
      said(look, ({ alerts }) =>
        (alerts?.channels ?? []).some(({ waiting, problem }) => waiting > 0 && problem !== null),
      ),
    );
    await apiAnswers(context);
    await caughtUp(context, before, 'everything else goes on');
    await startAll(context, names);
    await delivered(context, 'what waited is in the Alertmanager');
    await caughtUp(context, before);
  },
};

async function delivered(context: DrillContext, what: string): Promise<void> {
  const { services, signal } = context;
  const url = services.note.addresses.alertmanager?.url ?? '';
  await expectWithin(context, RECOVERED_S, what, async (look) => {
    const answer = await fetch(`${url}/api/v2/alerts`, { signal }).catch(() => null);
    const alerts = answer?.ok ? ((await answer.json()) as Alert[]) : [];
    return (
      alerts.some(({ labels }) => labels.alertname === RULE) &&
      said(look, ({ alerts }) => (alerts?.channels ?? []).every(({ waiting }) => waiting === 0))
    );
  });
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
}
