// All clients connect at once: connection, upgrade, hello, welcome.

import { costsOf } from '../cost.ts';
import { loopbackAddresses, measured, names, refuse, type Scenario, withBed } from '../scenario.ts';
import { quantiles } from './direct.ts';

const concurrency = 256;

export const storm: Scenario = {
  name: 'storm',
  summary: 'connections per second: connect, hello, welcome',
  shapes: ['storm'],
  run({ isQuick, connections, cores, progress }) {
    const count = Math.min(connections ?? (isQuick ? 5_000 : 15_000), 18_000);
    const users = names('user', count);
    const request = { users, concurrency, from: loopbackAddresses(4) };
    return withBed({ seed: { users, groups: [], directs: [], messagesEach: 0 }, cores }, async (bed) => {
      progress(`storm: ${count.toLocaleString('en')} connections`);
      const first = await bed.generator.call('open', { ...request, users: users.slice(0, 1_000) });
      refuse(first.failures, 'warm-up');
      await bed.generator.call('close', undefined);
      await Bun.sleep(1_000);
      const { result, cost } = await measured(bed, () => bed.generator.call('open', request));
      refuse(result.failures, 'connections');
      return [
        {
          scenario: 'storm',
          name: `${count.toLocaleString('en')} connections, ${concurrency} at a time`,
          item: 'connection',
          count: result.opened,
          elapsedS: result.elapsedS,
          perS: result.opened / result.elapsedS,
          ...costsOf(cost, result.opened),
          latency: { welcome: quantiles(result.latency) },
          extra: {},
        },
      ];
    });
  },
};
