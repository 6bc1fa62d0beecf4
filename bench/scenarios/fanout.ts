// Groups whose members are all online: deliveries per second at three sizes, and what one costs with few messages on the way.

import { withBedOf } from '../cluster/bed.ts';
import {
  type BedOptions,
  type Figure,
  measureShape,
  names,
  openAll,
  type Scenario,
  type ScenarioInput,
  type Shape,
  type Target,
} from '../scenario.ts';

const conversationId = 'g:fanout';

export interface FanoutShape extends Shape {
  readonly members: readonly string[];
}

export const fanoutShapes: readonly FanoutShape[] = [
  shape('fanout-100', 100, 128),
  shape('fanout-1000', 1_000, 128),
  shape('fanout-10000', 10_000, 64),
  shape('fanout-1000-8', 1_000, 8),
];

export const fanout: Scenario = {
  name: 'fanout',
  summary: 'one message to 100, 1,000 and 10,000 online members, who send no receipts',
  shapes: fanoutShapes.map(({ id }) => id),
  isForClusters: true,
  async run(input) {
    const figures: Figure[] = [];
    for (const each of fanoutShapes.filter(({ id }) => input.isWanted(id))) {
      input.progress(`fanout: ${each.name}`);
      figures.push(await measure(each, input));
    }
    return figures;
  },
};

function measure(each: FanoutShape, { durationS, warmUpS, cores, cluster }: ScenarioInput): Promise<Figure> {
  return withBedOf(cluster, fanoutBed(each, cores), async (bed) => {
    await openAll(bed, each.members);
    const figure = await measureShape(bed, { scenario: 'fanout', shape: each, durationS, warmUpS });
    const target = cluster ? undefined : targetOf(each, figure);
    return target ? { ...figure, target } : figure;
  });
}

export function fanoutBed({ members }: FanoutShape, cores: BedOptions['cores']): BedOptions {
  return { seed: { users: members, groups: [{ conversationId, members }], directs: [], messagesEach: 0 }, cores };
}

function shape(id: string, memberCount: number, window: number): FanoutShape {
  const name = `${memberCount.toLocaleString('en')} members, ${window} messages in flight`;
  return {
    id,
    name,
    item: 'delivery',
    members: names('user', memberCount),
    warmUpS: 2,
    async run({ generator }, durationS) {
      const result = await generator.call('fanout', { conversationId, window, durationS });
      const { deliveries, elapsedS, messages, errors, firstError } = result;
      if (errors > 0) throw new Error(`${name}: ${errors} errors, the first: ${firstError}`);
      const extra = { 'messages/s': Math.round(messages / elapsedS) };
      return { count: deliveries, elapsedS, latency: {}, extra };
    },
  };
}

function targetOf({ id }: Shape, { perS, server }: Figure): Target | undefined {
  if (id === 'fanout-1000') return { text: '≥ 500,000/s', isMet: perS >= 500_000 };
  if (id === 'fanout-1000-8') return { text: 'server ≤ 1.6 µs', isMet: server.usPerItem <= 1.6 };
  return undefined;
}
