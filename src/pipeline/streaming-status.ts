/** The state of the stream, which the process that runs it publishes with its lease. */
import { Value } from 'typebox/value';
import { type StreamingStatus, StreamingStatusSchema } from '../model/status.ts';

const AWAY: StreamingStatus = {
  state: 'away',
  query: null,
  batch: -1,
  records_per_second: 0,
  watermark: null,
  hours: 0,
  restarts: 0,
  compared_at: null,
  compared: 0,
  late: 0,
  differences: 0,
  error: null,
};

/** `away` while no process runs it: what one that was killed published last does not count. */
export function streamingOf(
  holder: { readonly text: { readonly detail: unknown }; readonly isSilent: boolean } | null,
): StreamingStatus {
  if (holder === null || holder.isSilent) return AWAY;
  const { detail } = holder.text;
  return Value.Check(StreamingStatusSchema, detail) ? detail : AWAY;
}
