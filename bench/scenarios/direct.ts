// Direct messages, durable and received: as fast as it goes, then at fixed rates.

import type { Load } from '@hongyan/load/direct';
import { Histogram, type HistogramData } from '@hongyan/load/histogram';
import {
  type Bed,
  costed,
  costOf,
  type Figure,
  gatewayArgs,
  names,
  refuse,
  type Scenario,
  withBed,
} from '../scenario.ts';

const pairCount = 200;
const targetPerS = 30_000;
const targetP99Ms = 10;
const targetRate = 5_000;
const rateWarmUpS = 3;

export const direct: Scenario = {
  name: 'direct',
  summary: 'send → ack → received → delivered → receipt between pairs; closed loop and fixed rates',
  run({ isQuick, gateways, say }) {
    const users = names('user', pairCount * 2);
    const directs = Array.from({ length: pairCount }, (_, index) =>
      [users[index * 2] ?? '', users[index * 2 + 1] ?? ''].sort().join(':'),
    ).map((pair) => `d:${pair}`);
    return withBed(
      { seed: { users, groups: [], directs, messagesEach: 0 }, args: gatewayArgs(gateways) },
      async (bed) => {
        const opened = await bed.generator.call('open', { users, concurrency: 100, from: [] });
        refuse(opened.failures, 'connections');
        await bed.generator.call('direct', { load: { type: 'closed', window: 20 }, durationS: isQuick ? 4 : 8 });
        const loads: readonly (readonly [name: string, load: Load])[] = [
          ...[1_000, targetRate, 10_000, 20_000].map(
            (perS) => [`${perS.toLocaleString('en')}/s`, { type: 'rate', perS }] as const,
          ),
          ...[1, 20, 100].map(
            (window) => [`closed loop, ${pairCount} × ${window}`, { type: 'closed', window }] as const,
          ),
        ];
        const figures: Figure[] = [];
        for (const [name, load] of loads) {
          say(`direct: ${name}`);
          figures.push(await measure(bed, { name, load, durationS: isQuick ? 4 : 15 }));
        }
        return withTarget(figures);
      },
    );
  },
};

async function measure(
  bed: Bed,
  { name, load, durationS }: { readonly name: string; readonly load: Load; readonly durationS: number },
): Promise<Figure> {
  // What the load before left behind (its garbage, its log to checkpoint) is not this one's.
  await Bun.sleep(1_000);
  if (load.type === 'rate') await bed.generator.call('direct', { load, durationS: rateWarmUpS });
  const { result, server, generator, otherCores } = await costed(bed, () =>
    bed.generator.call('direct', { load, durationS }),
  );
  const { completed, elapsedS, lost, errors, firstError } = result;
  // More than the machine can take at a fixed rate is a finding; anything else refused is a fault.
  const isOverload = load.type === 'rate' && firstError?.includes('"overloaded"') === true;
  if (errors > 0 && !isOverload) throw new Error(`${name}: ${errors} errors, the first: ${firstError}`);
  return {
    scenario: 'direct',
    name,
    item: 'message',
    count: completed,
    elapsedS,
    perS: completed / elapsedS,
    server: costOf(server, completed),
    generator: costOf(generator, completed),
    otherCores,
    latency: {
      ack: quantiles(result.ack),
      receive: quantiles(result.receive),
      receipt: quantiles(result.receipt),
    },
    extra: {
      ...(errors > 0 ? { 'refused as overloaded': errors } : {}),
      ...(lost > 0 ? { 'never completed': lost } : {}),
    },
  };
}

function withTarget(figures: readonly Figure[]): Figure[] {
  const fastest = figures.reduce((best, figure) => (figure.perS > best.perS ? figure : best));
  return figures.map((figure) => {
    if (figure === fastest) {
      return {
        ...figure,
        target: { text: `≥ ${targetPerS.toLocaleString('en')}/s`, isMet: figure.perS >= targetPerS },
      };
    }
    if (figure.name !== `${targetRate.toLocaleString('en')}/s`) return figure;
    const p99Ms = figure.latency.receive?.p99Ms ?? Number.POSITIVE_INFINITY;
    return { ...figure, target: { text: `receive p99 < ${targetP99Ms} ms`, isMet: p99Ms < targetP99Ms } };
  });
}

export function quantiles(data: HistogramData) {
  const histogram = new Histogram();
  histogram.add(data);
  return histogram.quantiles();
}
