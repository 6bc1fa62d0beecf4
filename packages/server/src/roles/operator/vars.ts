// /debug/vars: what a process knows of itself, for a person who looks now; Go's expvar is the model.

import type { Metrics } from '../../metrics/metrics.ts';
import type { OperatorRoute } from './route.ts';

export interface ProcessFacts {
  readonly version: string;
  readonly metrics: Metrics;
}

export const varsRoute = ({ version, metrics }: ProcessFacts): OperatorRoute => ({
  method: 'GET',
  path: '/debug/vars',
  async handle() {
    const values = Object.fromEntries(
      (await metrics.collect())
        .filter(({ type }) => type !== 'histogram')
        .map(({ name, values }) => [
          name,
          values.map(({ labels: { process: _own, ...labels }, value }) => ({ ...labels, value })),
        ]),
    );
    return Response.json({
      pid: process.pid,
      command: process.argv,
      version,
      bun: Bun.version,
      uptime_s: process.uptime(),
      memory: process.memoryUsage(),
      usage: process.resourceUsage(),
      values,
    });
  },
});
