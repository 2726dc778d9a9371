/** Spark Connect's calls, as far as we need them, and the connection that they share. */
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  type Interceptor,
} from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { IsobarError } from '../../errors.ts';
import { type ConnectAddress, parseConnectAddress } from './address.ts';
import { factsOf, fullFacts, isCut, isLostSession, type SparkErrorFacts } from './errors.ts';
import { type RequestSession, runStatement } from './execution.ts';
import {
  type ExecutePlanResponse,
  type Plan,
  SparkConnectService,
} from './proto/spark/connect/base_pb.ts';

export interface ClientOptions {
  /** `sc://host:port` */
  readonly address: string;
  /** Empty for none. */
  readonly token: string;
  readonly user: string;
  /** Milliseconds without a word from the server after which it counts as lost. */
  readonly timeoutMs: number;
}

/** A session of the server, by the id that we gave it. */
export interface ServerSession {
  readonly id: string;
  /** Which one the server has under that id: it changes when the server was restarted. */
  serverSideId: string | undefined;
}

export interface SparkClient {
  /**
   * Runs a plan; `onAnswer` gets each part of its answer once and in order. An aborted signal
   * interrupts what runs on the server, and the call rejects once that has ended.
   */
  execute(
    session: ServerSession,
    plan: Plan,
    onAnswer: (answer: ExecutePlanResponse) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  setConfig(session: ServerSession, pairs: ReadonlyMap<string, string>): Promise<void>;
  /** The values in effect of those that have one. */
  getConfig(session: ServerSession, keys: readonly string[]): Promise<Map<string, string>>;
  /** Those of the names that can be changed while the server runs. */
  modifiable(session: ServerSession, keys: readonly string[]): Promise<Set<string>>;
  version(session: ServerSession): Promise<string>;
  /** All that the server knows of an error; what came with it when it cannot be asked. */
  factsOf(session: ServerSession, error: unknown): Promise<SparkErrorFacts | null>;
  release(session: ServerSession): Promise<void>;
  close(): void;
}

const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;
const CLIENT_TYPE = 'isobar';

export function openSparkClient(options: ClientOptions): SparkClient {
  const { timeoutMs } = options;
  const address = parseConnectAddress(options.address);
  const token = options.token === '' ? address.token : options.token;
  const userId = address.user ?? options.user;
  const connection = new Http2SessionManager(address.url, { idleConnectionTimeoutMs: 900_000 });
  const service = serviceAt(address, token, connection);
  const userContext = { userId, userName: userId };

  function common(session: ServerSession): RequestSession {
    return {
      sessionId: session.id,
      userContext,
      clientType: CLIENT_TYPE,
      ...(session.serverSideId === undefined
        ? {}
        : { clientObservedServerSideSessionId: session.serverSideId }),
    };
  }

  /** A short call that may be made twice: a connection that was cut meanwhile is noticed by it. */
  async function ask<T extends { readonly serverSideSessionId: string }>(
    session: ServerSession,
    call: () => Promise<T>,
  ): Promise<T> {
    const answer = await call().catch((error) => {
      if (!isCut(error)) throw error;
      return call();
    });
    session.serverSideId ??= answer.serverSideSessionId || undefined;
    return answer;
  }

  /** A new connection: what goes on over the old one is picked up again. */
  async function reconnect(session: ServerSession): Promise<void> {
    connection.abort(new ConnectError('the server was silent', Code.Unavailable));
    const opType: ConfigOperation = { case: 'getOption', value: { keys: [] } };
    await service.config({ ...common(session), operation: { opType } }, { timeoutMs });
  }

  function execute(
    session: ServerSession,
    plan: Plan,
    onAnswer: (answer: ExecutePlanResponse) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    return runStatement({
      service,
      session: () => common(session),
      plan,
      timeoutMs,
      reconnect: () => reconnect(session),
      onAnswer(answer) {
        session.serverSideId ??= answer.serverSideSessionId || undefined;
        return onAnswer(answer);
      },
      signal,
    });
  }

  async function config(session: ServerSession, opType: ConfigOperation) {
    const request = { ...common(session), operation: { opType } };
    const { pairs } = await ask(session, () => service.config(request, { timeoutMs }));
    return pairs;
  }

  return {
    execute,
    async setConfig(session, pairs) {
      if (pairs.size === 0) return;
      const list = [...pairs].map(([key, value]) => ({ key, value }));
      await config(session, { case: 'set', value: { pairs: list } });
    },
    async getConfig(session, keys) {
      const pairs = await config(session, { case: 'getOption', value: { keys: [...keys] } });
      return new Map(
        pairs.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value]])),
      );
    },
    async modifiable(session, keys) {
      if (keys.length === 0) return new Set();
      const pairs = await config(session, { case: 'isModifiable', value: { keys: [...keys] } });
      return new Set(pairs.filter(({ value }) => value === 'true').map(({ key }) => key));
    },
    async version(session) {
      const request = { ...common(session), analyze: { case: 'sparkVersion', value: {} } } as const;
      const { result } = await ask(session, () => service.analyzePlan(request, { timeoutMs }));
      return result.case === 'sparkVersion' ? result.value.version : '';
    },
    async factsOf(session, error) {
      const facts = factsOf(error);
      if (facts === null || facts.errorId === '' || isLostSession(error)) return facts;
      const request = { ...common(session), errorId: facts.errorId };
      return service.fetchErrorDetails(request, { timeoutMs }).then(
        (details) => fullFacts(facts, details),
        () => facts,
      );
    },
    async release(session) {
      const { sessionId, clientType } = common(session);
      const request = { sessionId, userContext, clientType };
      await service.releaseSession(request, { timeoutMs: Math.min(timeoutMs, RELEASE_MS) });
    },
    close() {
      connection.abort(new IsobarError('ABORTED', 'the engine is closed'));
    },
  };
}

const RELEASE_MS = 5_000;

type ConfigOperation = NonNullable<
  NonNullable<Parameters<Client<typeof SparkConnectService>['config']>[0]['operation']>['opType']
>;

function serviceAt(
  address: ConnectAddress,
  token: string | null,
  sessionManager: Http2SessionManager,
): Client<typeof SparkConnectService> {
  const login: Interceptor = (next) => (request) => {
    if (token !== null) request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: address.url,
    sessionManager,
    interceptors: [login],
    readMaxBytes: MESSAGE_BYTES_MAX,
  });
  return createClient(SparkConnectService, transport);
}
