/** The lake on real HDFS while parts of it die, hang or lose their answers. */
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { isErrorCode } from '../../src/errors.ts';
import type { HdfsStorage } from '../../src/lake/hdfs.ts';
import { startChild } from '../support/child.ts';
import { createRandom } from '../support/random.ts';
import { until } from '../support/until.ts';
import { type Hdfs, makeHdfsPlace } from './hdfs-place.ts';
import { absent, control, killService, restartService, service } from './services.ts';

const hdfs = service('hdfs');
const MIB = 1024 * 1024;

describe('the lake on HDFS', { skip: hdfs === null ? absent('hdfs') : false }, () => {
  if (hdfs === null) return;
  describeDying(hdfs);
  describeLostAnswers(hdfs);
  describeNameNodes(hdfs);
});

function describeDying(of: Hdfs): void {
  it('shows nothing of a client that was killed while it wrote, and removes what it left', async () => {
    await using place = await makeHdfsPlace(of);
    const code = `
      import { openHdfsStorage } from ${JSON.stringify(
        new URL('../../src/lake/hdfs.ts', import.meta.url).href,
      )};
      const storage = await openHdfsStorage(${JSON.stringify(place.options)});
      await storage.putIfAbsent('a/b', Buffer.alloc(${300 * MIB}, 'x'));
      console.log('too late');`;
    const child = startChild(code);
    const drafts = async () => (await place.client.list(`${place.folder}/.tmp`, '')) ?? [];
    await until('a draft is there', async () => (await drafts()).length > 0);
    child.process.kill('SIGKILL');
    assert.equal((await child.ended).output, '');
    const [draft] = await drafts();
    assert.ok(draft !== undefined && draft.length < 300 * MIB, 'it looks like a short file');
    await using storage = await place.open();
    assert.deepEqual(await Array.fromAsync(storage.list('')), []);
    assert.deepEqual(await drafts(), []);
    await storage.putIfAbsent('a/b', Buffer.from('again'));
  });

  it('loses and doubles nothing when a DataNode is killed in the middle of writing', async () => {
    await using place = await makeHdfsPlace(of);
    await using storage = await place.open();
    const services = await control();
    const options = { storage, what: 'a DataNode is killed', bytes: 8 * MIB };
    try {
      await writeThrough({ ...options, disturb: () => killService('datanode-1') });
    } finally {
      await services.start('datanode-1');
    }
  });
}

/** Four writers write on while something happens; then all that they wrote must be there, once. */
async function writeThrough(options: {
  readonly storage: HdfsStorage;
  readonly what: string;
  readonly bytes: number;
  readonly disturb: () => Promise<unknown>;
}): Promise<void> {
  const { storage, what, bytes, disturb } = options;
  let writing = true;
  let written = 0;
  let slowest = 0;
  const contentOf = (writer: number, i: number) => Buffer.alloc(bytes, `${writer} ${i} `);
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let i = 0; writing; i++) {
      const from = performance.now();
      await storage.putIfAbsent(`w${writer}/${i}`, contentOf(writer, i));
      slowest = Math.max(slowest, performance.now() - from);
      written += 1;
    }
  });
  const all = Promise.all(writers);
  all.catch(() => {});
  try {
    await until('files are written', async () => written >= 12);
    await disturb();
    const before = written;
    await until('writing goes on', async () => written >= before + 24);
  } finally {
    writing = false;
  }
  await all;
  console.log(`${what}: slowest write ${Math.round(slowest)} ms`);
  const found = await Array.fromAsync(storage.list(''), ({ path }) => path);
  assert.equal(found.length, written);
  for (const path of found) {
    const [, writer = '', i = ''] = /^w(\d)\/(\d+)$/.exec(path) ?? [];
    assert.ok(contentOf(Number(writer), Number(i)).equals(await storage.read(path)), path);
  }
}

/** Lets bytes through to the port, but cuts the connection instead of some answers to RENAME. */
class CuttingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  cuts = 0;

  constructor(port: number, decide: () => boolean) {
    this.#server = createServer((client) => {
      const upstream = connect(port, '127.0.0.1');
      let cutsNext = false;
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.on('data', (chunk) => {
        cutsNext = chunk.includes('op=RENAME') && decide();
        upstream.write(chunk);
      });
      upstream.on('data', (chunk) => {
        if (!cutsNext) return void client.write(chunk);
        this.cuts += 1;
        client.destroy();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function describeLostAnswers(of: Hdfs): void {
  it('knows who won when answers to RENAME are lost', async () => {
    await using place = await makeHdfsPlace(of);
    await using stack = new AsyncDisposableStack();
    const random = createRandom(7);
    const proxies: CuttingProxy[] = [];
    const nameNodes: string[] = [];
    for (const address of place.options.nameNodes) {
      const proxy = stack.use(
        new CuttingProxy(Number(new URL(address).port), () => random() < 0.5),
      );
      proxies.push(proxy);
      nameNodes.push(await proxy.listen());
    }
    const racers: HdfsStorage[] = [];
    for (let i = 0; i < 4; i++) racers.push(stack.use(await place.open({ nameNodes })));
    for (let round = 0; round < 12; round++) {
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) =>
          racers[i % 4]?.putIfAbsent(`commits/${round}`, Buffer.from(`racer ${i}`)),
        ),
      );
      const won = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
      assert.equal(won.length, 1, `round ${round}`);
      for (const result of results) {
        if (result.status === 'rejected') assert.ok(isErrorCode(result.reason, 'LAKE_EXISTS'));
      }
      const there = await racers[0]?.read(`commits/${round}`);
      assert.equal(Buffer.from(there ?? []).toString(), `racer ${won[0]}`);
    }
    const cuts = proxies.reduce((sum, proxy) => sum + proxy.cuts, 0);
    assert.ok(cuts > 20, `${cuts} answers were cut`);
  });
}

async function activeOf(of: Hdfs): Promise<number> {
  for (const [at, address] of of.namenodes.split(',').entries()) {
    const reply = await fetch(`${address}/isActive`).catch(() => null);
    if (reply?.status === 200) return at + 1;
  }
  return 0;
}

function describeNameNodes(of: Hdfs): void {
  const isHa = of.namenodes.includes(',');
  for (const [what, signal] of [
    ['is killed', 'SIGKILL'],
    ['hangs', 'SIGSTOP'],
  ] as const) {
    it(`loses and doubles nothing when the active NameNode ${what}`, {
      skip: isHa ? false : 'there is one NameNode',
    }, async () => {
      await using place = await makeHdfsPlace(of);
      // Shorter than DataNodes wait for a NameNode that hangs.
      await using storage = await place.open({ idleMs: 3_000 });
      await until('one is active', async () => (await activeOf(of)) > 0);
      const name = `namenode-${await activeOf(of)}`;
      const services = await control();
      try {
        const disturb = () => services.signal(name, signal);
        await writeThrough({ storage, what: `the active NameNode ${what}`, bytes: 100, disturb });
      } finally {
        await restartService(name);
      }
    });
  }
}
