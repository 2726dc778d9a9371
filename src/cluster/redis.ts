/** Redis: a cache in memory, and the state that several servers share for a while. */
import type { DebianProgram } from './debian.ts';
import type { ServiceSpec } from './service.ts';

export interface RedisOptions {
  readonly program: DebianProgram;
  readonly port: number;
}

const MEMORY_MIB = 128;

export function redisService({ program, port }: RedisOptions): ServiceSpec {
  return {
    name: 'redis',
    files: {},
    program: program.path,
    args: [
      ...['--port', String(port)],
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
