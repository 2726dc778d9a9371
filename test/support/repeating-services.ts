/** Services that refuse, and repeat in their answer all that they got, secrets included. */
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';

export interface RepeatingServices extends AsyncDisposable {
  /** All that came in, as text. */
  readonly received: string[];
  /** Ports: of HTTP, of HTTP/2, of what speaks as Redis, and of what closes every connection. */
  readonly http: number;
  readonly http2: number;
  readonly redis: number;
  readonly closing: number;
}

const STATUS = [401, 500, 403, 404];

export async function openRepeatingServices(): Promise<RepeatingServices> {
  const received: string[] = [];
  const note = (text: string) => {
    received.push(text);
    return text;
  };
  let answers = 0;
  const http = createHttpServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts).toString('latin1');
    const text = note(
      `${request.url}\n${JSON.stringify(request.headers)}\n${body.slice(0, 2_000)}`,
    );
    const headers = { 'content-type': 'application/json', 'x-request': encodeURI(text) };
    response.writeHead(STATUS[answers++ % STATUS.length] ?? 500, headers);
    response.end(JSON.stringify({ RemoteException: { message: text }, error: { reason: text } }));
  });
  const http2 = createHttp2Server((request, response) => {
    const text = note(JSON.stringify(request.headers));
    response.writeHead(200, {
      'content-type': 'application/grpc',
      'grpc-status': '16',
      'grpc-message': encodeURIComponent(text),
    });
    response.end();
  });
  const redis = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const text = note(data.toString('latin1'));
      const commands = text.match(/^\*\d+\r$/gm)?.length ?? 1;
      const line = text.replaceAll('\r\n', ' ');
      socket.write(`-WRONGPASS invalid login: ${line}\r\n`.repeat(commands));
    });
  });
  const closing = createTcpServer((socket) => void socket.on('error', () => {}).destroy());
  const servers = [http, http2, redis, closing];
  const ports = await Promise.all(servers.map(listen));
  return {
    received,
    http: ports[0] ?? 0,
    http2: ports[1] ?? 0,
    redis: ports[2] ?? 0,
    closing: ports[3] ?? 0,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      for (const server of servers) server.close();
    },
  };
}

async function listen(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}
