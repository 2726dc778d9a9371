import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleStatus } from '../../api/testing/status.ts';
import { formatStatus } from './status.ts';

test('the text says which engine computes, with what, how far it is, and who does what', () => {
  const status = exampleStatus();
  const text = formatStatus(status, false);
  assert.match(text, /^isobar 1\.2\.3 · real data · \/data · no server, 1 process at work\n/);
  const spark = { ...status, analytics: { ...status.analytics, engine: 'spark' } };
  assert.match(
    formatStatus(spark, true),
    /running\n[\s\S]*\nengine {5}Spark 4\.2\.0\n {11}spark\.executor\.memory = 1g\n {11}computing: 3 of 12 tasks\n/,
  );
  assert.match(
    text,
    /\nstream {5}running, batch 12; 29 hours compared: as in the table, 2 observations late\n/,
  );
  assert.match(
    text,
    /\nisobar land {2}a-host {2}4711 {2}lands partition 0 {2}2024-10-31T23:00:00Z {2}\d+ s ago\n$/,
  );
  const idle = { ...status, work: { leases: [], error: null } };
  assert.match(formatStatus(idle, false), / · not running\n/);
  assert.doesNotMatch(formatStatus(idle, false), /does/);
});

test('shows the reason why the leases cannot be read once', () => {
  const status = exampleStatus();
  const error = { code: 'LAKE_UNAVAILABLE', message: 'm', remedy: 'r', since: 's' };
  const work = { leases: [], error };
  const alone = formatStatus({ ...status, work }, true);
  assert.equal(alone.match(/LAKE_UNAVAILABLE/g)?.length, 1);
  const both = formatStatus({ ...status, work, table: { ...status.table, error } }, true);
  assert.equal(both.match(/LAKE_UNAVAILABLE/g)?.length, 1);
});

test('a running process says what it holds', () => {
  const status = exampleStatus();
  assert.match(
    formatStatus(status, true),
    /\nmemory {5}238\.4 MiB: heap 76\.3, buffers 9\.5, engine 11\.4, 40 open files\n/,
  );
  assert.doesNotMatch(formatStatus(status, false), /\nmemory/);
});

test('each service is a line, with what is in trouble and what to do', () => {
  const trend = { step_s: 60, values: [] };
  const figure = {
    name: 'lag_seconds',
    unit: 'seconds',
    help: 'h',
    value: 700.12345,
    threshold: null,
    state: 'warning',
    remedy: 'Look.',
    key: true,
    trend,
  } as const;
  const seen = { seen_at: '2024-11-01T00:00:00Z', age_s: 181, parts: [] };
  const error = {
    code: 'SERVICE_UNREACHABLE',
    message: 'host:1: ECONNREFUSED',
    remedy: 'r',
    since: 's',
  };
  const text = formatStatus(exampleStatus(), true, [
    { ...seen, kind: 'kafka', address: 'a:1', state: 'warning', error: null, figures: [figure] },
    { ...seen, kind: 'hdfs', address: 'b:2', state: 'unreachable', error, figures: [] },
  ]);
  assert.match(text, /\nkafka {6}warning · a:1\n {11}lag_seconds 700\.1: Look\.\n/);
  assert.match(
    text,
    /\nhdfs {7}unreachable, last seen 3 min ago · b:2\n {11}host:1: ECONNREFUSED\n {11}r\n/,
  );
});
