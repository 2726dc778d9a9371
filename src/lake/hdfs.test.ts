import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import { inspect } from 'node:util';
import { loadConfig } from '../config/load.ts';
import { type ErrorCode, IsobarError, isErrorCode } from '../errors.ts';
import { describeStorage, type StoragePlace } from './contract.ts';
import { type HdfsOptions, type HdfsStorage, openHdfsStorage } from './hdfs.ts';
import { openStorage } from './open.ts';
import { type Fault, type Heard, type NameNodeMode, TestHdfs } from './test-hdfs.ts';
import { parseHostRules } from './webhdfs/transfer.ts';

const MIB = 1024 * 1024;

class Place implements AsyncDisposable {
  readonly hdfs: TestHdfs;
  readonly scratch: string;

  constructor(hdfs: TestHdfs, scratch: string) {
    this.hdfs = hdfs;
    this.scratch = scratch;
  }

  static async make(modes: readonly NameNodeMode[] = ['active']): Promise<Place> {
    const scratch = await mkdtemp(join(tmpdir(), 'isobar-hdfs-'));
    return new Place(await TestHdfs.make(modes), scratch);
  }

  open(change: Partial<HdfsOptions> = {}): Promise<HdfsStorage> {
    return openHdfsStorage({
      nameNodes: this.hdfs.nameNodes,
      address: 'hdfs://ns',
      folder: '/lake',
      identity: { user: 'weather' },
      replication: null,
      verify: 'length',
      concurrency: 8,
      idleMs: 300,
      patienceMs: 3_000,
      dataNodeHosts: [],
      cacheFolder: join(this.scratch, 'cache'),
      cacheBytesMax: 16 * MIB,
      ...change,
    });
  }

  /** Fails the first request that fits, then no more. */
  failOnce(op: string, fault: Fault, server = ''): void {
    let left = 1;
    this.hdfs.fault = (heard: Heard) => {
      if (left === 0 || heard.op !== op || !heard.server.startsWith(server)) return null;
      left -= 1;
      return fault;
    };
  }

  drafts(): string[] {
    return [...this.hdfs.nodes.keys()].filter((path) => path.startsWith('/lake/.tmp/'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hdfs[Symbol.asyncDispose]();
    await rm(this.scratch, { recursive: true, force: true });
  }
}

async function makePlace(): Promise<StoragePlace> {
  const place = await Place.make();
  return {
    open: () => place.open({ idleMs: 10_000 }),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

describeStorage('something that speaks WebHDFS', makePlace);

const bytes = (text: string) => Buffer.from(text);
const textOf = async (storage: HdfsStorage, path: string) =>
  Buffer.from(await storage.read(path)).toString();

async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<IsobarError> {
  let caught: unknown;
  await assert.rejects(promise, (error) => {
    caught = error;
    return isErrorCode(error, code);
  });
  assert.ok(caught instanceof IsobarError);
  return caught;
}

describe('the lake on HDFS, when NameNodes change', () => {
  it('finds the active one, and asks it from then on', async () => {
    await using place = await Place.make(['standby', 'starting', 'active']);
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    const before = place.hdfs.heard.length;
    assert.equal(await textOf(storage, 'a'), '1');
    const servers = place.hdfs.heard.slice(before).map(({ server }) => server.slice(0, -2));
    assert.deepEqual(servers, ['namenode', 'datanode']);
    assert.ok(place.hdfs.opsOf('namenode-1').length <= 1);
  });

  for (const mode of ['standby', 'starting', 'safe', 'hung', 'broken'] as const) {
    it(`waits for one that is ${mode} to be the active one`, async () => {
      await using place = await Place.make(['active', 'standby']);
      await using storage = await place.open();
      await storage.putIfAbsent('a', bytes('1'));
      place.hdfs.modes[0] = mode;
      const putting = storage.putIfAbsent('b', bytes('2'));
      const met = place.hdfs.heard.length;
      while (place.hdfs.heard.length < met + 3) await new Promise(setImmediate);
      place.hdfs.modes[1] = 'active';
      await putting;
      assert.equal(await textOf(storage, 'b'), '2');
    });
  }

  it('goes on with another when one is gone', async () => {
    await using place = await Place.make(['active', 'standby']);
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    await place.hdfs.stop('namenode-1');
    place.hdfs.modes[1] = 'active';
    assert.equal(await textOf(storage, 'a'), '1');
    await storage.putIfAbsent('b', bytes('2'));
  });

  it('says why when its patience is at an end', async () => {
    await using place = await Place.make(['active', 'standby']);
    await using storage = await place.open({ patienceMs: 500 });
    place.hdfs.modes[0] = 'safe';
    const error = await rejects(storage.putIfAbsent('a', bytes('1')), 'LAKE_SAFE_MODE');
    assert.match(error.message, /safe mode.*standby/);
    place.hdfs.modes[0] = 'standby';
    await rejects(storage.read('a'), 'LAKE_UNAVAILABLE');
    await place.hdfs.stop('namenode-1');
    await place.hdfs.stop('namenode-2');
    const gone = await rejects(storage.read('a'), 'LAKE_UNAVAILABLE');
    assert.match(gone.message, /ECONNREFUSED.*ECONNREFUSED/);
  });

  it('stops waiting when it is asked to', async () => {
    await using place = await Place.make(['active']);
    await using storage = await place.open();
    place.hdfs.modes[0] = 'hung';
    const stop = new AbortController();
    const reading = storage.read('a', stop.signal);
    const reason = new Error('enough');
    setImmediate(() => stop.abort(reason));
    await assert.rejects(reading, reason);
  });
});

describe('the lake on HDFS, when answers are lost', () => {
  for (const method of ['putIfAbsent', 'replace'] as const) {
    it(`knows that its own RENAME was carried out by ${method}`, async () => {
      await using place = await Place.make();
      await using storage = await place.open();
      place.failOnce('RENAME', 'carry-out-and-cut');
      await storage[method]('a', bytes('mine'));
      assert.equal(await textOf(storage, 'a'), 'mine');
      assert.deepEqual(place.drafts(), []);
    });
  }

  it('knows that somebody else’s was, when its own was not', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    let cut = false;
    place.hdfs.fault = ({ op, query }) => {
      if (op !== 'RENAME' || cut) return null;
      cut = true;
      const draft = place.drafts()[0] ?? '';
      const node = place.hdfs.nodes.get(draft);
      assert.ok(node);
      place.hdfs.nodes.set(query.get('destination') ?? '', { ...node, content: bytes('theirs') });
      return 'cut';
    };
    await rejects(storage.putIfAbsent('a', bytes('mine')), 'LAKE_EXISTS');
    assert.equal(await textOf(storage, 'a'), 'theirs');
    assert.deepEqual(place.drafts(), []);
  });

  it('removes once, and says so', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    place.failOnce('DELETE', 'carry-out-and-cut');
    assert.equal(await storage.delete('a'), true);
    assert.equal(await storage.delete('a'), false);
  });

  for (const fault of ['cut', 'carry-out-and-cut', 'half', 'hang'] as const) {
    it(`writes anew when a DataNode’s answer is: ${fault}`, async () => {
      await using place = await Place.make();
      await using storage = await place.open();
      const content = Buffer.alloc(3 * MIB, 'x');
      const file = join(place.scratch, 'finished');
      for (const method of ['putIfAbsent', 'replace'] as const) {
        for (const whole of [content, { file }]) {
          await writeFile(file, content);
          place.failOnce('CREATE', fault, 'datanode');
          await storage[method](`${method}-${whole === content}`, whole);
          assert.ok(content.equals(await storage.read(`${method}-${whole === content}`)));
          assert.deepEqual(place.drafts(), []);
        }
      }
    });
  }

  for (const fault of ['cut', 'half', 'hang'] as const) {
    it(`reads the rest elsewhere when a DataNode’s answer is: ${fault}`, async () => {
      await using place = await Place.make();
      await using storage = await place.open();
      const content = Buffer.from(Array.from({ length: 3 * MIB }, (_, i) => i % 251));
      await storage.putIfAbsent('a', content);
      place.failOnce('OPEN', fault, 'datanode');
      assert.ok(content.equals(await readFile(await storage.localPath('a'))));
      const offsets = place.hdfs.heard.filter(({ op }) => op === 'OPEN');
      const offset = Number(offsets.at(-1)?.query.get('offset'));
      assert.equal(offset > 0 && offset < content.length, fault === 'half');
    });
  }

  it('never joins the halves of two files', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', Buffer.alloc(MIB, 'x'));
    const other = Buffer.alloc(MIB, 'y');
    let halves = 0;
    place.hdfs.fault = ({ op, server }) => {
      if (op !== 'OPEN') return null;
      const node = place.hdfs.nodes.get('/lake/a');
      assert.ok(node);
      if (halves > 0) place.hdfs.nodes.set('/lake/a', { ...node, content: other });
      if (server.startsWith('namenode') || halves === 1) return null;
      halves += 1;
      return 'half';
    };
    assert.ok(other.equals(await storage.read('a')));
    assert.equal(halves, 1);
    place.hdfs.fault = ({ op, server }) =>
      op === 'OPEN' && server.startsWith('datanode') ? 'half' : null;
    await rejects(storage.read('a'), 'LAKE_UNAVAILABLE');
  });
});

describe('the lake on HDFS and its DataNodes', () => {
  it('leaves out one that is gone', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await place.hdfs.stop('datanode-1');
    for (let i = 0; i < 4; i++) await storage.putIfAbsent(`a${i}`, bytes('1'));
    const asked = place.hdfs.heard.filter(
      ({ op, server }) => op === 'CREATE' && server.startsWith('namenode'),
    );
    const [{ port }, last] = [new URL(place.hdfs.dataNodes[0] ?? ''), asked.at(-1)];
    assert.equal(last?.query.get('excludedatanodes'), `127.0.0.1:1${port}`);
    assert.equal(asked.length, 5);
  });

  it('tells them which NameNode is active once one of them was silent', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    place.failOnce('OPEN', 'hang', 'datanode');
    assert.equal(await textOf(storage, 'a'), '1');
    const told = place.hdfs.heard
      .filter(({ server }) => server.startsWith('datanode'))
      .map(({ query }) => query.get('namenoderpcaddress'));
    assert.deepEqual(told, ['ns', 'ns', 'nn.inside:8020']);
    const [last] = place.hdfs.heard.slice(-1);
    assert.equal(last?.query.get('delegation'), 'SECRET-OF-REDIRECT');
  });

  it('tries all again when none is left', async () => {
    await using place = await Place.make();
    await using storage = await place.open({ patienceMs: 10_000 });
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
    for (const { server, query, headers } of place.hdfs.heard) {
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
    const change = { identity: { token: 'TOKEN-OF-OURS' }, patienceMs: 300 };
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
          place.hdfs.fault = (heard) =>
            heard.op === op && heard.server.startsWith(server) ? fault : null;
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

test('settings that cannot be meant are named', async () => {
  const flags = { 'lake.engine': 'hdfs', 'lake.hdfs.namenodes': 'http://a:1, b:2' };
  const { config } = loadConfig({ file: null, env: {}, flags });
  const error = await rejects(openStorage(config.lake, tmpdir()), 'CONFIG_INVALID');
  assert.match(error.message, /"b:2" is no address/);
});

describe('the lake on HDFS and what it leaves', () => {
  it('removes drafts of the dead and old ones, and shows none', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    await storage.putIfAbsent('a', bytes('1'));
    const node = place.hdfs.nodes.get('/lake/a');
    assert.ok(node);
    const put = place.hdfs.heard.find(({ op }) => op === 'CREATE')?.path ?? '';
    const ended = put.replace(/~\d+~\d+~/, '~1~77~');
    assert.notEqual(ended, put);
    const [elsewhere, old] = ['x~1~77~x.draft', 'x~1~77~y.draft'].map((one) => `/lake/.tmp/${one}`);
    for (const draft of [put, ended, elsewhere ?? '']) place.hdfs.nodes.set(draft, node);
    const modificationTime = Date.now() - 25 * 3_600_000;
    place.hdfs.nodes.set(old ?? '', { ...node, modificationTime });
    await using again = await place.open();
    assert.deepEqual(place.drafts(), [put, elsewhere]);
    assert.deepEqual(await Array.fromAsync(again.list(''), ({ path }) => path), ['a']);
  });

  it('makes small blocks for small files, and copies as configured', async () => {
    await using place = await Place.make();
    await using storage = await place.open({ replication: 3 });
    await storage.putIfAbsent('a', Buffer.alloc(2.5 * MIB));
    const asked = place.hdfs.heard.find(({ op }) => op === 'CREATE');
    assert.equal(asked?.query.get('blocksize'), String(3 * MIB));
    assert.equal(asked?.query.get('replication'), '3');
  });

  it('moves a folder to another tier once', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    for (const name of ['1', '2', '3', '4', '5'])
      await storage.putIfAbsent(`m/${name}`, bytes('1'));
    const tier = { policy: 'COLD', replication: 1 } as const;
    assert.equal(await storage.tier?.('m', tier), 6);
    assert.equal(await storage.tier?.('m', tier), 0);
    assert.equal(await storage.tier?.('none', tier), 0);
    assert.equal(place.hdfs.nodes.get('/lake/m')?.storagePolicy, 2);
    assert.equal(place.hdfs.nodes.get('/lake/m/5')?.replication, 1);
  });

  it('names files for other programs', async () => {
    await using place = await Place.make();
    await using storage = await place.open({ address: 'hdfs://ns/' });
    assert.equal(storage.address('a/b'), 'hdfs://ns/lake/a/b');
    assert.equal(storage.location, 'hdfs://ns/lake');
  });

  it('reads what it put from a file without bringing it back', async () => {
    await using place = await Place.make();
    await using storage = await place.open();
    const file = join(place.scratch, 'finished');
    await writeFile(file, 'content');
    await storage.putIfAbsent('a.parquet', { file });
    const local = await storage.localPath('a.parquet');
    assert.equal(await readFile(local, 'utf8'), 'content');
    assert.ok(!place.hdfs.opsOf('').includes('OPEN'));
  });
});
