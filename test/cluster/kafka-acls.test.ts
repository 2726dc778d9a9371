/**
 * The permissions that `isobar kafka acls` lists are enough for each role of process, and none can
 * be left out: without it the role fails with an error that names it.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { AclOperations, AclPermissionTypes, Admin, Producer } from '@platformatic/kafka';
import { stringify } from 'yaml';
import type { Config } from '../../src/config/schema.ts';
import { openKafkaProbe } from '../../src/engines/kafka.ts';
import { IsobarError } from '../../src/errors.ts';
import { aclOf, openAcls } from '../../src/log/kafka-acls.ts';
import { openClient } from '../../src/log/kafka-client.ts';
import { openKeyedTopic } from '../../src/log/kafka-keyed.ts';
import { offsetsAt } from '../../src/log/kafka-offsets.ts';
import {
  includes,
  type KafkaRole,
  type Permission,
  permissionsOf,
} from '../../src/log/kafka-permissions.ts';
import { hoursTopicOf, openLog } from '../../src/log/open.ts';
import { EVERYTHING, recordsOf } from '../../src/log/testing/records.ts';
import type { Status } from '../../src/model/status.ts';
import { startChild } from '../support/child.ts';
import { openCrew } from '../support/crew.ts';
import { until } from '../support/until.ts';
import { run, SECRET, type SecuredBroker, startSecuredBroker } from './secured-broker.ts';
import { absent, service } from './services.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const OPEN = pathToFileURL(join(import.meta.dirname, '../../src/log/open.ts')).href;
const USER = 'isobar';
const PRINCIPAL = `User:${USER}`;
const DAY_MS = 86_400_000;
const TIMEOUT_MS = 120_000;
const isThere = service('kafka') !== null;

describe('permissions at the brokers', { skip: !isThere && absent('kafka') }, () => {
  let broker: SecuredBroker;
  let admin: Admin;

  before(async () => {
    broker = await startSecuredBroker({
      users: [USER, 'collect', 'land', 'serve', 'alerts'],
      sessionMs: 60_000,
    });
    const bootstrapBrokers = [`127.0.0.1:${broker.ports.inner}`];
    admin = new Admin({ clientId: 'test', bootstrapBrokers });
  });
  after(async () => {
    await admin?.close();
    await broker?.[Symbol.asyncDispose]();
  });

  const place = () => mkdtemp(join(broker.folder, 'place-'));

  function configOf(topic: string, user: string): Config['log'] {
    const { kafka, ...log } = broker.configOf();
    return { ...log, retention_days: 1, kafka: { ...kafka, topic, group: topic, user } };
  }

  /** Of each role, with names of its own, as a process of it uses the brokers. */
  const WORK: Readonly<Record<Exclude<KafkaRole, 'analyze'>, (topic: string) => Promise<void>>> = {
    async collect(topic) {
      await using log = await openLog(configOf(topic, USER), await place());
      await log.append(recordsOf(5));
    },
    async land(topic) {
      const clock = () => new Date(Date.now() + 10 * DAY_MS);
      await using log = await openLog(configOf(topic, USER), await place(), { clock });
      for (let partition = 0; partition < log.partitionCount; partition++) {
        await log.read(partition, 0n, EVERYTHING);
        await log.landed(partition, (await log.range(partition)).next);
      }
      assert.equal(await log.trim(), 5);
    },
    async serve(topic) {
      await using hours = await openKeyedTopic(
        configOf(topic, USER).kafka,
        hoursTopicOf(topic),
        12,
      );
      for await (const _ of hours.readNew()) assert.fail('nothing was written yet');
      await watch(topic);
    },
    alerts: watch,
    async stream(topic) {
      const { kafka } = configOf(topic, USER);
      await using log = await openLog(configOf(topic, USER), await place());
      await using hours = await openKeyedTopic(kafka, hoursTopicOf(topic), 12);
      for await (const _ of hours.readNew()) assert.fail('nothing was written yet');
      await offsetsAt(kafka, new Date(0));
      // As Spark does.
      await log.read(0, 0n, EVERYTHING);
      await write({ ...kafka, topic: hoursTopicOf(topic) });
      let found = 0;
      for await (const records of hours.readNew()) found += records.length;
      assert.equal(found, 1);
    },
  };

  async function watch(topic: string): Promise<void> {
    await using log = await openLog(configOf(topic, USER), await place());
    let found = 0;
    for (let partition = 0; partition < log.partitionCount; partition++) {
      found += (await log.read(partition, 0n, EVERYTHING)).length;
      await log.timeOf(partition, 0n);
    }
    assert.equal(found, 5);
    await log.size();
  }

  async function write(kafka: Config['log']['kafka']): Promise<void> {
    await using client = await openClient(kafka);
    const producer = new Producer({ ...client.options, idempotent: true, retries: 2 });
    try {
      const message = { topic: kafka.topic, key: Buffer.from('k'), value: Buffer.from('v') };
      await producer.send({ messages: [{ ...message, partition: 0 }] });
    } catch (error) {
      throw client.translate(error, 'writing');
    } finally {
      await producer.close(true);
    }
  }

  /** What others have done before: the topic and records, unless this role makes the topic. */
  async function prepare(topic: string): Promise<void> {
    await using log = await openLog(configOf(topic, 'admin'), await place());
    await log.append(recordsOf(5));
    await using hours = await openKeyedTopic(
      configOf(topic, 'admin').kafka,
      hoursTopicOf(topic),
      12,
    );
    for await (const _ of hours.readNew()) assert.fail('nothing was written yet');
  }

  async function grant(needed: readonly Permission[], topic: string): Promise<void> {
    await using acls = await openAcls(configOf(topic, 'admin').kafka, PRINCIPAL);
    const wanted = needed.map((one) => ({ ...one, roles: [], only_figures: false }));
    const made = await acls.apply(wanted);
    assert.ok(made.every(({ state }) => state === 'there'));
    assert.deepEqual(await acls.apply(wanted), made, 'a second time changes nothing');
  }

  async function withdraw(needed: readonly Permission[]): Promise<void> {
    const filters = needed.map((one) => aclOf(one, PRINCIPAL));
    await admin.deleteAcls({ filters });
  }

  const namesOf = (topic: string) => ({
    ...{ topic, group: topic, hoursTopic: hoursTopicOf(topic), analyzeTraces: false },
  });

  for (const role of ['collect', 'land', 'serve', 'alerts', 'stream'] as const) {
    it(`${role} works with its permissions, and not with one less`, async () => {
      const needed = permissionsOf([role], namesOf('any')).filter((one) => !one.only_figures);
      for (const at of [null, ...needed.keys()]) {
        const topic = `acl-${randomUUID()}`;
        const all = permissionsOf([role], namesOf(topic)).filter((one) => !one.only_figures);
        const missing = at === null ? null : all[at];
        const makes = role === 'collect' || missing?.operation === 'CREATE';
        if (!makes) await prepare(topic);
        const left = all.filter((one) => one !== missing);
        await grant(left, topic);
        const work = WORK[role](topic);
        if (missing === null || missing === undefined) await work;
        else await assert.rejects(work, (error) => isAbout(error, missing));
        await withdraw(left);
      }
    });
  }

  function isAbout(error: unknown, missing: Permission): boolean {
    assert.ok(error instanceof IsobarError, String(error));
    assert.equal(error.code, 'LOG_FORBIDDEN', error.message);
    const details = error.details as unknown as Permission;
    assert.equal(details.resource_name, missing.resource_name, error.message);
    assert.equal(details.resource_type, missing.resource_type, error.message);
    // DESCRIBE is part of others, and asked for before them.
    const isPart = details.operation === 'DESCRIBE' && includes(missing.operation, 'DESCRIBE');
    assert.ok(details.operation === missing.operation || isPart, error.message);
    assert.ok(error.message.includes(`lacks ${details.operation} on`), error.message);
    return true;
  }

  it('figures of the brokers are unknown without what only they need', async () => {
    const topic = `acl-${randomUUID()}`;
    await prepare(topic);
    const all = permissionsOf(['serve'], namesOf(topic));
    await grant(all, topic);
    assert.deepEqual(await figures(topic), [5, true]);
    await withdraw(all.filter((one) => one.only_figures));
    assert.deepEqual(await figures(topic), [5, false]);
    await withdraw(all);
  });

  /** The lag, and whether the size is known. */
  async function figures(topic: string): Promise<readonly [number | null, boolean]> {
    const config = configOf(topic, USER);
    await using log = await openLog(config, await place());
    await using probe = openKafkaProbe({
      client: await openClient(config.kafka),
      brokers: config.kafka.brokers,
      group: topic,
      timeOf: (partition, offset) => log.timeOf(partition, offset),
      jmxUrls: [],
      timeoutMs: 1_000,
    });
    const { lag_records, log_size_bytes } = (await probe.read(AbortSignal.timeout(10_000))).figures;
    return [lag_records ?? null, log_size_bytes !== null];
  }

  it('finds what is missing, what is denied, and what a rule for many permits', async () => {
    const topic = `acl-${randomUUID()}`;
    const [one] = permissionsOf(['land'], namesOf(topic)).filter(
      ({ operation }) => operation === 'READ',
    );
    assert.ok(one !== undefined);
    await using acls = await openAcls(configOf(topic, 'admin').kafka, PRINCIPAL);
    const state = async () => (await acls.check([one]))[0]?.state;
    assert.equal(await state(), 'missing');
    const rule = (changes: object) => ({ ...aclOf(one, PRINCIPAL), ...changes });
    const rules = [
      [rule({ resourceName: 'acl-', resourcePatternType: 4 }), 'there'],
      [rule({ principal: 'User:*' }), 'there'],
      [rule({ resourceName: '*', operation: AclOperations.ALL }), 'there'],
      [rule({ host: '192.0.2.1' }), 'missing'],
      [rule({ operation: AclOperations.WRITE }), 'missing'],
      [rule({ permissionType: AclPermissionTypes.DENY }), 'denied'],
    ] as const;
    for (const [creation, expected] of rules) {
      await admin.createAcls({ creations: [creation] });
      await until(`${expected}`, async () => (await state()) === expected);
      await admin.deleteAcls({ filters: [creation] });
      await until('missing again', async () => (await state()) === 'missing');
    }
  });

  it('who is not an administrator learns what that takes', async () => {
    await using acls = await openAcls(configOf('any', USER).kafka, PRINCIPAL);
    await assert.rejects(acls.check([]), (error) => {
      assert.ok(error instanceof IsobarError);
      assert.equal(error.code, 'LOG_FORBIDDEN');
      assert.match(error.message, /lacks DESCRIBE on the cluster/);
      return true;
    });
  });

  it('a pipeline of processes with users of their own works with what the command makes', {
    timeout: 3 * TIMEOUT_MS,
  }, async () => {
    const folder = await mkdtemp(join(broker.folder, 'pipeline-'));
    const { brokers, tls_authority } = broker.configOf().kafka;
    const kafka = { brokers, tls: true, tls_authority, mechanism: 'scram-sha-512' };
    const secret = join(folder, 'secret');
    await writeFile(secret, SECRET, { mode: 0o600 });
    const settings = join(folder, 'isobar.yaml');
    const text = stringify({
      data: join(folder, 'data'),
      simulator: { history_days: 1 },
      log: { engine: 'kafka', kafka },
      table: { landing_age_s: 1 },
      analytics: { refresh_delay_s: 0.1 },
      alerts: { enabled: true },
      api: { port: 0 },
    });
    await writeFile(settings, text);
    const loginOf = (user: string) => ({
      ...{ ISOBAR_LOG_KAFKA_USER: user, ISOBAR_LOG_KAFKA_PASSWORD_FILE: secret },
    });
    const isobar = (user: string, ...args: string[]) =>
      run(process.execPath, [MAIN, ...args, '--config', settings], {
        env: { ...process.env, ...loginOf(user), NODE_TEST_CONTEXT: '' },
      });
    for (const user of ['collect', 'land', 'serve', 'alerts']) {
      const wanted = ['kafka', 'acls', '--user', user, '--role', user, '--simulated'];
      await assert.rejects(isobar('admin', ...wanted, '--check'), /is missing/);
      await isobar('admin', ...wanted, '--apply');
      const { stdout } = await isobar('admin', ...wanted, '--check', '--json');
      assert.ok(JSON.parse(stdout).every((one: { state: string }) => one.state === 'there'));
      assert.ok(!stdout.includes(SECRET));
    }
    await using crew = openCrew(folder, settings);
    const server = crew.start('serve', loginOf('serve'));
    crew.start('collect', loginOf('collect'));
    crew.start('land', loginOf('land'));
    const address = () => /http:\/\/\S+(?= is up)/.exec(server.output)?.[0];
    const url = await until('the API is up', address, TIMEOUT_MS);
    let status: Status | null = null;
    const isRight = async () => {
      const answer = await fetch(`${url}/api/status`).catch(() => null);
      if (!answer?.ok) return false;
      status = ((await answer.json()) as { data: Status }).data;
      const { table, log } = status;
      return table.rows > 0 && log.error === null && log.bytes > 0;
    };
    await until('observations land', isRight, TIMEOUT_MS);
    const said = JSON.stringify(status);
    assert.ok(!/LOG_[A-Z]+/.test(said), said.slice(0, 2_000));
    await crew.stopAll();
    const written = readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    assert.ok(written.length > 10);
    const found = [said, ...written, ...crew.members.map(({ output }) => output)];
    assert.ok(!found.some((one) => one.includes(SECRET)), 'the password is written somewhere');
  });

  it('a process whose broker has gone ends when it is asked to', async () => {
    const config = JSON.stringify({ config: configOf('ending', 'admin'), folder: await place() });
    const source = `
      const { openLog } = await import(${JSON.stringify(OPEN)});
      const { config, folder } = ${config};
      const log = await openLog(config, folder);
      await log.append([{ key: 'a', value: Buffer.from('b') }]);
      console.log('open');
      const alive = setInterval(() => {}, 1_000);
      await new Promise((resolve) => process.once('SIGTERM', resolve));
      clearInterval(alive);
      await log[Symbol.asyncDispose]();`;
    const child = startChild(source);
    await child.waitFor('open');
    await broker.stop();
    const asked = performance.now();
    child.process.kill('SIGTERM');
    const { code, errors } = await child.ended;
    assert.equal(code, 0, errors);
    // The session lasts longer, and so does the timer of the library.
    assert.ok(performance.now() - asked < 20_000, `${performance.now() - asked} ms`);
  });
});
