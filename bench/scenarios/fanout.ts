// Groups whose members are all online: deliveries per second at three sizes.

import { costed, costOf, type Figure, names, refuse, type Scenario, withBed } from '../scenario.ts';

const targetMembers = 1_000;
const targetPerS = 500_000;
const conversationId = 'g:fanout';

export const fanout: Scenario = {
  name: 'fanout',
  summary: 'one message to 100, 1,000 and 10,000 online members',
  async run({ isQuick, say }) {
    const figures: Figure[] = [];
    for (const [members, window] of [
      [100, 128],
      [targetMembers, 128],
      [10_000, 64],
    ] as const) {
      say(`fanout: ${members.toLocaleString('en')} members`);
      figures.push(await measure({ members, window, durationS: isQuick ? 4 : 15 }));
    }
    return figures;
  },
};

function measure({ members, window, durationS }: Record<'members' | 'window' | 'durationS', number>): Promise<Figure> {
  const users = names('user', members);
  const groups = [{ conversationId, members: users }];
  return withBed({ seed: { users, groups, directs: [], messagesEach: 0 } }, async (bed) => {
    const opened = await bed.generator.call('open', { users, concurrency: 100, from: [] });
    refuse(opened.failures, 'connections');
    await bed.generator.call('fanout', { conversationId, window, durationS: 2 });
    const { result, server, generator, otherCores } = await costed(bed, () =>
      bed.generator.call('fanout', { conversationId, window, durationS }),
    );
    const { deliveries, elapsedS, messages, errors, firstError } = result;
    if (errors > 0) throw new Error(`${members} members: ${errors} errors, the first: ${firstError}`);
    const perS = deliveries / elapsedS;
    return {
      scenario: 'fanout',
      name: `${members.toLocaleString('en')} members`,
      item: 'delivery',
      count: deliveries,
      elapsedS,
      perS,
      server: costOf(server, deliveries),
      generator: costOf(generator, deliveries),
      otherCores,
      latency: {},
      extra: { 'messages/s': Math.round(messages / elapsedS) },
      ...(members === targetMembers
        ? { target: { text: `≥ ${targetPerS.toLocaleString('en')}/s`, isMet: perS >= targetPerS } }
        : {}),
    };
  });
}
