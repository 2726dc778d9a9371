/** Whether what is on the screen is current: shown by a shape and a word, not by colour alone. */

export type StreamState = 'connecting' | 'open' | 'lost';

export interface Connection {
  readonly paused: boolean;
  readonly stream: StreamState;
  /** Whether the last request of any kind reached the server; null before the first. */
  readonly reached: boolean | null;
  /** Whether the newest data is older than it should be. */
  readonly stale: boolean;
  /** Whether all there is was imported, so that nothing new is to be expected. */
  readonly history: boolean;
}

export type ConnectionState =
  | 'live'
  | 'polling'
  | 'paused'
  | 'stale'
  | 'history'
  | 'offline'
  | 'connecting';

export function connectionState({
  paused,
  stream,
  reached,
  stale,
  history,
}: Connection): ConnectionState {
  if (paused) return 'paused';
  if (reached === false) return 'offline';
  if (reached === null) return 'connecting';
  if (stale) return history ? 'history' : 'stale';
  return stream === 'lost' ? 'polling' : 'live';
}

export const CONNECTION_SHAPES: Readonly<Record<ConnectionState, string>> = {
  live: '●',
  polling: '◐',
  paused: '❚❚',
  stale: '▲',
  history: '■',
  offline: '✕',
  connecting: '○',
};
