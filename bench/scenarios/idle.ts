// Connections that do nothing: what each holds of the server's memory.

import { costsOf } from '../cost.ts';
import {
  gatewayArgs,
  loopbackAddresses,
  measured,
  names,
  refuse,
  type Scenario,
  type ScenarioInput,
  withBed,
} from '../scenario.ts';
import { quantiles } from './direct.ts';

const groupsEach = 10;
const membersEach = 100;
const targetBytes = 5_000;
const targetCount = 100_000;
/** Open files of a process are limited to 20,000; some are needed for other things. */
const perProcessMax = 18_000;
const perAddressMax = 2_000;
const warmUpCount = 500;

export const idle: Scenario = {
  name: 'idle',
  summary: 'authenticated connections in 10 groups each: bytes of server memory per connection',
  shapes: ['idle'],
  run(input) {
    const { count, gateways } = sizes(input);
    const users = names('user', count);
    const generatorCount = Math.ceil(count / perProcessMax);
    const seed = { users, groups: groupsOf(users), directs: [], messagesEach: 0 };
    const bed = { seed, generatorCount, server: { args: gatewayArgs(gateways) }, cores: input.cores };
    return withBed(bed, async (ready) => {
      const { server, generators } = ready;
      const warm = { users: users.slice(0, warmUpCount), concurrency: 50, from: [] };
      refuse((await ready.generator.call('open', warm)).failures, 'warm-up');
      await ready.generator.call('close', undefined);
      await Bun.sleep(3_000);
      const addresses = loopbackAddresses(Math.max(8, Math.ceil(count / perAddressMax)));
      const [before, gatewaysBefore] = [server.memoryBytes(), server.gatewayMemoryBytes()];
      input.progress(`idle: opening ${count.toLocaleString('en')} connections from ${generatorCount} processes`);
      const { result, cost } = await measured(ready, () =>
        Promise.all(
          generators.map((generator, index) => {
            const own = users.filter((_user, place) => place % generators.length === index);
            return generator.call('open', { users: own, concurrency: 64, from: addresses });
          }),
        ),
      );
      for (const { failures } of result) refuse(failures, 'connections');
      const peak = server.memoryBytes();
      await Bun.sleep(input.isQuick ? 8_000 : 30_000);
      const [held, gatewaysHeld] = [server.memoryBytes(), server.gatewayMemoryBytes()];
      const losses = await Promise.all(generators.map((generator) => generator.call('lost', undefined)));
      const lost = losses.reduce((sum, each) => sum + each.lost, 0);
      const each = (held - before) / count;
      const elapsedS = Math.max(...result.map((opened) => opened.elapsedS));
      return [
        {
          scenario: 'idle',
          name: `${count.toLocaleString('en')} connections, ${groupsEach} groups each, ${gateways} gateway process${gateways > 1 ? 'es' : ''}`,
          item: 'connection',
          count,
          elapsedS,
          perS: count / elapsedS,
          ...costsOf(cost, count),
          latency: { welcome: quantiles(result[0]?.latency ?? { counts: [], maxUs: 0 }) },
          extra: {
            'bytes each': Math.round(each),
            ...(gateways > 1
              ? { 'bytes each in its gateway': Math.round((gatewaysHeld - gatewaysBefore) / count) }
              : {}),
            'bytes each right after connecting': Math.round((peak - before) / count),
            'server MiB before': Math.round(before / 2 ** 20),
            'server MiB held': Math.round(held / 2 ** 20),
            'lost while idle': lost,
          },
          target: {
            text: `< ${targetBytes.toLocaleString('en')} bytes each; ${targetCount.toLocaleString('en')} held`,
            isMet: each < targetBytes && lost === 0 && (input.isQuick || count >= targetCount),
          },
        },
      ];
    });
  },
};

/** One gateway process holds as many as it may open files; more need several gateway processes behind one port. */
function sizes({ isQuick, connections, gateways }: ScenarioInput): {
  readonly count: number;
  readonly gateways: number;
} {
  const count = connections ?? (isQuick ? 10_000 : targetCount);
  return { count, gateways: gateways ?? Math.ceil(count / perProcessMax) };
}

/** A hundred neighbours share ten groups. */
function groupsOf(users: readonly string[]) {
  const groups: { conversationId: string; members: readonly string[] }[] = [];
  for (let from = 0; from < users.length; from += membersEach) {
    const members = users.slice(from, from + membersEach);
    for (let index = 0; index < groupsEach; index++) groups.push({ conversationId: `g:${from}-${index}`, members });
  }
  return groups;
}
