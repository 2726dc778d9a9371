/**
 * HDFS that asks for Kerberos and answers by HTTPS only, with a KDC of its own: what fits gets in,
 * what does not is a named error that says what to do, and no secret is seen.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inspect, promisify } from 'node:util';
import { cacheFolder } from '../../src/cluster/artifacts.ts';
import { resolveProgram } from '../../src/cluster/debian.ts';
import { REALM } from '../../src/cluster/realm.ts';
import { loadConfig } from '../../src/config/load.ts';
import { openHdfsProbe } from '../../src/engines/hdfs.ts';
import { type ErrorCode, IsobarError } from '../../src/errors.ts';
import { openHdfsPages } from '../../src/lake/hdfs-pages.ts';
import { openStorage } from '../../src/lake/open.ts';
import type { Storage } from '../../src/lake/storage.ts';
import { DEFAULT_CITIES } from '../../src/model/city.ts';
import { followParent } from '../support/leash.ts';
import { until } from '../support/until.ts';
import { findsKerberosIn, resolveKerberos, withEnvironment } from './kerberos-library.ts';
import { openRealm, type TestRealm } from './realm.ts';
import { type SecuredHdfs, startSecuredHdfs } from './secured-hdfs.ts';

followParent();

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const TOKEN_RENEW_MS = 6_000;
const TOKEN_LIFE_MS = 14_000;
const SECRETS = /delegation=|urlString|hadoop\.auth=|Negotiate [A-Za-z0-9+/]{20}/;

/** Null where everything is there, else why the tests do not run. */
async function missingTools(): Promise<string | null> {
  if (process.env.ISOBAR_TEST_CLUSTER === undefined) {
    return 'the real services do not run here: npm run test:cluster starts them';
  }
  try {
    await resolveKerberos();
    for (const [program, debian] of [
      ['krb5kdc', 'krb5-admin-server'],
      ['kinit', 'krb5-user'],
      ['faketime', 'faketime'],
    ] as const) {
      await resolveProgram(program, debian, cacheFolder(process.env));
    }
    return null;
  } catch (error) {
    if (!(error instanceof IsobarError)) throw error;
    return `a KDC or the package kerberos cannot be had here: ${error.message}`;
  }
}

const missing = await missingTools();

describe('HDFS with Kerberos and HTTPS', { skip: missing ?? false }, () => {
  let folder: string;
  let realm: TestRealm;
  let hdfs: SecuredHdfs;
  let keytab: string;
  let library: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isobar-kerberos-'));
    library = await resolveKerberos();
    findsKerberosIn(library);
    realm = await openRealm(join(folder, 'realm'));
    process.env.KRB5_CONFIG = realm.config;
    keytab = await realm.keytab('isobar', 'isobar');
    await mkdir(join(folder, 'hdfs'));
    hdfs = await startSecuredHdfs({
      folder: join(folder, 'hdfs'),
      realm,
      tokenRenewMs: TOKEN_RENEW_MS,
      tokenLifeMs: TOKEN_LIFE_MS,
    });
    const admin = await realm.keytab('admin', 'nn/localhost');
    await using storage = await open({ keytab_file: admin, folder: '/' });
    await storage.putIfAbsent('user/isobar/made', Buffer.from('1'));
    await atNameNode(admin, 'PUT', '/user/isobar', 'op=SETOWNER&owner=isobar');
  });
  after(async () => {
    await hdfs?.[Symbol.asyncDispose]();
    await realm?.[Symbol.asyncDispose]();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  function settings(hdfsSettings: Readonly<Record<string, string | number>> = {}) {
    return {
      namenodes: hdfs.nameNode,
      address: hdfs.address,
      folder: '/user/isobar',
      authentication: 'kerberos',
      keytab_file: keytab,
      tls_authority: hdfs.authority,
      retry_timeout_s: 5,
      ...hdfsSettings,
    };
  }

  async function open(change: Readonly<Record<string, string | number>> = {}): Promise<Storage> {
    const flags = { 'lake.engine': 'hdfs', ...flagsOf(settings(change)) };
    const { config } = loadConfig({ file: null, env: {}, flags });
    return openStorage(config.lake, join(await mkdtemp(join(folder, 'place-')), 'lake'));
  }

  async function refused(
    code: ErrorCode,
    words: RegExp,
    change: Readonly<Record<string, string | number>> = {},
  ): Promise<void> {
    await assert.rejects(
      open(change).then(async (storage) => {
        await using opened = storage;
        await opened.putIfAbsent('never', Buffer.from('1'));
      }),
      (error) => {
        assert.ok(error instanceof IsobarError, inspect(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, words);
        assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), SECRETS);
        return true;
      },
    );
  }

  /** What an administrator does beside. */
  async function atNameNode(
    as: string,
    method: string,
    path: string,
    query: string,
    principal = '',
  ) {
    const env = { KRB5_CLIENT_KTNAME: as, KRB5CCNAME: `MEMORY:${as}` };
    const script = `
      const { request } = require('node:https');
      const kerberos = require('kerberos');
      const mechOID = kerberos.GSS_MECH_OID_SPNEGO;
      const principal = ${JSON.stringify(principal)};
      kerberos.initializeClient('HTTP@localhost', { mechOID, ...(principal && { principal }) })
        .then((client) => client.step(''))
        .then((token) => {
          const ca = require('node:fs').readFileSync(${JSON.stringify(hdfs.authority)});
          const headers = { authorization: 'Negotiate ' + token };
          request(${JSON.stringify(`${hdfs.nameNode}/webhdfs/v1${path}?${query}`)},
            { ca, headers, method: '${method}' },
            (reply) => {
              if (reply.statusCode !== 200) process.exitCode = 1;
              reply.pipe(process.stdout);
            }).end();
        });`;
    const options = { env: { ...process.env, ...env, NODE_PATH: library } };
    return (await run(process.execPath, ['-e', script], options)).stdout;
  }

  const audited = (command: string) => {
    const text = readFileSync(hdfs.outputs[0] ?? '', 'utf8');
    const ofUs = text.split('\n').filter((line) => /ugi=isobar\b/.test(line));
    return ofUs.filter((line) => line.includes(`cmd=${command}`)).length;
  };

  /** A command of isobar in a process of its own. */
  async function isobar(data: string, ...args: string[]) {
    const file = join(folder, `${data}.json`);
    const config = {
      data: join(folder, data),
      log_level: 'debug',
      lake: { engine: 'hdfs', hdfs: settings({ folder: `/user/isobar/${data}` }) },
    };
    writeFileSync(file, JSON.stringify(config));
    const env = { ...process.env, NODE_PATH: library, NODE_NO_WARNINGS: '1' };
    const done = await run(process.execPath, [MAIN, ...args, '--config', file], { env });
    assert.doesNotMatch(done.stdout + done.stderr, SECRETS);
    return done.stdout;
  }

  it('takes a whole lake, and gives it back', async () => {
    const history = join(folder, 'history.jsonl');
    writeFileSync(history, answers().join('\n'));
    await isobar('whole', 'import', history);
    await isobar('whole', 'land', '--once');
    await isobar('whole', 'analyze', '--once');
    const verified = await isobar('whole', 'verify');
    assert.match(verified, /everything adds up/);
    assert.match(verified, /observations +\D*\d+/);
  });

  it('gives the lake the least rights, and what comes later has them too', async () => {
    const others = await realm.keytab('others', 'reader', 'stranger');
    const secure = (...args: string[]) =>
      isobar('secured', 'lake', 'secure', '--readers', 'analysts', ...args);
    await isobar('secured', 'import', join(folder, 'history.jsonl'));
    await isobar('secured', 'land', '--once');
    const planned = await secure();
    assert.match(planned, /^hdfs dfs -setfacl --set user::rwx,group::---,group:analysts:r-x/m);
    await assert.rejects(secure('--check'), /paths have other rights/);
    assert.match(await secure('--apply'), /\.tmp\n/);
    assert.equal(await secure('--apply'), 'all rights are as they should be\n');
    // What lands now, and what is computed from it, inherits.
    writeFileSync(join(folder, 'later.jsonl'), answers(1_000).join('\n'));
    await isobar('secured', 'import', join(folder, 'later.jsonl'));
    await isobar('secured', 'land', '--once');
    await isobar('secured', 'analyze', '--once');
    assert.equal(await secure('--check'), 'all rights are as they should be\n');
    assert.match(await isobar('secured', 'verify'), /everything adds up/);
    const at = '/user/isobar/secured';
    const listed = async (who: string, path: string) =>
      atNameNode(others, 'GET', `${at}${path}`, 'op=LISTSTATUS', who).then(
        () => 'allowed',
        () => 'refused',
      );
    assert.equal(await listed('reader', '/weather_data/table/observations'), 'allowed');
    assert.equal(await listed('reader', '/weather_data/_leases'), 'refused');
    assert.equal(await listed('reader', '/.tmp'), 'refused');
    assert.equal(await listed('stranger', ''), 'refused');
  });

  it('has one token of its own, for any number of files, and cancels it', async () => {
    const before = ['getDelegationToken', 'cancelDelegationToken'].map(audited);
    {
      await using storage = await open();
      for (let i = 0; i < 20; i++) {
        await storage.putIfAbsent(`many/${i}`, Buffer.from(`${i}`));
        assert.equal(Buffer.from(await storage.read(`many/${i}`)).toString(), String(i));
      }
    }
    const [made = 0, ended = 0] = ['getDelegationToken', 'cancelDelegationToken'].map(audited);
    assert.deepEqual([made - (before[0] ?? 0), ended - (before[1] ?? 0)], [1, 1]);
  });

  it('renews its token, takes another at its longest life, and writes meanwhile', async () => {
    await using storage = await open();
    const [made, renewed] = [audited('getDelegationToken'), audited('renewDelegationToken')];
    let written = 0;
    await until(
      'a third token',
      async () => {
        await storage.putIfAbsent(`long/${written}`, Buffer.from('1'));
        written += 1;
        return audited('getDelegationToken') >= made + 2;
      },
      60_000,
    );
    assert.ok(audited('renewDelegationToken') >= renewed + 3);
    assert.equal((await Array.fromAsync(storage.list('long'))).length, written);
  });

  it('goes on after the NameNode was away for longer than its token lived', async () => {
    await using storage = await open();
    await storage.putIfAbsent('away/1', Buffer.from('1'));
    await hdfs.services.nameNode.stop();
    await hdfs.services.nameNode.start();
    await until(
      'a file after the start',
      () =>
        storage.putIfAbsent('away/2', Buffer.from('2')).then(
          () => true,
          (error) => error instanceof IsobarError && error.code === 'LAKE_EXISTS',
        ),
      60_000,
    );
  });

  it('refuses a keytab with an old key, and one of a principal that is not known', async () => {
    const old = await realm.keytab('old', 'changed');
    await realm.changeKey('changed');
    await refused('LAKE_LOGIN_REFUSED', /is not the one that the KDC has .*export the keytab/, {
      keytab_file: old,
    });
    await refused('LAKE_LOGIN_REFUSED', /holds no key of other@.*klist -k/, {
      principal: `other@${REALM}`,
    });
  });

  it('refuses an authority that is not trusted, and a host that the certificate does not name', async () => {
    await refused('LAKE_TLS', /not of an authority that is trusted/, {
      tls_authority: hdfs.otherAuthority,
    });
    await refused('LAKE_TLS', /not of an authority that is trusted/, { tls_authority: '' });
    await refused('LAKE_TLS', /the certificate is for another name/, {
      namenodes: hdfs.nameNode.replace('localhost', '127.0.0.1'),
    });
  });

  it('says that the clocks differ', async () => {
    const skewed = await realm.startSkewed('+20m');
    await withEnvironment({ KRB5_CONFIG: skewed }, () =>
      refused('LAKE_LOGIN_REFUSED', /clocks .* differ/, { principal: `isobar@${REALM}` }),
    );
  });

  it('says that no KDC answers, after trying again', async () => {
    const away = await realm.configFor('krb5-away.conf', 9);
    const fresh = await realm.keytab('fresh', 'isobar');
    await withEnvironment({ KRB5_CONFIG: away }, () =>
      refused('LAKE_UNAVAILABLE', /no KDC answers/, { keytab_file: fresh, retry_timeout_s: 1 }),
    );
  });

  it('shows the figures of the NameNode, whose pages ask for a login too', async () => {
    const flags = { 'lake.engine': 'hdfs', ...flagsOf(settings()) };
    const { config } = loadConfig({ file: null, env: {}, flags });
    const nameNodes = [hdfs.nameNode];
    const common = { nameNodes, journalNodes: [], timeoutMs: 20_000 };
    await using probe = openHdfsProbe({ ...common, pages: await openHdfsPages(config.lake.hdfs) });
    const { figures } = await probe.read(AbortSignal.timeout(20_000));
    assert.deepEqual([figures.namenodes_active, figures.datanodes_live], [1, 1]);
    await using plain = openHdfsProbe(common);
    await assert.rejects(plain.read(AbortSignal.timeout(20_000)), /SELF_SIGNED|UNABLE_TO/);
  });

  it('lies in an encryption zone', async () => {
    const admin = await realm.keytab('admin', 'nn/localhost');
    await hdfs.makeZone('/zone', admin);
    await atNameNode(admin, 'PUT', '/zone', 'op=SETOWNER&owner=isobar');
    const words = 'what only those may read who have the key '.repeat(100);
    {
      await using storage = await open({ folder: '/zone' });
      await storage.putIfAbsent('table/a', Buffer.from(words));
      await storage.replace('table/a', Buffer.from(words));
      assert.equal(Buffer.from(await storage.read('table/a')).toString(), words);
    }
    await using raw = await open({ keytab_file: admin, folder: '/.reserved/raw/zone' });
    const bytes = Buffer.from(await raw.read('table/a'));
    assert.equal(bytes.length, words.length);
    assert.ok(!bytes.includes('what only'));
    // HDFS's own checksum is that of the encrypted bytes.
    await using checked = await open({ folder: '/zone', verify: 'checksum' });
    await checked.putIfAbsent('table/b', Buffer.from(words));
  });

  it('gets new tickets from its keytab before the old ones end', async () => {
    const short = await realm.keytab('short', 'short');
    await realm.limitTickets('short', '4 seconds');
    const asked = () =>
      (readFileSync(realm.kdc.status().output, 'utf8').match(/AS_REQ.*ISSUE.* short@/g) ?? [])
        .length;
    // Its own clock: that the first one has ended is what is waited for.
    const ended = performance.now() + 5_000;
    await until('a ticket after the first', async () => {
      await using storage = await open({ keytab_file: short, folder: '/user' });
      assert.equal(await storage.stat('isobar'), null, 'a folder, which it may see');
      return asked() >= 2 && performance.now() > ended;
    });
  });

  it('uses the ticket cache without a keytab, and says when the ticket has expired', async () => {
    const cache = `FILE:${join(folder, 'tickets')}`;
    const kinit = await resolveProgram('kinit', 'krb5-user', cacheFolder(process.env));
    const env = { ...process.env, ...kinit.env, KRB5CCNAME: cache };
    const none = { keytab_file: '' };
    await withEnvironment({ KRB5CCNAME: cache }, async () => {
      await refused('LAKE_LOGIN_REFUSED', /no ticket was found; run kinit/, none);
      await run(kinit.path, ['-k', '-t', keytab, 'isobar'], { env });
      {
        await using storage = await open(none);
        await storage.putIfAbsent('by-ticket', Buffer.from('1'));
      }
      await run(kinit.path, ['-l', '2s', '-k', '-t', keytab, 'isobar'], { env });
      const isRefused = async () => {
        try {
          await (await open(none))[Symbol.asyncDispose]();
          return false;
        } catch {
          return true;
        }
      };
      await until('an expired ticket', isRefused, 30_000);
      await refused('LAKE_LOGIN_REFUSED', /the ticket has expired; run kinit/, none);
    });
  });
});

function flagsOf(values: Readonly<Record<string, string | number>>): Record<string, string> {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([name, value]) => [`lake.hdfs.${name}`, String(value)]));
}

/** A day of each city, as the provider answers. */
function answers(daysAgo = 0): string[] {
  const file = 'src/collector/openweather/testcases/bare-rain/response.json';
  const answer = JSON.parse(readFileSync(join(import.meta.dirname, '../..', file), 'utf8'));
  const now = Math.floor(Date.now() / 3_600_000) * 3_600 - daysAgo * 86_400;
  return DEFAULT_CITIES.flatMap((city) =>
    Array.from({ length: 24 }, (_, hour) => {
      const coord = { lon: city.longitude, lat: city.latitude };
      const sys = { ...answer.sys, country: city.country };
      const dt = now - hour * 3_600;
      return JSON.stringify({ ...answer, coord, sys, dt, timezone: 0, name: city.name });
    }),
  );
}
