/** The engine's contract on a real Spark, and what is Spark's own. */
import { test } from 'node:test';
import { describeEngine } from '../../src/analytics/contract.ts';
import { openSparkEngine } from '../../src/analytics/spark/spark.ts';
import { absent, service } from './services.ts';

const spark = service('spark');

if (spark === null) test('the engine spark', { skip: absent('spark') });
else {
  const { address } = spark;
  const open = async () =>
    openSparkEngine({ address, token: '', user: 'isobar', timeoutSeconds: 30, properties: '' });
  describeEngine('spark', open, {
    endless: 'SELECT sum(id % 7) AS n FROM range(1000000000000000)',
  });
}
