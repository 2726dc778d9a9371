/** A certificate of this machine, by an authority that only those trust who name its file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, makeServerPair } from '../../src/api/tls/signing.ts';

/** As `createServer` of `node:https` takes it. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Trust extends Disposable {
  readonly pair: Pair;
  /** Path of the PEM file of its authority, and of an authority that did not sign it. */
  readonly authority: string;
  readonly other: string;
}

export function makeTrust(names: readonly string[] = ['127.0.0.1']): Trust {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-trust-'));
  const now = new Date();
  const authority = makeAuthority('authority', now);
  const { certificate, key } = makeServerPair(authority, { names: [...names], days: 2, now });
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    pair: { cert: certificate, key },
    authority: write('authority.crt', authority.certificate),
    other: write('other.crt', makeAuthority('another', now).certificate),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Speaks HTTPS with a pair, else HTTP. */
export function createServerWith(pair: Pair | undefined, listener: RequestListener): Server {
  return pair === undefined ? createServer(listener) : createSecureServer(pair, listener);
}
