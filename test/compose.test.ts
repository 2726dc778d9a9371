import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/load.ts';

const root = join(import.meta.dirname, '..');

interface Service {
  readonly image: string;
  readonly ports?: readonly string[];
}

const { services }: { services: Record<string, Service> } = parse(
  readFileSync(join(root, 'compose.yaml'), 'utf8'),
);
const published = Object.values(services).flatMap(({ ports = [] }) => ports);

test('the profile of compose.yaml names ports that it publishes', () => {
  const profile = join(root, 'compose.profile.yaml');
  const { log, lake, analytics } = loadConfig({ file: profile, env: {}, flags: {} }).config;
  const { brokers } = log.kafka;
  const { namenodes } = lake.hdfs;
  for (const address of [brokers, namenodes, analytics.spark.address]) {
    const port = /:(\d+)$/.exec(address)?.[1];
    assert.ok(published.includes(`127.0.0.1:${port}:${port}`), address);
  }
});

test('compose.yaml pins each image and publishes nothing beyond this machine', () => {
  for (const { image } of Object.values(services)) assert.match(image, /:\d+\.\d+\.\d+$/);
  for (const port of published) assert.match(port, /^127\.0\.0\.1:/);
});
