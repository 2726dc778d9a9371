/** The lake on real HDFS: the contract of the storage, and what only a cluster can do to it. */
import { describe, it } from 'node:test';
import { describeStorage } from '../../src/lake/testing/contract.ts';
import { makeHdfsPlace } from './hdfs-place.ts';
import { absent, service } from './services.ts';

const hdfs = service('hdfs');

if (hdfs === null) {
  describe('the lake on HDFS', () => it('runs', { skip: absent('hdfs') }, () => {}));
} else {
  describeStorage('HDFS', () => makeHdfsPlace(hdfs));
}
