/** The topic: made when there is none, and looked at before anything is trusted to it. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigResourceTypes } from '@platformatic/kafka';
import type { Config } from '../config/schema.ts';
import { asIsobarError, IsobarError, isErrorCode, translateFileError } from '../errors.ts';
import { RECORD_BYTES_MAX } from '../model/observation.ts';
import { NOTE_BYTES_MAX, readRegularFile } from '../regular-file.ts';
import type { KafkaClient } from './kafka-client.ts';
import { isProtocolError } from './kafka-errors.ts';

export interface TopicSettings {
  /** How long a record is kept whether it has landed or not; null means for ever. */
  readonly retentionMs: number | null;
  /** Bytes of one batch that the brokers take at most. */
  readonly batchBytesMax: number;
}

const DAY_MS = 86_400_000;
/** What a record takes beside its value: its key, a batch's head, and an odd compression's loss. */
const RECORD_ROOM_BYTES = 64 * 1024;
/** Of a new topic: more than the default, so that many records share one batch. */
const BATCH_BYTES_MAX = 2 * 1024 * 1024;

/**
 * The topic as it is, made if it is absent; or, while the brokers are away, as it was when this
 * folder's processes last saw it: a collector that starts then can go on.
 */
export async function openTopic(
  client: KafkaClient,
  config: Config['log'],
  notePath: string,
  onAway: (error: IsobarError) => void = () => {},
): Promise<TopicSettings> {
  try {
    const settings = await ensureTopic(client, config);
    await writeNote(notePath, { topic: client.topic, ...noteOf(client), ...settings });
    return settings;
  } catch (error) {
    if (!isErrorCode(error, 'LOG_UNAVAILABLE')) throw error;
    const note = await readNote(notePath);
    if (note === null || note.topic !== client.topic) throw error;
    onAway(asIsobarError(error));
    const partitions = Array.from({ length: note.partitions }, () => ({ leader: -1, epoch: -1 }));
    client.remember({ id: note.id, partitions, brokers: new Map() });
    return note;
  }
}

interface Note extends TopicSettings {
  readonly topic: string;
  readonly id: string;
  readonly partitions: number;
}

function noteOf(client: KafkaClient): Pick<Note, 'id' | 'partitions'> {
  const { id, partitions } = client.layout();
  return { id, partitions: partitions.length };
}

async function readNote(path: string): Promise<Note | null> {
  try {
    const bytes = await readRegularFile(path, { bytesMax: NOTE_BYTES_MAX });
    return JSON.parse(bytes.toString('utf8')) as Note;
  } catch {
    // None, or one cut by a crash: then the brokers must be there.
    return null;
  }
}

async function writeNote(path: string, note: Note): Promise<void> {
  const text = JSON.stringify(note);
  const before = await readRegularFile(path, { bytesMax: NOTE_BYTES_MAX }).catch(() => null);
  if (before?.toString('utf8') === text) return;
  const draft = `${path}.${process.pid}-${randomUUID()}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    throw translateFileError(error, path, 'DATA_UNWRITABLE');
  }
}

/** Makes the topic if it is absent and checks it; rejects with LOG_TOPIC_UNFIT and the like. */
async function ensureTopic(client: KafkaClient, config: Config['log']): Promise<TopicSettings> {
  await makeIfAbsent(client, {
    partitions: config.partitions,
    replicas: config.kafka.replication,
    configs: {
      // The time of arrival, not the producer's: else retention removes imported history at once.
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': String(config.retention_days * DAY_MS),
      // Retention removes whole segments, so they must not grow older than a day.
      'segment.ms': String(DAY_MS),
      'cleanup.policy': 'delete',
      // As it was sent: compressed once, here.
      'compression.type': 'producer',
      'max.message.bytes': String(BATCH_BYTES_MAX),
    },
  });
  const settings = await client.persist('reading its settings', () => readSettings(client));
  return checkSettings(client, settings);
}

export interface NewTopic {
  readonly partitions: number;
  readonly replicas: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** Makes the client's topic if it is absent; resolves once each partition has a leader. */
export async function makeIfAbsent(client: KafkaClient, topic: NewTopic): Promise<void> {
  await client.persist('looking for it', async () => {
    const layout = await client.look();
    if (layout === null) await createTopic(client, topic);
    const { partitions } = layout ?? (await client.look()) ?? { partitions: [] };
    // A new topic is known before each partition has its leader.
    if (partitions.length === 0 || partitions.some(({ leader }) => leader < 0)) {
      throw new Error('its partitions have no leaders yet');
    }
  });
}

async function createTopic(
  client: KafkaClient,
  { partitions, replicas, configs }: NewTopic,
): Promise<void> {
  try {
    await client.admin.createTopics({
      ...{ topics: [client.topic], partitions, replicas },
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  } catch (error) {
    if (!isProtocolError(error, 'TOPIC_ALREADY_EXISTS')) throw error;
  }
}

async function readSettings(client: KafkaClient): Promise<ReadonlyMap<string, string>> {
  const [described] = await client.admin.describeConfigs({
    resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: client.topic }],
  });
  return new Map(described?.configs.map(({ name, value }) => [name, value ?? '']));
}

function checkSettings(client: KafkaClient, settings: ReadonlyMap<string, string>): TopicSettings {
  const unfit = (text: string): IsobarError =>
    new IsobarError('LOG_TOPIC_UNFIT', `${client.place}: ${text}`);
  const policy = settings.get('cleanup.policy') ?? 'delete';
  if (policy.includes('compact')) {
    throw unfit(
      `cleanup.policy is ${policy}, which would remove all but the last record of a city`,
    );
  }
  const retentionMs = Number(settings.get('retention.ms') ?? -1);
  const bytesKept = Number(settings.get('retention.bytes') ?? -1);
  const timestamps = settings.get('message.timestamp.type');
  if (timestamps !== 'LogAppendTime' && retentionMs >= 0) {
    throw unfit(
      `message.timestamp.type is ${timestamps} and retention.ms is ${retentionMs}: ` +
        'imported history would be removed as soon as it came; ' +
        'set the first to LogAppendTime, or the second to -1',
    );
  }
  if (bytesKept >= 0) {
    throw unfit(
      `retention.bytes is ${bytesKept}, which removes records whether they have landed or not; ` +
        'set it to -1 and limit the time',
    );
  }
  const batchBytesMax = Number(settings.get('max.message.bytes') ?? 0);
  if (batchBytesMax < RECORD_BYTES_MAX + RECORD_ROOM_BYTES) {
    throw unfit(
      `max.message.bytes is ${batchBytesMax}, but a record may have ` +
        `${RECORD_BYTES_MAX + RECORD_ROOM_BYTES}`,
    );
  }
  return { retentionMs: retentionMs < 0 ? null : retentionMs, batchBytesMax };
}
