/**
 * A small HDFS that speaks WebHDFS as recorded from a real one, over real sockets: NameNodes that
 * stand by, hang or are starting, DataNodes that cut, and every call can be made to fail. For
 * tests of what is hard to bring about at a real cluster; that all else is right, real ones show.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Call, Certificates, Fault } from './hdfs-call.ts';

export type NameNodeMode = 'active' | 'standby' | 'starting' | 'safe' | 'hung' | 'broken';

interface Node {
  readonly content: Buffer | null;
  readonly modificationTime: number;
  replication: number;
  storagePolicy: number;
  owner: string;
}

const LIST_PAGE = 3;

export class TestHdfs implements AsyncDisposable {
  readonly nodes = new Map<string, Node>();
  readonly modes: NameNodeMode[] = [];
  readonly received: Call[] = [];
  readonly nameNodes: string[] = [];
  readonly dataNodes: string[] = [];
  /** Asked for every request; what it returns happens. */
  fault: (call: Call) => Fault | null = () => null;
  /** The address that redirects name instead of the DataNode's own. */
  redirectTo: ((dataNode: string) => string) | null = null;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #certificates: Certificates = {};
  #turn = 0;

  static async make(
    modes: readonly NameNodeMode[],
    dataNodes = 2,
    certificates: Certificates = {},
  ): Promise<TestHdfs> {
    const hdfs = new TestHdfs();
    hdfs.#certificates = certificates;
    hdfs.nodes.set('/', folderNode());
    for (const mode of modes) {
      const at = hdfs.modes.push(mode) - 1;
      hdfs.nameNodes.push(
        await hdfs.#serve(`namenode-${at + 1}`, (call, incoming, outgoing) =>
          hdfs.#atNameNode(at, call, incoming, outgoing),
        ),
      );
    }
    for (let at = 0; at < dataNodes; at++) {
      hdfs.dataNodes.push(
        await hdfs.#serve(`datanode-${at + 1}`, (call, incoming, outgoing) =>
          hdfs.#atDataNode(call, incoming, outgoing),
        ),
      );
    }
    return hdfs;
  }

  opsOf(server: string): string[] {
    return this.received.filter((one) => one.server.startsWith(server)).map(({ op }) => op);
  }

  /** The server refuses connections from now on. */
  async stop(server: `namenode-${number}` | `datanode-${number}`): Promise<void> {
    const [kind, number] = server.split('-');
    const at = Number(number) - 1 + (kind === 'datanode' ? this.nameNodes.length : 0);
    this.#servers[at]?.closeAllConnections();
    await new Promise((resolve) => this.#servers[at]?.close(resolve));
  }

  async #serve(
    name: string,
    answer: (call: Call, incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>,
  ): Promise<string> {
    const handle = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
      const url = new URL(incoming.url ?? '', 'http://here');
      const call: Call = {
        server: name,
        method: incoming.method ?? '',
        op: url.searchParams.get('op') ?? '',
        path: decodeURIComponent(url.pathname.replace(/^\/webhdfs\/v1/, '')) || '/',
        query: url.searchParams,
        headers: incoming.headers,
      };
      this.received.push(call);
      await answer(call, incoming, outgoing).catch((error) => {
        if (error instanceof Refusal) return error.send(outgoing);
        incoming.destroy();
      });
    };
    const pair = this.#certificates[name.startsWith('name') ? 'nameNode' : 'dataNode'];
    const server =
      pair === undefined
        ? createServer(handle)
        : createSecureServer({ cert: pair.certificate, key: pair.key }, handle);
    // A DataNode decides itself when it wants the body.
    server.on('checkContinue', handle);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const scheme = pair === undefined ? 'http' : 'https';
    return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async #atNameNode(
    at: number,
    call: Call,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    incoming.resume();
    if (call.path.startsWith('/jmx')) return sendJson(outgoing, this.#jmx());
    const mode = this.modes[at];
    if (mode === 'hung') return;
    if (mode === 'broken') return void outgoing.writeHead(503).end('<html>not yet</html>');
    if (mode === 'standby') {
      throw new Refusal(
        'StandbyException',
        'Operation category READ is not supported in state standby. Visit https://s.apache.org/sbnn-error',
      );
    }
    if (mode === 'starting') {
      throw new Refusal('RetriableException', 'Namenode is in startup mode');
    }
    if (mode === 'safe' && call.method !== 'GET') {
      throw new Refusal(
        'SafeModeException',
        `Cannot ${call.op} ${call.path}. Name node is in safe mode.`,
      );
    }
    const fault = this.#faultOf(call);
    if (fault === 'hang') return;
    if (fault === 'cut') return void incoming.socket.destroy();
    if (fault === 'foreign') return void outgoing.end('<html>Welcome to the proxy</html>');
    const answer = this.#carryOut(call);
    if (fault === 'carry-out-and-cut') return void incoming.socket.destroy();
    sendJson(outgoing, answer);
  }

  #faultOf(call: Call): Exclude<Fault, object> | null {
    const fault = this.fault(call);
    if (fault === null || typeof fault === 'string') return fault;
    throw new Refusal(fault.exception, fault.message, fault.status);
  }

  #carryOut({ op, path, query }: Call): object | null {
    const node = this.nodes.get(path);
    switch (op) {
      case 'GETFILESTATUS':
        if (node === undefined) throw missing(path);
        return { FileStatus: statusOf('', node) };
      case 'LISTSTATUS_BATCH':
        return this.#list(path, query.get('startafter') ?? '');
      case 'MKDIRS':
        this.#makeFolders(path);
        return { boolean: true };
      case 'CREATE':
      case 'OPEN':
        if (op === 'OPEN' && node?.content == null) throw missing(path);
        return { Location: this.#locate(op, path, query) };
      case 'RENAME':
        this.#rename(path, query);
        return null;
      case 'DELETE':
        if (this.#childrenOf(path).length > 0) {
          throw new Refusal('PathIsNotEmptyDirectoryException', `${path} is non empty`);
        }
        return { boolean: this.nodes.delete(path) };
      case 'SETREPLICATION':
        if (node !== undefined) node.replication = Number(query.get('replication'));
        return { boolean: node !== undefined };
      case 'SETSTORAGEPOLICY':
        if (node === undefined) throw missing(path);
        node.storagePolicy = { HOT: 7, COLD: 2 }[query.get('storagepolicy') ?? ''] ?? 0;
        return null;
      default:
        throw new Refusal(
          'IllegalArgumentException',
          `Invalid value for webhdfs parameter "op"`,
          400,
        );
    }
  }

  #locate(op: string, path: string, query: URLSearchParams): string {
    const excluded = (query.get('excludedatanodes') ?? '').split(',');
    const left = this.dataNodes.filter((one) => !excluded.includes(transferName(one)));
    if (left.length === 0) {
      throw new Refusal(
        'IOException',
        `Failed to find datanode, suggest to check cluster health. excludeDatanodes=${excluded}`,
      );
    }
    const chosen = left[this.#turn++ % left.length] ?? '';
    const base = this.redirectTo?.(chosen) ?? chosen;
    const offset = query.get('offset');
    const more = offset === null ? '' : `&offset=${offset}`;
    // The token of the redirect is a secret of the NameNode's making.
    return `${base}/webhdfs/v1${path.split('/').map(encodeURIComponent).join('/')}?op=${op}&delegation=SECRET-OF-REDIRECT&namenoderpcaddress=ns${more}`;
  }

  #list(path: string, after: string): object {
    const node = this.nodes.get(path);
    if (node === undefined) throw missing(path);
    const names =
      node.content === null
        ? this.#childrenOf(path)
            .sort(compareSigned)
            .filter((one) => compareSigned(one, after) > 0)
        : [''];
    const page = names.slice(0, LIST_PAGE);
    const at = (name: string) =>
      this.nodes.get(name === '' ? path : join(path, name)) ?? folderNode();
    const FileStatus = page.map((name) => statusOf(name, at(name)));
    return {
      DirectoryListing: {
        partialListing: { FileStatuses: { FileStatus } },
        remainingEntries: names.length - page.length,
      },
    };
  }

  #childrenOf(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...this.nodes.keys()]
      .filter((one) => one !== '/' && one.startsWith(prefix))
      .map((one) => one.slice(prefix.length))
      .filter((name) => name !== '' && !name.includes('/'));
  }

  #makeFolders(path: string): void {
    const segments = path.split('/').filter((segment) => segment !== '');
    let at = '';
    for (const segment of segments) {
      at += `/${segment}`;
      const node = this.nodes.get(at);
      if (node === undefined) this.nodes.set(at, folderNode());
      else if (node.content !== null && at === path) {
        throw new Refusal('FileAlreadyExistsException', `Path is not a directory: ${at}`);
      } else if (node.content !== null) {
        throw new Refusal('AccessControlException', `${at} (is not a directory)`);
      }
    }
  }

  #rename(from: string, query: URLSearchParams): void {
    const to = query.get('destination') ?? '';
    const [source, target] = [this.nodes.get(from), this.nodes.get(to)];
    if (source === undefined) throw missing(from, `rename source ${from} is not found.`);
    const parent = to.slice(0, to.lastIndexOf('/')) || '/';
    if (this.nodes.get(parent) === undefined) {
      throw missing(parent, `rename destination parent ${to} not found.`);
    }
    if (target !== undefined && target.content === null) {
      throw new Refusal(
        'IOException',
        `Source ${from} and destination ${to} must both be directories`,
      );
    }
    if (target !== undefined && query.get('renameoptions') !== 'OVERWRITE') {
      throw new Refusal('FileAlreadyExistsException', `rename destination ${to} already exists`);
    }
    this.nodes.delete(from);
    this.nodes.set(to, source);
  }

  async #atDataNode(
    call: Call,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const fault = this.#faultOf(call);
    if (fault === 'hang') return;
    if (fault === 'cut') return void incoming.socket.destroy();
    if (call.op === 'OPEN') {
      const content = this.nodes.get(call.path)?.content;
      if (content == null) throw missing(call.path);
      const wanted = content.subarray(Number(call.query.get('offset') ?? 0));
      outgoing.writeHead(200, { 'content-length': wanted.length, connection: 'close' });
      if (fault !== 'half') return void outgoing.end(wanted);
      outgoing.write(wanted.subarray(0, wanted.length >> 1), () => incoming.socket.destroy());
      return;
    }
    const path = call.path;
    this.#makeFolders(path.slice(0, path.lastIndexOf('/')));
    this.nodes.set(path, fileNode(Buffer.alloc(0)));
    outgoing.writeContinue();
    const parts: Buffer[] = [];
    try {
      for await (const part of incoming) {
        parts.push(part);
        if (fault === 'half') incoming.socket.destroy();
      }
    } finally {
      // A client that dies leaves a file that looks finished.
      const all = Buffer.concat(parts);
      const isShort = fault === 'half' || fault === 'short';
      this.nodes.set(path, fileNode(isShort ? all.subarray(0, all.length >> 1) : all));
    }
    if (fault === 'carry-out-and-cut') return void incoming.socket.destroy();
    outgoing.writeHead(201, { connection: 'close' }).end();
  }

  #jmx(): object {
    const live = this.dataNodes.map((one) => {
      const name = transferName(one);
      return [name, { infoAddr: new URL(one).host, infoSecureAddr: '127.0.0.1:0', xferaddr: name }];
    });
    const LiveNodes = JSON.stringify(Object.fromEntries(live));
    return { beans: [{ LiveNodes, State: 'active', HostAndPort: 'nn.inside:8020' }] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }
}

/** The port for data is another one than that of HTTP. */
function transferName(dataNode: string): string {
  return `127.0.0.1:1${new URL(dataNode).port}`;
}

class Refusal extends Error {
  readonly exception: string;
  readonly status: number;

  constructor(exception: string, message: string, status = 403) {
    super(message);
    this.exception = exception;
    this.status = status;
  }

  send(outgoing: ServerResponse): void {
    const { exception, message } = this;
    const text = `${message}\n\tat org.apache.hadoop.Stack.trace(Stack.java:1)`;
    const RemoteException = { exception, javaClassName: `org.${exception}`, message: text };
    if (this.status === 401) outgoing.setHeader('www-authenticate', 'Negotiate');
    outgoing.writeHead(this.status, { 'content-type': 'application/json' });
    outgoing.end(JSON.stringify({ RemoteException }));
  }
}

function missing(path: string, message = `File ${path} not found.`): Refusal {
  return new Refusal('FileNotFoundException', message, 404);
}

function folderNode(): Node {
  return { ...fileNode(Buffer.alloc(0)), content: null, replication: 0 };
}

function fileNode(content: Buffer): Node {
  const modificationTime = Date.now();
  return { content, modificationTime, replication: 2, storagePolicy: 0, owner: 'root' };
}

function statusOf(pathSuffix: string, node: Node): object {
  return {
    pathSuffix,
    type: node.content === null ? 'DIRECTORY' : 'FILE',
    length: node.content?.length ?? 0,
    modificationTime: node.modificationTime,
    replication: node.replication,
    storagePolicy: node.storagePolicy,
  };
}

/** HDFS compares the bytes of names as signed ones. */
function compareSigned(a: string, b: string): number {
  const [left, right] = [new Int8Array(Buffer.from(a)), new Int8Array(Buffer.from(b))];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function join(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

function sendJson(outgoing: ServerResponse, value: object | null): void {
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  outgoing.end(value === null ? undefined : JSON.stringify(value));
}
