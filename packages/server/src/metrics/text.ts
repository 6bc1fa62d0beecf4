// The Prometheus text of the families of all processes of a server: one family each, the samples told apart by their process.

import { AggregatorRegistry } from 'prom-client';
import type { MetricFamily } from './metrics.ts';

export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

export const metricsText = (families: readonly (readonly MetricFamily[])[]): Promise<string> =>
  AggregatorRegistry.aggregate(families.map((each) => [...each])).metrics();
