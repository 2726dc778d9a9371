/** Channels as a file would have them, opened. */
import type { ChannelConfig } from '../../config/alert-channels.ts';
import { resolveSecrets } from '../../config/channel-secrets.ts';
import { parseChannel } from '../../config/parse-channel.ts';
import type { Channel } from '../channel.ts';
import { openChannel } from '../open-channel.ts';

export const NOW = new Date('2024-07-31T18:20:05Z');

export function configOf(value: object, name = 'ops'): ChannelConfig {
  const parsed = parseChannel(name, value);
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed.channel;
}

export function open(
  value: object,
  env: Readonly<Record<string, string>> = {},
  name = 'ops',
): Promise<Channel> {
  const config = configOf(value, name);
  return openChannel(config, {
    secrets: resolveSecrets(config, env),
    clock: () => NOW,
    timeZoneOf: (city) => (city === 'new-york' ? 'America/New_York' : null),
  });
}
