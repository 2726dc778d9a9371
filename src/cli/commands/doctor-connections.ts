/** What `isobar doctor` says of each connection to a service: encrypted or not. */
import { type Connection, connectionsOf } from '../../config/connections.ts';
import type { Config } from '../../config/schema.ts';
import type { Environment } from '../environment.ts';
import type { Finding } from './doctor-finding.ts';

export function checkConnections(config: Config, env: Environment['env']): Finding[] {
  return connectionsOf(config, env).map((connection) => {
    const { service, place, setting, encrypting, isEncrypted, isLocal } = connection;
    const isRight = isEncrypted || isLocal;
    return {
      ...{ check: 'tls', verdict: isRight ? 'ok' : 'warn' },
      text: `${service} at ${place}: ${wayOf(connection)}`,
      remedy: isRight ? '' : `Set ${setting} to ${encrypting}; require_tls refuses what is plain.`,
    };
  });
}

function wayOf({ isEncrypted, isLocal }: Connection): string {
  if (isEncrypted) return 'encrypted';
  return isLocal ? 'not encrypted, on this machine' : 'not encrypted';
}
