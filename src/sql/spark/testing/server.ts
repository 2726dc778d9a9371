/** A server of Spark's protocol with answers that a test defines: for what real ones rarely do. */
import { once } from 'node:events';
import { createSecureServer, createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import {
  Field,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
} from 'apache-arrow';
import type { Pair } from '../../../../test/support/trust.ts';
import { ErrorInfoSchema } from '../proto/google/rpc/error_details_pb.ts';
import {
  type ExecutePlanResponseSchema,
  SparkConnectService,
} from '../proto/spark/connect/base_pb.ts';

export type Answer = MessageInitShape<typeof ExecutePlanResponseSchema>;
type Service = Partial<ServiceImpl<typeof SparkConnectService>>;

export interface TestServer extends AsyncDisposable {
  /** `sc://127.0.0.1:…` */
  readonly address: string;
  /** Ends all connections at once. */
  cut(): void;
}

/** With a pair it speaks TLS. */
export async function openTestServer(service: Service, pair?: Pair): Promise<TestServer> {
  const answers: Service = {
    config: () => ({ serverSideSessionId: 'first', pairs: [] }),
    analyzePlan: () => ({
      serverSideSessionId: 'first',
      result: { case: 'sparkVersion', value: { version: '4.2.0' } },
    }),
    releaseExecute: () => ({}),
    releaseSession: () => ({}),
    interrupt: () => ({}),
    fetchErrorDetails: () => ({}),
    ...service,
  };
  const handler = connectNodeAdapter({
    routes: (router) => {
      router.service(SparkConnectService, answers);
    },
  });
  const server = pair === undefined ? createServer(handler) : createSecureServer(pair, handler);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const session of sessions) session.destroy();
  };
  return {
    address: `sc://127.0.0.1:${(server.address() as AddressInfo).port}${pair === undefined ? '' : '/;use_ssl=true'}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The whole numbers as rows of the column `x`. */
export function rowsAnswer(responseId: string, values: readonly number[]): Answer {
  return {
    ...from(responseId),
    responseType: { case: 'arrowBatch', value: { data: arrow(values) } },
  };
}

export function completeAnswer(responseId: string): Answer {
  return { ...from(responseId), responseType: { case: 'resultComplete', value: {} } };
}

function from(responseId: string) {
  return { serverSideSessionId: 'first', responseId };
}

function arrow(values: readonly number[]): Uint8Array {
  const schema = new Schema([new Field('x', new Int64())]);
  const data = makeData({
    type: new Struct(schema.fields),
    children: [makeData({ type: new Int64(), data: BigInt64Array.from(values, BigInt) })],
  });
  return RecordBatchStreamWriter.writeAll([new RecordBatch(schema, data)]).toUint8Array(true);
}

/** An error as Spark reports it. */
export function sparkError(
  errorClass: string,
  message = `[${errorClass}] for a test`,
): ConnectError {
  const value = { metadata: { errorClass, errorId: 'e', sqlState: '42000' } };
  return new ConnectError(message, Code.Internal, undefined, [{ desc: ErrorInfoSchema, value }]);
}

export type { HandlerContext };
