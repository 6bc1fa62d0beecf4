// Direct messages, durable and received: at fixed rates, then as fast as the server goes.

import type { DirectResult, Load } from '@hongyan/load/direct';
import { Histogram, type HistogramData } from '@hongyan/load/histogram';
import { withBedOf } from '../cluster/bed.ts';
import {
  type Bed,
  type BedOptions,
  type Figure,
  gatewayArgs,
  measureShape,
  names,
  openAll,
  type Scenario,
  type ScenarioInput,
  type Shape,
  type ShapeRun,
  type Target,
} from '../scenario.ts';

const pairCount = 200;
const users = names('user', pairCount * 2);
/** Compiles the server's code before the first load; a warm-up of its own comes before each. */
const firstWarmUp = { load: { type: 'closed', window: 20 }, durationS: 8 } as const;
const quickFirstWarmUpS = 4;

const rateShapes = [1_000, 2_000, 5_000, 10_000, 20_000].map((perS) =>
  receiptShape(`rate-${perS}`, { type: 'rate', perS }),
);
const closedShapes = [1, 8, 20, 100].map((window) => receiptShape(`closed-${window}`, { type: 'closed', window }));
const silentShapes = [silentShape(8)];
/** All on one server, one after the other. */
const receiptShapes: readonly Shape[] = [...rateShapes, ...closedShapes];

export const directShapes: readonly Shape[] = [...receiptShapes, ...silentShapes];

export const direct: Scenario = {
  name: 'direct',
  summary: 'send → ack → received → delivered → receipt between pairs; fixed rates and closed loops',
  shapes: directShapes.map(({ id }) => id),
  isForClusters: true,
  async run(input) {
    const figures: Figure[] = [];
    // Without receipts on a server of its own: the generator counts seqs from 1.
    for (const shapes of [receiptShapes, silentShapes]) {
      const wanted = shapes.filter(({ id }) => input.isWanted(id));
      if (wanted.length > 0) figures.push(...(await measureAll(wanted, input)));
    }
    return figures;
  },
};

async function measureAll(shapes: readonly Shape[], input: ScenarioInput): Promise<Figure[]> {
  return withBedOf(input.cluster, directBed(input), async (bed) => {
    await openDirect(bed, { isQuick: input.isQuick, hasReceipts: shapes.some((shape) => !isSilent(shape)) });
    const figures: Figure[] = [];
    const { durationS, warmUpS } = input;
    for (const shape of shapes) {
      input.progress(`direct: ${shape.name}`);
      const figure = await measureShape(bed, { scenario: 'direct', shape, durationS, warmUpS });
      const target = input.cluster ? clusterTargetOf(shape, figure) : targetOf(shape, figure);
      figures.push(target ? { ...figure, target } : figure);
    }
    return figures;
  });
}

export function directBed({ gateways, cores }: Pick<ScenarioInput, 'gateways' | 'cores'>): BedOptions {
  const directs = Array.from(
    { length: pairCount },
    (_, index) => `d:${[users[index * 2] ?? '', users[index * 2 + 1] ?? ''].sort().join(':')}`,
  );
  return { seed: { users, groups: [], directs, messagesEach: 0 }, server: { args: gatewayArgs(gateways) }, cores };
}

/** Connections, and the server's code compiled. */
export async function openDirect(
  bed: Bed,
  { isQuick, hasReceipts }: { readonly isQuick: boolean; readonly hasReceipts: boolean },
): Promise<void> {
  await openAll(bed, users);
  const durationS = isQuick ? quickFirstWarmUpS : firstWarmUp.durationS;
  if (hasReceipts) await bed.generator.call('direct', { ...firstWarmUp, durationS });
  else await bed.generator.call('silent', { window: firstWarmUp.load.window, durationS });
}

export const isSilent = (shape: Shape): boolean => silentShapes.includes(shape);

function receiptShape(id: string, load: Load): Shape {
  const name = load.type === 'rate' ? `${load.perS.toLocaleString('en')}/s` : closedName(load.window);
  return {
    id,
    name,
    item: 'message',
    warmUpS: 3,
    async run({ generator }, durationS) {
      const result = await generator.call('direct', { load, durationS });
      // More than the machine can take at a fixed rate is a finding; any other refusal is a fault.
      const isOverload = load.type === 'rate' && result.firstRefusal.includes('"overloaded"');
      throwErrors(name, isOverload ? { ...result, refused: 0 } : result);
      return runOf(result, { receipt: quantiles(result.receipt) });
    },
  };
}

function silentShape(window: number): Shape {
  const name = `${closedName(window)}, no receipts`;
  return {
    id: `closed-${window}-silent`,
    name,
    item: 'message',
    warmUpS: 3,
    async run({ generator }, durationS) {
      const result = await generator.call('silent', { window, durationS });
      throwErrors(name, result);
      return runOf(result, {});
    },
  };
}

function closedName(window: number): string {
  return `closed loop, ${pairCount} × ${window}`;
}

function throwErrors(name: string, { errors, firstError, refused, firstRefusal }: DirectResult): void {
  if (errors > 0) throw new Error(`${name}: ${errors} errors, the first: ${firstError}`);
  if (refused > 0) throw new Error(`${name}: ${refused} sends were refused, the first: ${firstRefusal}`);
}

function runOf(result: DirectResult, receipt: Figure['latency']): ShapeRun {
  const { completed, elapsedS, lost, refused } = result;
  return {
    count: completed,
    elapsedS,
    latency: { ack: quantiles(result.ack), receive: quantiles(result.receive), ...receipt },
    extra: {
      ...(refused > 0 ? { 'refused as overloaded': refused } : {}),
      ...(lost > 0 ? { 'never completed': lost } : {}),
    },
  };
}

/** What the server must reach on one core; on shared cores the same figures are easier, so the targets hold there too. */
function targetOf(shape: Shape, { perS, server, latency }: Figure): Target | undefined {
  switch (shape.id) {
    case 'rate-1000':
      return { text: 'server ≤ 200 µs', isMet: server.usPerItem <= 200 };
    case 'rate-5000':
      return { text: 'receive p99 ≤ 5 ms', isMet: (latency.receive?.p99Ms ?? Number.POSITIVE_INFINITY) <= 5 };
    case 'closed-8':
      return { text: '≥ 35,000/s and server ≤ 22 µs', isMet: perS >= 35_000 && server.usPerItem <= 22 };
    case 'closed-100':
      return { text: '≥ 30,000/s', isMet: perS >= 30_000 };
    default:
      return undefined;
  }
}

/** With all servers on the two cores of one machine. */
function clusterTargetOf(shape: Shape, { perS, latency }: Figure): Target | undefined {
  switch (shape.id) {
    case 'rate-2000':
      return { text: 'receive p99 < 50 ms', isMet: (latency.receive?.p99Ms ?? Number.POSITIVE_INFINITY) < 50 };
    case 'closed-20':
      return { text: '≥ 8,000/s', isMet: perS >= 8_000 };
    default:
      return undefined;
  }
}

export function quantiles(data: HistogramData) {
  const histogram = new Histogram();
  histogram.add(data);
  return histogram.quantiles();
}
