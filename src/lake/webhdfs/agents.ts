/** Connections by protocol; those of https trust one authority, or those that Node.js knows. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

export interface Agents {
  of(url: URL): HttpAgent;
  close(): void;
}

export interface AgentsOptions {
  /** PEM. */
  readonly authority?: Buffer | undefined;
  readonly keepAlive: boolean;
}

export function openAgents({ authority, keepAlive }: AgentsOptions): Agents {
  const plain = new HttpAgent({ keepAlive });
  const trust = authority === undefined ? {} : { ca: authority };
  const encrypted = new HttpsAgent({ keepAlive, ...trust, rejectUnauthorized: true });
  return {
    of: (url) => (url.protocol === 'https:' ? encrypted : plain),
    close() {
      plain.destroy();
      encrypted.destroy();
    },
  };
}
