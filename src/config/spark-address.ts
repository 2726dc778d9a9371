/** The address of a Spark Connect server. */
import { IsobarError } from '../errors.ts';

export interface ConnectAddress {
  /** `http://host:port`, or `https:` with `use_ssl=true`. */
  readonly url: string;
  /** From the address itself; the configuration's own settings count before. */
  readonly token: string | null;
  readonly user: string | null;
}

const PARAMETERS = ['use_ssl', 'token', 'user_id'];

/**
 * Spark Connect's connection string: `sc://HOST[:PORT]/;use_ssl=true;user_id=…`
 * (Spark's docs, "client-connection-string"). Rejects others with CONFIG_INVALID.
 */
export function parseConnectAddress(address: string): ConnectAddress {
  const match = /^sc:\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:;[\]]+)(?::(\d{1,5}))?\/?((?:;[^;]*)*)$/.exec(
    address,
  );
  // The address may hold a token: it is never part of the message.
  if (match === null) throw invalid('it is not of the form sc://HOST:PORT');
  const [, host = '', port = '15002', rest = ''] = match;
  if (Number(port) < 1 || Number(port) > 65_535) throw invalid(`port ${port} does not exist`);
  const parameters = new Map<string, string>();
  for (const pair of rest.split(';').filter((part) => part !== '')) {
    const [name = '', ...value] = pair.split('=');
    if (!PARAMETERS.includes(name)) {
      throw invalid(`unknown parameter ${name}; expected one of ${PARAMETERS.join(', ')}`);
    }
    parameters.set(name, decodeURIComponent(value.join('=')));
  }
  const secure = parameters.get('use_ssl') === 'true';
  return {
    url: `${secure ? 'https' : 'http'}://${host}:${port}`,
    token: parameters.get('token') ?? null,
    user: parameters.get('user_id') ?? null,
  };
}

function invalid(problem: string): IsobarError {
  return new IsobarError('CONFIG_INVALID', `analytics.spark.address: ${problem}`);
}
