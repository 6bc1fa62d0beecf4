// Tracing as configured: sampled spans to a collector that speaks OTLP over HTTP. Off, its libraries are not even loaded.

import type { Log } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import type { Config } from '../config/options.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { version } from './version.ts';

/** Spans queued for the collector; further ones are dropped. */
const queueMax = 2048;
const exportEveryMs = 2_000;
const exportTimeoutMs = 5_000;

export async function openTracing(config: Config, process: string, log: Log): Promise<Tracing | undefined> {
  if (config.traceUrl === '') return undefined;
  const [{ TracerProvider, BatchSpanProcessor, ParentBasedSampler, SamplingDecision }, exporting, resources, own] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('../tracing/tracing.ts'),
    ]);
  // By chance, not by the trace's id: clients choose ids, and would choose what is traced.
  const oneIn = {
    shouldSample: () => ({
      decision:
        systemRandom() * config.traceOneIn < 1 ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
    }),
    toString: () => `one in ${config.traceOneIn}`,
  };
  const provider = new TracerProvider({
    // Not even a client that says that it samples makes this server do so more often.
    sampler: new ParentBasedSampler({ root: oneIn, remoteParentSampled: oneIn, remoteParentNotSampled: oneIn }),
    resource: resources.resourceFromAttributes({
      'service.name': 'hongyan',
      'service.version': version,
      'service.instance.id': process,
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new exporting.OTLPTraceExporter({ url: config.traceUrl, timeoutMillis: exportTimeoutMs }),
        maxQueueSize: queueMax,
        scheduledDelayMillis: exportEveryMs,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  });
  // An unreachable collector must not fail the stop.
  const close = () =>
    provider.shutdown().catch((error: unknown) => log.warn('failed to send the last spans', { error }));
  return new own.Tracing(provider.getTracer('hongyan', version), close);
}
