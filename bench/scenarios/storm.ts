// Everyone connects at once: connection, upgrade, hello, welcome.

import { costed, costOf, loopbackAddresses, names, refuse, type Scenario, withBed } from '../scenario.ts';
import { quantiles } from './direct.ts';

const concurrency = 256;

export const storm: Scenario = {
  name: 'storm',
  summary: 'connections per second: connect, hello, welcome',
  run({ isQuick, connections, say }) {
    const count = Math.min(connections ?? (isQuick ? 5_000 : 15_000), 18_000);
    const users = names('user', count);
    const request = { users, concurrency, from: loopbackAddresses(4) };
    return withBed({ seed: { users, groups: [], directs: [], messagesEach: 0 } }, async (bed) => {
      say(`storm: ${count.toLocaleString('en')} connections`);
      const first = await bed.generator.call('open', { ...request, users: users.slice(0, 1_000) });
      refuse(first.failures, 'warm-up');
      await bed.generator.call('close', undefined);
      await Bun.sleep(1_000);
      const { result, server, generator, otherCores } = await costed(bed, () => bed.generator.call('open', request));
      refuse(result.failures, 'connections');
      return [
        {
          scenario: 'storm',
          name: `${count.toLocaleString('en')} connections, ${concurrency} at a time`,
          item: 'connection',
          count: result.opened,
          elapsedS: result.elapsedS,
          perS: result.opened / result.elapsedS,
          server: costOf(server, result.opened),
          generator: costOf(generator, result.opened),
          otherCores,
          latency: { welcome: quantiles(result.latency) },
          extra: {},
        },
      ];
    });
  },
};
