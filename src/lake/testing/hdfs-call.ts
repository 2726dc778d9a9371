/** A request to the small HDFS, and what can be made to happen to it. */
import type { IncomingMessage } from 'node:http';
import type { SignedPair } from '../../api/tls/signing.ts';

/**
 * Happens to one call instead of, or after, it is carried out; `short` stores half, says 201; `foreign`
 * answers 200 with a page, as a proxy does.
 */
export type Fault =
  | { readonly exception: string; readonly message: string; readonly status?: number }
  | 'cut'
  | 'carry-out-and-cut'
  | 'hang'
  | 'half'
  | 'short'
  | 'foreign';

export interface Call {
  readonly server: string;
  readonly method: string;
  readonly op: string;
  /** Decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

/** HTTPS for these servers. */
export interface Certificates {
  readonly nameNode?: SignedPair;
  readonly dataNode?: SignedPair;
}
