/**
 * The NameNodes: asks the active one, and finds it when it changes.
 *
 *     answers                                            what we do
 *     200, or an exception that is not below             it is the answer
 *     StandbyException and the like                      the next NameNode
 *     RetriableException, SafeModeException              the next one, and the same again later
 *     refused, reset, no byte for too long, HTTP 5xx     the next one, and the same again later
 *
 * All are tried in turn, with growing pauses between the rounds, until the timeout.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { jitteredBackoff, pause } from '../../waiting.ts';
import { type Agents, openAgents } from './agents.ts';
import { type Delegation, openDelegation, withToken } from './delegation.ts';
import { type ExchangeOptions, exchange, type Reply } from './exchange.ts';
import {
  DeadlineError,
  NoReplyError,
  parseRemoteError,
  RemoteError,
  TlsError,
} from './remote-error.ts';
import { openSlots, type Slots } from './slots.ts';

/** Proves who we are, beyond a user's name or a token: Kerberos, for instance. */
export interface Authenticator {
  /** Headers for a request to this NameNode; `challenge` is what a 401 has asked for. */
  headers(nameNode: URL, challenge: string | null): Promise<Readonly<Record<string, string>>>;
  /** Sees the headers of every answer: a cookie may spare the next proof. */
  answered(nameNode: URL, headers: IncomingHttpHeaders): void;
}

/**
 * A name, which HDFS believes; a delegation token; or what the authenticator proves: each time, or
 * (`delegated`) once, for a delegation token that is renewed, and cancelled in the end.
 */
export type Identity =
  | { readonly user: string }
  | { readonly token: string }
  | { readonly delegated: boolean };

export interface NameNodesOptions {
  /** `http://host:9870` or `https://…`. */
  readonly addresses: readonly string[];
  readonly identity: Identity;
  readonly authenticator?: Authenticator | undefined;
  /** PEM: whose certificates are trusted; those that Node.js knows without it. */
  readonly authority?: Buffer | undefined;
  readonly concurrency: number;
  readonly idleMs: number;
  readonly timeoutMs: number;
  /** Once it aborts nothing is waited for any more: all rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Question {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Absolute, decoded. */
  readonly path: string;
  readonly op: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds of `performance.now()`; the timeout counts from now without it. */
  readonly deadline?: number | undefined;
}

export interface Answer {
  /** The body as it came; empty for many operations. */
  readonly text: string;
  readonly nameNode: URL;
  /** Whether an earlier try, whose answer was lost, may have been carried out. */
  readonly isUncertain: boolean;
}

export interface NameNodes extends AsyncDisposable {
  /** Rejects with RemoteError, DeadlineError, or the signal's reason. */
  ask(question: Question): Promise<Answer>;
  /** Another page of the active NameNode, such as `/jmx`; null when there is none. */
  page(path: string, signal?: AbortSignal): Promise<string | null>;
  deadline(): number;
  readonly requestCount: number;
}

const PAUSE_MS = { least: 50, most: 1_000 } as const;

const STANDS_BY = ['StandbyException', 'ObserverRetryOnActiveException'];
const PASSES = ['RetriableException', 'SafeModeException', 'ServerTooBusyException'];

export function openNameNodes(options: NameNodesOptions): NameNodes {
  const { timeoutMs } = options;
  const bases = options.addresses.map((address) => new URL(address));
  const requests = new Requests(options);
  let active = 0;

  const deadline = () => performance.now() + timeoutMs;

  const { identity } = options;
  let isClosing = false;
  const delegation: Delegation | null =
    'delegated' in identity && identity.delegated
      ? openDelegation((question) => askAs(question, {}))
      : null;

  async function ask(question: Question): Promise<Answer> {
    if (delegation === null) return askAs(question, identityQuery(identity));
    const ended = either(question.signal, options.signal);
    return withToken(delegation, ended, (token) => askAs(question, { delegation: token }));
  }

  async function askAs(asked: Question, who: Readonly<Record<string, string>>): Promise<Answer> {
    const signal = isClosing ? asked.signal : either(asked.signal, options.signal);
    const question = { ...asked, query: { ...asked.query, ...who }, signal };
    const until = question.deadline ?? deadline();
    const troubles = new Map<number, Error>();
    let isUncertain = false;
    for (let round = 0; ; round++) {
      const first = active;
      for (let step = 0; step < bases.length; step++) {
        const at = (first + step) % bases.length;
        const base = bases[at];
        if (base === undefined) throw new Error('no NameNode is named');
        const tried = await requests.ask(question, base);
        if (tried instanceof RemoteError && !isPassing(tried)) {
          active = at;
          throw isUncertain ? tried.afterUncertainty() : tried;
        }
        if (!(tried instanceof Error)) {
          active = at;
          return { ...tried, isUncertain };
        }
        troubles.set(at, tried);
        if (tried instanceof NoReplyError) isUncertain ||= tried.mayHaveActed;
        else isUncertain ||= tried instanceof RemoteError && tried.status >= 500;
      }
      // A certificate does not become right by waiting.
      const isHopeless = [...troubles.values()].every((one) => one instanceof TlsError);
      const pauseMs = isHopeless ? Infinity : jitteredBackoff(PAUSE_MS, round + 1);
      if (performance.now() + pauseMs > until) {
        throw new DeadlineError(`${question.op} ${question.path}`, [...troubles.values()]);
      }
      await pause(pauseMs, signal);
      signal?.throwIfAborted();
    }
  }

  async function page(path: string, own?: AbortSignal): Promise<string | null> {
    const base = bases[active];
    if (base === undefined) return null;
    const signal = either(own, options.signal);
    const sending = requests.send('GET', new URL(path, base), base, signal);
    const reply = await sending.catch((error) => {
      if (error instanceof NoReplyError) return null;
      throw error;
    });
    return reply?.status === 200 ? reply.text : null;
  }

  return {
    ask,
    page,
    deadline,
    get requestCount() {
      return requests.count;
    },
    async [Symbol.asyncDispose]() {
      isClosing = true;
      await delegation?.end();
      requests.close();
    },
  };
}

/** Pages of any of the servers, each asked once. */
export interface Pages {
  /** Rejects with NoReplyError, LoginError, or the signal's reason. */
  get(url: URL, signal: AbortSignal): Promise<{ readonly status: number; readonly text: string }>;
  close(): void;
}

export function openPages(options: NameNodesOptions): Pages {
  const requests = new Requests(options);
  return {
    get: (url, signal) => requests.send('GET', url, new URL(url.origin), signal),
    close: () => requests.close(),
  };
}

/** Requests to one NameNode, so many at once, that say who we are. */
class Requests {
  readonly #options: NameNodesOptions;
  readonly #slots: Slots;
  readonly #agents: Agents;
  count = 0;

  constructor(options: NameNodesOptions) {
    this.#options = options;
    this.#slots = openSlots(options.concurrency);
    this.#agents = openAgents({ authority: options.authority, keepAlive: true });
  }

  /** One NameNode once; twice when the connection was an old one that it had closed. */
  async ask(question: Question, base: URL): Promise<Answer | Error> {
    const { method, path, op, query = {}, signal } = question;
    const url = addressOf(base, path, op, query);
    try {
      const { status, text } = await this.send(method, url, base, signal);
      if (status >= 200 && status < 300) return { text, nameNode: base, isUncertain: false };
      const refusal = parseRemoteError(status, text);
      return new RemoteError(status, refusal.exception, `${base.host}: ${refusal.message}`);
    } catch (error) {
      if (error instanceof NoReplyError) return error;
      throw error;
    }
  }

  /** Proves who we are when the answer asks for it. */
  async send(method: Question['method'], url: URL, base: URL, signal: AbortSignal | undefined) {
    const { authenticator } = this.#options;
    let challenge: string | null = null;
    for (;;) {
      const headers = (await authenticator?.headers(base, challenge)) ?? {};
      const reply = await this.#receive({ method, url, headers, signal });
      authenticator?.answered(base, reply.headers);
      const wanted = reply.headers['www-authenticate'] ?? null;
      if (reply.status !== 401 || authenticator === undefined || challenge !== null) return reply;
      if (wanted === null) return reply;
      challenge = wanted;
    }
  }

  async #receive(
    request: Pick<ExchangeOptions, 'method' | 'url' | 'headers' | 'signal'>,
  ): Promise<Pick<Reply, 'status' | 'headers'> & { text: string }> {
    using _slot = await this.#slots.take(request.signal);
    this.count += 1;
    const agent = this.#agents.of(request.url);
    const reply = await exchange({ ...request, agent, idleMs: this.#options.idleMs });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  }

  close(): void {
    this.#agents.close();
  }
}

function identityQuery(identity: Identity): Readonly<Record<string, string>> {
  if ('token' in identity) return { delegation: identity.token };
  return 'user' in identity ? { 'user.name': identity.user } : {};
}

/** Aborts with the first of the two. */
export function either(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return AbortSignal.any([one, other]);
}

/** `/webhdfs/v1/a%20b?op=OPEN&…`, every segment encoded by us. */
export function addressOf(
  base: URL,
  path: string,
  op: string,
  query: Readonly<Record<string, string>>,
): URL {
  const url = new URL(base);
  url.pathname = `/webhdfs/v1${path.split('/').map(encodeURIComponent).join('/')}`;
  const pairs = Object.entries({ op, ...query });
  url.search = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return url;
}

/** Whether another NameNode, or the same one later, may say something else. */
function isPassing(error: RemoteError): boolean {
  if (error.is(...STANDS_BY, ...PASSES)) return true;
  // Not yet, or no longer, able to speak WebHDFS.
  return error.exception === '' && error.status >= 500;
}
