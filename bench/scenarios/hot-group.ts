// Pairs at a fixed rate, alone and beside one group whose members react and reply: a busy conversation must not delay the others.

import { withBedOf } from '../cluster/bed.ts';
import {
  type Bed,
  type BedOptions,
  measureShape,
  names,
  openAll,
  refuse,
  type Scenario,
  type ScenarioInput,
  type Shape,
} from '../scenario.ts';
import { quantiles } from './direct.ts';

const conversationId = 'g:hot';
const pairsPerS = 200;
const users = names('user', 100);
const members = names('member', 50);
const shapes = [shape('hot-0', 0), shape('hot-300', 300)];

export const hotGroup: Scenario = {
  name: 'hot-group',
  summary: 'pairs at 200/s, alone and beside a group whose members react and reply at 300/s',
  shapes: shapes.map(({ id }) => id),
  isForClusters: true,
  async run(input) {
    const { durationS, warmUpS } = input;
    return withBedOf(input.cluster, bedOptions(input), async (bed) => {
      await open(bed);
      const figures = [];
      for (const each of shapes.filter(({ id }) => input.isWanted(id))) {
        input.progress(`hot-group: ${each.name}`);
        figures.push(await measureShape(bed, { scenario: 'hot-group', shape: each, durationS, warmUpS }));
      }
      return figures;
    });
  },
};

function bedOptions({ cores }: ScenarioInput): BedOptions {
  const directs = Array.from({ length: users.length / 2 }, (_, index) => {
    const pair = [users[index * 2] ?? '', users[index * 2 + 1] ?? ''].sort();
    return `d:${pair.join(':')}`;
  });
  const groups = [{ conversationId, members }];
  return { seed: { users: [...users, ...members], groups, directs, messagesEach: 0 }, generatorCount: 2, cores };
}

async function open(bed: Bed): Promise<void> {
  await openAll(bed, users);
  const opened = await hotGenerator(bed).call('open', {
    ...{ users: members, concurrency: 50, from: [], ports: bed.server.ports },
  });
  refuse(opened.failures, 'connections of members');
}

function hotGenerator({ generators: [, second] }: Bed): Bed['generator'] {
  if (!second) throw new Error('the group has a generator of its own');
  return second;
}

function shape(id: string, perS: number): Shape {
  const name = perS === 0 ? `${pairsPerS}/s between pairs` : `${pairsPerS}/s beside ${perS}/s in one group`;
  return {
    id,
    name,
    item: 'message',
    warmUpS: 3,
    async run(bed, durationS) {
      const [pairs, hot] = await Promise.all([
        bed.generator.call('direct', { load: { type: 'rate', perS: pairsPerS }, durationS }),
        hotGenerator(bed).call('hotGroup', { conversationId, perS, durationS }),
      ]);
      for (const { errors, firstError } of [pairs, hot])
        if (errors > 0) throw new Error(`${name}: ${errors} errors, the first: ${firstError}`);
      const lost = pairs.lost + hot.lost;
      const latency = { ack: quantiles(pairs.ack), receive: quantiles(pairs.receive) };
      return {
        count: pairs.completed,
        elapsedS: pairs.elapsedS,
        latency: perS === 0 ? latency : { ...latency, 'ack in the group': quantiles(hot.ack) },
        extra: { ...(lost > 0 ? { 'never completed': lost } : {}) },
      };
    },
  };
}
