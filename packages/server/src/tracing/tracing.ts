// The way of one request through the server as spans. Contexts are passed on by hand, as the traceparent of W3C, because none of the
// ways of a message (the command log, the bus, the link, a thread) keeps an asynchronous context. What is not traced costs a comparison.

import {
  type Attributes,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** Under way; ended once. Attributes hold ids and numbers, never what users write. */
export interface TraceSpan {
  /** What its children are begun with: the version, the trace, this span, the flags. */
  readonly traceparent: string;
  end(attributes?: Attributes): void;
}

export interface SpanTimes {
  /** Unix milliseconds. */
  readonly startedMs: number;
  readonly endedMs: number;
}

export class Tracing {
  readonly #tracer: Tracer;
  readonly #close: () => Promise<void>;

  constructor(tracer: Tracer, close: () => Promise<void>) {
    this.#tracer = tracer;
    this.#close = close;
  }

  /**
   * A request's first span here; undefined for those that are not sampled. `from`: the traceparent that its client sent. It names the
   * trace, and decides nothing: whether the trace is kept is the server's choice.
   */
  begin(name: string, from: string | undefined, attributes: Attributes): TraceSpan | undefined {
    const parent = from === undefined ? undefined : spanContextIn(from);
    const context = parent ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }) : ROOT_CONTEXT;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, context);
    return span.isRecording() ? underWay(span) : undefined;
  }

  /** A part of a sampled trace. */
  within(parent: string, name: string, attributes: Attributes = {}): TraceSpan {
    return underWay(this.#tracer.startSpan(name, { attributes }, contextOf(parent)));
  }

  /** A part that is over, of which only the times are here: a thread's. */
  took(parent: string, name: string, { startedMs, endedMs }: SpanTimes): void {
    this.#tracer.startSpan(name, { startTime: startedMs }, contextOf(parent)).end(endedMs);
  }

  /** Sends what has not left yet. */
  close(): Promise<void> {
    return this.#close();
  }
}

function underWay(span: ReturnType<Tracer['startSpan']>): TraceSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    end(attributes = {}) {
      span.setAttributes(attributes);
      span.end();
    },
  };
}

/** One of ours: a local parent, which is sampled. */
function contextOf(traceparent: string) {
  const parent = spanContextIn(traceparent);
  return parent ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED }) : ROOT_CONTEXT;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header; undefined for what is none. */
function spanContextIn(traceparent: string) {
  const [, traceId = '', spanId = ''] =
    traceparent.match(/^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/) ?? [];
  const found = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  return isSpanContextValid(found) ? found : undefined;
}
