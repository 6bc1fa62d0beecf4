// Clients that were away come back at once, each a hundred messages behind.

import { costed, costOf, loopbackAddresses, names, refuse, type Scenario, withBed } from '../scenario.ts';
import { quantiles } from './direct.ts';

const messagesEach = 100;
const concurrency = 256;
/** "a" sorts before "user…", so the partner comes first in the conversation's id. */
const partnerPrefix = 'a-';

export const backlog: Scenario = {
  name: 'backlog',
  summary: 'clients 100 messages behind reconnect, sync and fetch history',
  run({ isQuick, say }) {
    const count = isQuick ? 1_000 : 10_000;
    const users = names('user', count);
    const partners = users.map((user) => partnerPrefix + user);
    const directs = users.map((user) => `d:${partnerPrefix}${user}:${user}`);
    say(`backlog: ${count.toLocaleString('en')} clients, ${messagesEach} messages each`);
    return withBed({ seed: { users: [...users, ...partners], groups: [], directs, messagesEach } }, async (bed) => {
      const request = { users, partnerPrefix, messagesEach, concurrency, from: loopbackAddresses(4) };
      const { result, server, generator, otherCores } = await costed(bed, () => bed.generator.call('backlog', request));
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
          server: costOf(server, messages),
          generator: costOf(generator, messages),
          otherCores,
          latency: { 'catch up': quantiles(result.catchUp) },
          extra: { 'clients/s': clients / elapsedS },
        },
      ];
    });
  },
};
