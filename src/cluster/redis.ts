/** Redis: a cache in memory, and the state that several servers share for a while. */
import type { DebianProgram } from './debian.ts';
import type { Security } from './security.ts';
import type { ServiceSpec } from './service.ts';

export interface RedisOptions {
  readonly program: DebianProgram;
  readonly port: number;
  /** Encryption and a user that may use its own names only; null for neither. */
  readonly security?: RedisSecurity | null;
}

export interface RedisSecurity {
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  /** Of the user `isobar`. */
  readonly password: string;
}

/** What Redis needs of the cluster's security. */
export async function redisSecurity(security: Security): Promise<RedisSecurity> {
  const { certificate, key } = await security.certify('redis');
  const { authority } = security;
  return { certificate, key, authority, password: await security.password('redis') };
}

const MEMORY_MIB = 128;
const USERS = 'users.acl';
const RIGHTS =
  '~isobar:* resetchannels -@all +ping +eval +get +set +del +strlen +incrby +pttl +pexpire +info +select';

function securedArgs(port: number, { certificate, key, authority }: RedisSecurity): string[] {
  return [
    ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', authority],
    // It is looked for from the folder of the data.
    ...['--aclfile', `../${USERS}`],
  ];
}

/** Names outside of isobar's prefix, and commands that isobar does not send, are refused. */
function usersText(password: string): string {
  return `user default off\nuser isobar on >${password} ${RIGHTS}\n`;
}

export function redisService({ program, port, security }: RedisOptions): ServiceSpec {
  return {
    name: 'redis',
    files: security ? { [USERS]: usersText(security.password) } : {},
    program: program.path,
    args: [
      ...(security ? securedArgs(port, security) : ['--port', String(port)]),
      ...['--bind', '127.0.0.1'],
      ...['--dir', 'data'],
      // Nothing is worth keeping across a start.
      ...['--save', ''],
      ...['--maxmemory', `${MEMORY_MIB}mb`],
      ...['--maxmemory-policy', 'allkeys-lru'],
    ],
    env: program.env,
    ready: (probe) => probe.listens(port),
  };
}
