/** A tracer that keeps what it is told, for tests of the steps. */
import type { Step } from '../../model/trace.ts';
import type { Outcome, Tracer } from '../tracer.ts';

export interface RecordedSpan extends Outcome {
  readonly step: Step;
  readonly traceId: string;
}

export function openRecordingTracer(): Tracer & { readonly spans: RecordedSpan[] } {
  const spans: RecordedSpan[] = [];
  return {
    spans,
    begin: (step) => ({
      stop() {},
      end(traceId, outcome = {}) {
        spans.push({ step, traceId, ...outcome });
      },
    }),
    figures: { exported: 0, dropped: { queue_full: 0, unreachable: 0, refused: 0, shutdown: 0 } },
  };
}
