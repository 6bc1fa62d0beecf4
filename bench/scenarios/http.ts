// Whole requests over HTTP: a read that touches no store, and a durable send.

import { withBedOf } from '../cluster/bed.ts';
import { costsOf } from '../cost.ts';
import type { HttpRequest } from '../generator/http.ts';
import { type Bed, type Figure, measured, names, refuse, type Scenario, type ScenarioInput } from '../scenario.ts';
import { quantiles } from './direct.ts';

const userCount = 1_000;
const p99MsMax = 12;
const kinds = ['me', 'messages'] as const;
const paths = { me: 'GET /v1/me', messages: 'POST /v1/messages' };
const connectionCounts = [64, 1_000] as const;
/** Beside what is possible: a steady load, at which latency says something. */
const steadyPerS = 2_000;
const warmUpS = 2;

export const http: Scenario = {
  name: 'http',
  summary: 'requests per second over HTTP: GET /v1/me and POST /v1/messages',
  shapes: kinds.flatMap((kind) => connectionCounts.map((connections) => `http-${kind}-${connections}`)),
  isForClusters: true,
  run(input) {
    const users = names('user', userCount);
    const seed = { users, groups: [], directs: [], messagesEach: 0 };
    return withBedOf(input.cluster, { seed, cores: input.cores }, async (bed) => {
      const figures: Figure[] = [];
      for (const kind of kinds)
        for (const connections of connectionCounts) {
          if (!input.isWanted(`http-${kind}-${connections}`)) continue;
          const request = { kind, users, connections, durationS: input.durationS };
          figures.push(await one(bed, input, request), await one(bed, input, { ...request, perS: steadyPerS }));
        }
      return figures;
    });
  },
};

async function one(bed: Bed, { progress }: ScenarioInput, request: HttpRequest): Promise<Figure> {
  const { kind, connections, perS } = request;
  const load = perS === undefined ? 'as fast as answered' : `${perS.toLocaleString('en')}/s`;
  const name = `${paths[kind]}, ${connections.toLocaleString('en')} connections, ${load}`;
  progress(`http: ${name}`);
  const warm = await bed.generator.call('http', { ...request, durationS: warmUpS });
  refuse(warm.failed === 0 ? [] : [warm.firstError], 'warm-up requests');
  const { result, cost } = await measured(bed, () => bed.generator.call('http', request));
  refuse(result.failed === 0 ? [] : [result.firstError], 'requests');
  const latency = quantiles(result.latency);
  return {
    scenario: 'http',
    name,
    item: 'request',
    count: result.answered,
    elapsedS: result.elapsedS,
    perS: result.answered / result.elapsedS,
    ...costsOf(cost, result.answered),
    latency: { answer: latency },
    extra: {},
    ...(perS === undefined ? {} : { target: { text: `p99 < ${p99MsMax} ms`, isMet: latency.p99Ms < p99MsMax } }),
  };
}
