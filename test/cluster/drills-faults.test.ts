/** The drills as people run them, on the cluster of the tests: what they say, and how they end. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { DRILL_NAMES, type DrillName } from '../../src/drill/drill.ts';
import { absent, control, service } from './services.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const missing = (['kafka', 'hdfs', 'spark', 'redis'] as const).find(
  (kind) => service(kind) === null,
);
/** Those that need more than the others. */
const NEEDED: Readonly<Partial<Record<DrillName, 'opensearch' | 'alertmanager'>>> = {
  'index-down': 'opensearch',
  'alert-channel-down': 'alertmanager',
};

/** What each has to say beside that everything adds up. */
const SAID: Readonly<Record<DrillName, readonly RegExp[]>> = {
  'broker-down': [/waits on disk, and the status says so/, /what waited on disk is in Kafka/],
  'namenode-down': [/the standby has taken over/, /last version is served, marked as stale/],
  'spark-job-failure': [/fresh numbers go on without it/, /Spark computes the same numbers again/],
  'stream-killed': [/the status says so/, /it went on where it was/],
  'alert-channel-down': [/messages wait, and the status says why/, /what waited is in the Alert/],
  'api-down': [/no answer/, /API without an answer +\d/],
  'redis-down': [/Redis is left alone/, /new versions are answered without it/],
  'index-down': [/the index fails, and the status says why/, /has what came meanwhile/],
  'consumer-lag': [/a lag of at least 12 s is reported/, /longest lag +\d+ s/],
};

interface Ended {
  readonly code: number;
  readonly output: string;
}

function drill(name: DrillName, data: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'drill', name, '--data', data], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}

describe('the drills', { skip: missing !== undefined && absent(missing) }, () => {
  for (const name of DRILL_NAMES) {
    const kind = NEEDED[name];
    const skip = kind !== undefined && service(kind) === null && absent(kind);
    it(name, { skip }, async () => {
      const { note } = await control();
      const { code, output } = await drill(name, dirname(note.folder));
      assert.equal(code, 0, output);
      for (const pattern of [...SAID[name], /everything adds up/]) assert.match(output, pattern);
      assert.match(output, /recovered after +\d/);
    });
  }
});
