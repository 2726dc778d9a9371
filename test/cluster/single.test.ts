/**
 * The contracts on the smallest cluster: one broker, one NameNode, Spark without a master. The
 * cluster of the other tests has three, two and two; this one is started beside it, and only here.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { ClusterNote } from '../../src/cluster/control.ts';
import { describeStorage } from '../../src/lake/testing/contract.ts';
import { describeLog } from '../../src/log/testing/contract.ts';
import { openSparkEngine } from '../../src/sql/spark/spark.ts';
import { describeEngine } from '../../src/sql/testing/contract.ts';
import { openLeash, removeFolder } from '../support/leash.ts';
import { makeHdfsPlace } from './hdfs-place.ts';
import { makeKafkaPlace } from './kafka-place.ts';
import { absent, SPARK_STATEMENTS, service } from './services.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

if (service('kafka') === null) {
  describe('the smallest cluster', () => it('runs', { skip: absent('kafka') }, () => {}));
} else {
  describeAll();
}

function describeAll(): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-single-'));
  const leash = openLeash(folder);
  const isobar = (...args: string[]) =>
    execFileSync(process.execPath, [MAIN, 'cluster', ...args, '--data', folder], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  after(() => {
    isobar('down');
    leash[Symbol.dispose]();
    removeFolder(folder);
  });
  isobar('up', '--spark-local', '--only', 'kafka,hdfs,spark');
  const note: ClusterNote = JSON.parse(
    readFileSync(join(folder, 'cluster', 'cluster.json'), 'utf8'),
  );
  leash.hold(note.pid);
  const { kafka, hdfs, spark } = note.addresses;
  if (kafka === undefined || hdfs === undefined || spark === undefined) {
    throw new Error('a service of the smallest cluster is missing');
  }

  describeLog('one broker', () => makeKafkaPlace(kafka.brokers), {
    clock: 'of servers',
    limitsItself: false,
    histories: 10,
  });
  describeStorage('one NameNode', () => makeHdfsPlace(hdfs));
  const { address } = spark;
  const options = { address, token: '', user: 'isobar', timeoutSeconds: 30, properties: '' };
  describeEngine('spark local', async () => openSparkEngine(options), SPARK_STATEMENTS);
}
