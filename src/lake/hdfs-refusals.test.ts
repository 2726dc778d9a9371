import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { inspect } from 'node:util';
import { rejects } from '../../test/support/rejects.ts';
import type { ErrorCode } from '../errors.ts';
import type { Fault } from './testing/hdfs-call.ts';
import { bytes, MIB, Place, textOf } from './testing/hdfs-place.ts';
import { parseHostRules } from './webhdfs/transfer.ts';

test('an answer that is not one of WebHDFS is a named error that shows it', async () => {
  await using place = await Place.make();
  await using storage = await place.open();
  await storage.putIfAbsent('a', bytes('1'));
  for (const [op, run] of [
    ['GETFILESTATUS', () => storage.stat('a')],
    ['LISTSTATUS_BATCH', () => Array.fromAsync(storage.list('x'))],
    ['OPEN', () => storage.read('a')],
    ['DELETE', () => storage.delete('a')],
  ] as const) {
    place.failOnce(op, 'foreign', 'namenode');
    const { message } = await rejects(run(), 'LAKE_UNAVAILABLE');
    assert.match(message, /expected an answer of WebHDFS; got "<html>Welcome to the proxy/, op);
  }
});

describe('the lake on HDFS and its DataNodes', () => {
  it('leaves out one that is gone', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await place.hdfs.stop('datanode-1');
    for (let i = 0; i < 4; i++) await storage.putIfAbsent(`a${i}`, bytes('1'));
    const asked = place.hdfs.received.filter(
      ({ op, server }) => op === 'CREATE' && server.startsWith('namenode'),
    );
    const [{ port }, last] = [new URL(place.hdfs.dataNodes[0] ?? ''), asked.at(-1)];
    assert.equal(last?.query.get('excludedatanodes'), `127.0.0.1:1${port}`);
    assert.equal(asked.length, 5);
  });

  it('sends them the address of the active NameNode once one of them did not answer', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    place.failOnce('OPEN', 'hang', 'datanode');
    assert.equal(await textOf(storage, 'a'), '1');
    const requests = place.hdfs.received
      .filter(({ server }) => server.startsWith('datanode'))
      .map(({ query }) => query.get('namenoderpcaddress'));
    assert.deepEqual(requests, ['ns', 'ns', 'nn.inside:8020']);
    const [last] = place.hdfs.received.slice(-1);
    assert.equal(last?.query.get('delegation'), 'SECRET-OF-REDIRECT');
  });

  it('tries all again when none is left', async () => {
    await using place = await Place.make();
    await using storage = await place.open({ timeoutMs: 10_000 });
    let cuts = 0;
    place.hdfs.fault = ({ op, server }) => {
      if (op !== 'CREATE' || !server.startsWith('datanode') || cuts === 3) return null;
      cuts += 1;
      return 'cut';
    };
    await storage.putIfAbsent('a', bytes('1'));
    assert.equal(await textOf(storage, 'a'), '1');
  });

  it('goes only where it may, also under another name', async () => {
    await using place = await Place.make();
    place.hdfs.redirectTo = (dataNode) => dataNode.replace('127.0.0.1', 'dn.inside');
    {
      await using storage = await place.open({ dataNodeHosts: parseHostRules('127.0.0.1') });
      const error = await rejects(storage.putIfAbsent('a', bytes('1')), 'LAKE_REDIRECT');
      assert.match(error.message, /dn\.inside:\d+$/);
    }
    await using storage = await place.open({
      dataNodeHosts: parseHostRules('elsewhere, dn.inside=127.0.0.1'),
    });
    await storage.putIfAbsent('a', bytes('1'));
    assert.equal(await textOf(storage, 'a'), '1');
  });

  it('gives them no credential of its own', async () => {
    await using place = await Place.make();
    await using storage = await place.open({
      identity: { token: 'TOKEN-OF-OURS' },
      authenticator: {
        headers: async () => ({ authorization: 'Negotiate PROOF' }),
        answered: () => {},
      },
    });
    await storage.putIfAbsent('a', bytes('1'));
    await storage.read('a');
    for (const { server, query, headers } of place.hdfs.received) {
      const isNameNode = server.startsWith('namenode');
      assert.equal(headers.authorization, isNameNode ? 'Negotiate PROOF' : undefined);
      assert.equal(query.get('delegation'), isNameNode ? 'TOKEN-OF-OURS' : 'SECRET-OF-REDIRECT');
      assert.equal(query.get('user.name'), null);
    }
  });

  it('answers a challenge once', async () => {
    await using place = await Place.make();
    const challenges: (string | null)[] = [];
    await using storage = await place.open({
      authenticator: {
        async headers(_nameNode, challenge) {
          challenges.push(challenge);
          return challenge === null ? {} : { authorization: 'Negotiate PROOF' };
        },
        answered: () => {},
      },
    });
    challenges.length = 0;
    place.hdfs.fault = ({ headers }) =>
      headers.authorization === undefined ? { exception: '', message: '', status: 401 } : null;
    assert.equal(await storage.stat('a'), null);
    assert.deepEqual(challenges, [null, 'Negotiate']);
    place.hdfs.fault = () => ({ exception: '', message: '', status: 401 });
    await rejects(storage.stat('a'), 'LAKE_LOGIN_REFUSED');
  });
});

describe('the lake on HDFS, refused', () => {
  const refusals: readonly [string, string, ErrorCode][] = [
    ['AccessControlException', 'Permission denied: user=weather, access=WRITE', 'LAKE_FORBIDDEN'],
    ['DSQuotaExceededException', 'The DiskSpace quota of /lake is exceeded', 'LAKE_QUOTA'],
    ['NSQuotaExceededException', 'The NameSpace quota of /lake is exceeded', 'LAKE_QUOTA'],
    [
      'IOException',
      'File /lake/x could only be written to 0 of the 1 minReplication nodes.',
      'LAKE_NO_DATANODE',
    ],
    ['IOException', 'Requested replication factor of 600 exceeds maximum of 512', 'LAKE_POLICY'],
    ['SecurityException', 'Failed to obtain user group information', 'LAKE_LOGIN_REFUSED'],
    ['InvalidToken', 'token is expired', 'LAKE_LOGIN_REFUSED'],
    ['NullPointerException', 'something unheard of', 'LAKE_UNAVAILABLE'],
  ];
  for (const [exception, message, code] of refusals) {
    it(`says ${code} for ${exception}: ${message.slice(0, 30)}`, async () => {
      await using place = await Place.make();
      await using storage = await place.open();
      place.hdfs.fault = ({ op, server }) =>
        op === 'CREATE' && server.startsWith('datanode') ? { exception, message } : null;
      const error = await rejects(storage.putIfAbsent('a', Buffer.alloc(MIB)), code);
      assert.ok(error.message.includes(message) && !error.message.includes('Stack.trace'));
      assert.equal(await storage.stat('a'), null);
    });
  }

  it('keeps tokens out of every error', async () => {
    await using place = await Place.make(['active', 'standby']);
    const change = { identity: { token: 'TOKEN-OF-OURS' }, timeoutMs: 300 };
    await using storage = await place.open(change);
    const faults: readonly Fault[] = [
      'cut',
      'hang',
      'half',
      { exception: 'AccessControlException', message: 'no' },
    ];
    let seen = 0;
    for (const fault of faults) {
      for (const server of ['namenode', 'datanode']) {
        for (const op of ['CREATE', 'OPEN', 'RENAME']) {
          place.hdfs.fault = () => null;
          await storage.replace('there', bytes('12'));
          place.hdfs.fault = (received) =>
            received.op === op && received.server.startsWith(server) ? fault : null;
          const work = op === 'OPEN' ? storage.read('there') : storage.replace('a', bytes('1'));
          const error = await work.then(
            () => null,
            (failed: unknown) => failed,
          );
          const text = inspect(error, { depth: 9 });
          assert.ok(!/TOKEN-OF-OURS|SECRET-OF-REDIRECT/.test(text), text);
          if (error !== null) seen += 1;
        }
      }
    }
    assert.ok(seen > 8);
  });
});
