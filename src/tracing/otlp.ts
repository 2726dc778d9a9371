/**
 * Spans as OTLP has them in JSON (opentelemetry-proto 1.x, ExportTraceServiceRequest): ids are
 * hexadecimal, 64-bit numbers are texts.
 */
import type { Step } from '../model/trace.ts';
import type { Attributes } from './tracer.ts';

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly step: Step;
  /** Milliseconds since 1970, with a fraction. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly error: string | null;
}

/** What the spans come from: `service.name`, … */
export type Resource = Readonly<Record<string, string>>;

/** SpanKind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
const KINDS: Readonly<Record<Step, number>> = {
  collect: 3,
  append: 4,
  land: 5,
  publish: 1,
  'serve.event': 1,
};
const STATUS_ERROR = 2;
const TEXT_CHARACTERS_MAX = 256;

export function formatSpans(spans: readonly Span[], resource: Resource, version: string): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: formatAttributes(resource) },
        scopeSpans: [{ scope: { name: 'isobar', version }, spans: spans.map(formatSpan) }],
      },
    ],
  });
}

function formatSpan(span: Span): object {
  const { traceId, spanId, parentSpanId, step, startMs, endMs, attributes, error } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    name: step,
    kind: KINDS[step],
    startTimeUnixNano: formatNanos(startMs),
    endTimeUnixNano: formatNanos(endMs),
    attributes: formatAttributes(
      error === null ? attributes : { ...attributes, 'error.type': error },
    ),
    ...(error === null ? {} : { status: { code: STATUS_ERROR } }),
  };
}

function formatNanos(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}

function formatAttributes(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: formatValue(value) }],
  );
}

function formatValue(value: string | number | boolean): object {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'string') {
    return { stringValue: value.slice(0, TEXT_CHARACTERS_MAX).toWellFormed() };
  }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
