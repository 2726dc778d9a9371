import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import type { Addresses } from './plan.ts';
import { profileText } from './profile.ts';

async function configOf(addresses: Addresses) {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-profile-'));
  try {
    const profile = join(folder, 'profile.yaml');
    writeFileSync(profile, await profileText(addresses, true));
    return loadConfig({ file: null, env: {}, flags: {}, profile }).config;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const HDFS = {
  namenodes: 'http://127.0.0.1:1,http://127.0.0.1:2',
  address: 'hdfs://ns',
  journalNodes: 'http://127.0.0.1:3,http://127.0.0.1:4',
  properties: {},
};

test('the profile of a cluster names where its services are watched', async () => {
  const ui = 'http://127.0.0.1:4040';
  const { engines, lake } = await configOf({
    hdfs: HDFS,
    spark: { address: 'sc://127.0.0.1:5', ui, master: 'http://127.0.0.1:8080' },
  });
  assert.equal(lake.hdfs.namenodes, HDFS.namenodes);
  assert.equal(engines.hdfs.journalnode_urls, HDFS.journalNodes);
  const { ui_url, master_url } = engines.spark;
  assert.deepEqual([ui_url, master_url], [ui, 'http://127.0.0.1:8080']);
});

test('what a smaller cluster does not have stays unset', async () => {
  const { engines } = await configOf({
    hdfs: { ...HDFS, journalNodes: '' },
    spark: { address: 'sc://127.0.0.1:5', ui: 'http://127.0.0.1:4040', master: null },
  });
  assert.equal(engines.hdfs.journalnode_urls, '');
  assert.equal(engines.spark.master_url, '');
  assert.equal((await configOf({})).engines.spark.ui_url, '');
});
