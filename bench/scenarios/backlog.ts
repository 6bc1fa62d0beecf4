// Clients that were away come back at once, each a hundred messages behind.

import { costsOf } from '../cost.ts';
import { loopbackAddresses, measured, names, refuse, type Scenario, withBed } from '../scenario.ts';
import { quantiles } from './direct.ts';

const messagesEach = 100;
const concurrency = 256;
/** "a" sorts before "user…", so the partner comes first in the conversation's id. */
const partnerPrefix = 'a-';

export const backlog: Scenario = {
  name: 'backlog',
  summary: 'clients 100 messages behind reconnect, sync and fetch history',
  shapes: ['backlog'],
  run({ isQuick, cores, progress }) {
    const count = isQuick ? 1_000 : 10_000;
    const users = names('user', count);
    const partners = users.map((user) => partnerPrefix + user);
    const directs = users.map((user) => `d:${partnerPrefix}${user}:${user}`);
    progress(`backlog: ${count.toLocaleString('en')} clients, ${messagesEach} messages each`);
    const seed = { users: [...users, ...partners], groups: [], directs, messagesEach };
    return withBed({ seed, cores }, async (bed) => {
      const request = { users, partnerPrefix, messagesEach, concurrency, from: loopbackAddresses(4) };
      const { result, cost } = await measured(bed, () => bed.generator.call('backlog', request));
      refuse(result.failures, 'clients');
      const { elapsedS, clients, messages } = result;
      return [
        {
          scenario: 'backlog',
          name: `${count.toLocaleString('en')} clients × ${messagesEach} behind`,
          item: 'message',
          count: messages,
          elapsedS,
          perS: messages / elapsedS,
          ...costsOf(cost, messages),
          latency: { 'catch up': quantiles(result.catchUp) },
          extra: { 'clients/s': clients / elapsedS },
        },
      ];
    });
  },
};
