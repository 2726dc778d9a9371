/** The provider of the single sign-on: where its addresses are, as its discovery document has them. */
import type { Configuration } from 'openid-client';
import { isLoopbackHost } from '../config/channel-url.ts';
import type { IsobarError } from '../errors.ts';
import { backoff } from '../waiting.ts';
import { boundedFetch, issuerAway, TIMEOUT_MS } from './bounded-fetch.ts';
import { nameProviderError } from './provider-errors.ts';

export interface ProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clockSkewS: number;
  /** PEM of the authority that the provider is trusted by; null: those that Node.js trusts. */
  readonly authority: Buffer | null;
  /** Called when the document cannot be read, once until it can. */
  readonly warn: (text: string) => void;
}

interface Trouble {
  readonly failures: number;
  /** Until then it is not asked again. */
  readonly until: number;
  readonly error: IsobarError;
}

type Library = typeof import('openid-client');

const METADATA_MS = 600_000;
const RETRY_MS = { least: 1_000, most: 30_000 };

/**
 * Read when it is first needed and again when it is old; a provider that is away is asked again after a
 * back-off, and what is known of it stays in use.
 */
export function openProvider(options: ProviderOptions) {
  const fetchBounded = boundedFetch(options.authority);
  type Metadata = ReturnType<Configuration['serverMetadata']>;
  let known: { readonly metadata: Metadata; readonly at: number } | null = null;
  let reading: Promise<Metadata> | null = null;
  let trouble: Trouble = { failures: 0, until: 0, error: issuerAway('it was not asked yet') };

  async function read(): Promise<Metadata> {
    const library = await import('openid-client');
    try {
      const found = await library.discovery(
        new URL(options.issuer),
        options.clientId,
        undefined,
        library.None(),
        {
          execute: isPlain(options.issuer) ? [library.allowInsecureRequests] : [],
          timeout: TIMEOUT_MS / 1_000,
          [library.customFetch]: fetchBounded as never,
        },
      );
      known = { metadata: found.serverMetadata(), at: performance.now() };
      trouble = { ...trouble, failures: 0, until: 0 };
      return known.metadata;
    } catch (thrown) {
      const named = nameProviderError(thrown, () => {});
      const error = issuerAway(`the provider of the single sign-on: ${named.message}`, thrown);
      const failures = trouble.failures + 1;
      if (failures === 1) options.warn(error.message);
      trouble = { failures, until: performance.now() + backoff(RETRY_MS, failures), error };
      throw error;
    }
  }

  async function metadata(): Promise<Metadata> {
    const now = performance.now();
    if (known !== null && now - known.at < METADATA_MS) return known.metadata;
    if (now < trouble.until) {
      if (known !== null) return known.metadata;
      throw trouble.error;
    }
    reading ??= read().finally(() => {
      reading = null;
    });
    // What was right ten minutes ago mostly still is.
    return reading.catch((error) => {
      if (known !== null) return known.metadata;
      throw error;
    });
  }

  return {
    /** A new one each time: it keeps the keys that it has read. */
    async configuration(): Promise<readonly [Library, Configuration]> {
      const server = await metadata();
      const library = await import('openid-client');
      const { clientId, clientSecret, clockSkewS, issuer } = options;
      const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
      const authenticate = methods.includes('client_secret_basic')
        ? library.ClientSecretBasic(clientSecret)
        : library.ClientSecretPost(clientSecret);
      const client = { [library.clockTolerance]: clockSkewS };
      const configuration = new library.Configuration(server, clientId, client, authenticate);
      configuration.timeout = TIMEOUT_MS / 1_000;
      configuration[library.customFetch] = fetchBounded as never;
      library.enableNonRepudiationChecks(configuration);
      if (isPlain(issuer)) library.allowInsecureRequests(configuration);
      return [library, configuration];
    },
  };
}

/** Without TLS, which the configuration allows on this machine alone. */
function isPlain(issuer: string): boolean {
  const { protocol, hostname } = new URL(issuer);
  return protocol === 'http:' && isLoopbackHost(hostname);
}
