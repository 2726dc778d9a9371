/** HTTPS to NameNodes and DataNodes: what may be trusted, on both legs. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { rejects } from '../../test/support/rejects.ts';
import { makeAuthority, makeServerPair } from '../api/tls/signing.ts';
import { loadConfig } from '../config/load.ts';
import { hdfsLogin } from './hdfs-login.ts';
import { bytes, Place, textOf } from './testing/hdfs-place.ts';

const now = new Date();
const DAYS_MS = 86_400_000;
const authority = makeAuthority('authority', now);
const trusted = Buffer.from(authority.certificate);
const pairFor = (name: string, at = now) =>
  makeServerPair(authority, { names: [name], days: 2, now: at });
const good = pairFor('127.0.0.1');
const strange = makeServerPair(makeAuthority('another', now), {
  ...{ names: ['127.0.0.1'], days: 2, now },
});

describe('the lake on HDFS over https', () => {
  it('is written and read with an authority of its own', async () => {
    await using place = await Place.make(['active'], { nameNode: good, dataNode: good });
    await using storage = await place.open({ authority: trusted });
    await storage.putIfAbsent('a', bytes('1'));
    assert.equal(await textOf(storage, 'a'), '1');
  });

  const early = pairFor('127.0.0.1', new Date(now.getTime() - 10 * DAYS_MS));
  const cases = [
    ['an authority that is not known', strange, /not of an authority that is trusted/],
    ['another name', pairFor('nn.example.org'), /the certificate is for another name/],
    ['an old certificate', early, /the certificate has expired/],
    ['no https at all', undefined, /the port does not speak https/],
  ] as const;
  for (const [what, nameNode, words] of cases) {
    it(`refuses a NameNode with ${what}, at once`, async () => {
      await using place = await Place.make(['active'], nameNode === undefined ? {} : { nameNode });
      const nameNodes = place.hdfs.nameNodes.map((url) => url.replace('http:', 'https:'));
      const opening = place.open({ authority: trusted, nameNodes, timeoutMs: 60_000 });
      assert.match((await rejects(opening, 'LAKE_TLS')).message, words);
      assert.deepEqual(place.hdfs.received, []);
    });
  }

  it('asks the other NameNode when one has a wrong certificate', async () => {
    await using right = await Place.make(['active'], { nameNode: good, dataNode: good });
    await using wrong = await Place.make(['active'], { nameNode: strange });
    const nameNodes = [...wrong.hdfs.nameNodes, ...right.hdfs.nameNodes];
    await using storage = await right.open({ authority: trusted, nameNodes });
    await storage.putIfAbsent('a', bytes('1'));
  });

  it('refuses a DataNode that it cannot trust, and sends it nothing', async () => {
    await using place = await Place.make(['active'], { nameNode: good, dataNode: strange });
    await using storage = await place.open({ authority: trusted, timeoutMs: 500 });
    const error = await rejects(storage.putIfAbsent('a', bytes('1')), 'LAKE_TLS');
    assert.doesNotMatch(inspect(error, { depth: 20 }), /SECRET-OF-REDIRECT/);
    assert.deepEqual(place.hdfs.opsOf('datanode'), []);
  });

  it('never falls back to http', async () => {
    await using place = await Place.make(['active'], { nameNode: good });
    await using storage = await place.open({ authority: trusted });
    const error = await rejects(storage.putIfAbsent('a', bytes('1')), 'LAKE_REDIRECT');
    assert.match(error.message, /is not encrypted/);
    assert.doesNotMatch(inspect(error, { depth: 20 }), /SECRET-OF-REDIRECT/);
    assert.deepEqual(place.hdfs.opsOf('datanode'), []);
  });
});

describe('the login of the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-login-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: Buffer, mode = 0o600) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const login = (settings: Readonly<Record<string, string>>) => {
    const hdfs = Object.entries(settings).map(([name, value]) => [`lake.hdfs.${name}`, value]);
    const flags = {
      'lake.engine': 'hdfs',
      'lake.hdfs.namenodes': 'https://nn:1',
      ...Object.fromEntries(hdfs),
    };
    return hdfsLogin(loadConfig({ file: null, env: {}, flags }).config.lake.hdfs);
  };
  const keytab = Buffer.from([5, 2, 0]);
  const kerberos = { authentication: 'kerberos' };

  it('refuses files that cannot be used', async () => {
    const open = file('open.keytab', keytab, 0o640);
    const cases = [
      [{ tls_authority: join(folder, 'none.pem') }, /tls_authority: .*does not exist/],
      [{ tls_authority: file('empty.pem', Buffer.alloc(0)) }, /tls_authority: .*expected PEM/],
      [{ ...kerberos, keytab_file: join(folder, 'none') }, /keytab_file: .*does not exist/],
      [{ ...kerberos, keytab_file: file('text', bytes('x')) }, /expected a keytab/],
      [{ ...kerberos, keytab_file: open }, /others may read .*\(mode 640\); run chmod 600/],
    ] as const;
    for (const [settings, words] of cases) {
      assert.match((await rejects(login(settings), 'CONFIG_INVALID')).message, words);
    }
  });

  it('says how to have Kerberos, which is not installed with isobar', async () => {
    const settings = { ...kerberos, keytab_file: file('own.keytab', keytab) };
    const { message } = await rejects(login(settings), 'CONFIG_INVALID');
    assert.match(message, /npm package kerberos is not installed; run npm install kerberos@\d/);
  });
});
