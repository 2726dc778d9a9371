/** Spark Connect's calls, as far as we need them, and the connection that they share. */
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  type Interceptor,
} from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { type ConnectAddress, parseConnectAddress } from '../../config/spark-address.ts';
import { authorityOf } from '../../config/tls-authority.ts';
import { IsobarError } from '../../errors.ts';
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
  /** PEM file of the authority that is trusted; empty: those that Node.js knows. */
  readonly authorityFile: string;
  /** Milliseconds without a word from the server after which it counts as lost. */
  readonly timeoutMs: number;
}

/** A session of the server, by the id that we gave it. */
export interface ServerSession {
  readonly id: string;
  /** Which one the server has under that id: it changes when the server was restarted. */
  serverSideId: string | undefined;
}

const MESSAGE_BYTES_MAX = 256 * 1024 * 1024;
const CLIENT_TYPE = 'isobar';

export class SparkClient {
  readonly #timeoutMs: number;
  readonly #userContext: RequestSession['userContext'];
  readonly #connection: Http2SessionManager;
  readonly #service: Client<typeof SparkConnectService>;

  constructor(options: ClientOptions) {
    const address = parseConnectAddress(options.address);
    const token = options.token === '' ? address.token : options.token;
    const userId = address.user ?? options.user;
    this.#timeoutMs = options.timeoutMs;
    this.#userContext = { userId, userName: userId };
    const ca = authorityOf('analytics.spark.tls_authority', options.authorityFile);
    const sessions = { idleConnectionTimeoutMs: 900_000 };
    this.#connection = new Http2SessionManager(address.url, sessions, { ...(ca && { ca }) });
    this.#service = serviceAt(address, token, this.#connection);
  }

  /**
   * Runs a plan; `onAnswer` gets each part of its answer once and in order. An aborted signal
   * interrupts what runs on the server, and the call rejects once that has ended.
   */
  execute(
    session: ServerSession,
    plan: Plan,
    onAnswer: (answer: ExecutePlanResponse) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    return runStatement({
      service: this.#service,
      session: () => this.#common(session),
      plan,
      timeoutMs: this.#timeoutMs,
      reconnect: () => this.#reconnect(session),
      onAnswer(answer) {
        session.serverSideId ??= answer.serverSideSessionId || undefined;
        return onAnswer(answer);
      },
      signal,
    });
  }

  /** A new connection: what goes on over the old one is picked up again. */
  async #reconnect(session: ServerSession): Promise<void> {
    this.#connection.abort(new ConnectError('the server was silent', Code.Unavailable));
    const opType: ConfigOperation = { case: 'getOption', value: { keys: [] } };
    const request = { ...this.#common(session), operation: { opType } };
    await this.#service.config(request, { timeoutMs: this.#timeoutMs });
  }

  #common(session: ServerSession): RequestSession {
    return {
      sessionId: session.id,
      userContext: this.#userContext,
      clientType: CLIENT_TYPE,
      ...(session.serverSideId === undefined
        ? {}
        : { clientObservedServerSideSessionId: session.serverSideId }),
    };
  }

  /** A short call that may be made twice: a connection that was cut meanwhile is noticed by it. */
  async #ask<T extends { readonly serverSideSessionId: string }>(
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

  async #config(session: ServerSession, opType: ConfigOperation) {
    const request = { ...this.#common(session), operation: { opType } };
    const options = { timeoutMs: this.#timeoutMs };
    const { pairs } = await this.#ask(session, () => this.#service.config(request, options));
    return pairs;
  }

  async setConfig(session: ServerSession, pairs: ReadonlyMap<string, string>): Promise<void> {
    if (pairs.size === 0) return;
    const list = [...pairs].map(([key, value]) => ({ key, value }));
    await this.#config(session, { case: 'set', value: { pairs: list } });
  }

  /** The values in effect of those that have one. */
  async getConfig(session: ServerSession, keys: readonly string[]): Promise<Map<string, string>> {
    const pairs = await this.#config(session, { case: 'getOption', value: { keys: [...keys] } });
    return new Map(pairs.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value]])));
  }

  /** Those of the names that can be changed while the server runs. */
  async modifiable(session: ServerSession, keys: readonly string[]): Promise<Set<string>> {
    if (keys.length === 0) return new Set();
    const pairs = await this.#config(session, { case: 'isModifiable', value: { keys: [...keys] } });
    return new Set(pairs.filter(({ value }) => value === 'true').map(({ key }) => key));
  }

  async version(session: ServerSession): Promise<string> {
    const analyze = { case: 'sparkVersion', value: {} } as const;
    const request = { ...this.#common(session), analyze };
    const options = { timeoutMs: this.#timeoutMs };
    const { result } = await this.#ask(session, () => this.#service.analyzePlan(request, options));
    return result.case === 'sparkVersion' ? result.value.version : '';
  }

  /** All that the server knows of an error; what came with it when it cannot be asked. */
  async factsOf(session: ServerSession, error: unknown): Promise<SparkErrorFacts | null> {
    const facts = factsOf(error);
    if (facts === null || facts.errorId === '' || isLostSession(error)) return facts;
    const request = { ...this.#common(session), errorId: facts.errorId };
    return this.#service.fetchErrorDetails(request, { timeoutMs: this.#timeoutMs }).then(
      (details) => fullFacts(facts, details),
      () => facts,
    );
  }

  async release(session: ServerSession): Promise<void> {
    const { sessionId, userContext, clientType } = this.#common(session);
    const timeoutMs = Math.min(this.#timeoutMs, RELEASE_MS);
    await this.#service.releaseSession({ sessionId, userContext, clientType }, { timeoutMs });
  }

  close(): void {
    this.#connection.abort(new IsobarError('ABORTED', 'the engine is closed'));
  }
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
