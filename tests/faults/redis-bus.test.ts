// The event bus on Redis while its servers are killed, paused, restarted, flushed and cut: nothing is missed without a report.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { UserId } from '@hongyan/protocol/ids';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import { type BusEvent, type Topic, userTopic } from '@hongyan/server/ports/event-bus/event-bus';
import { type RedisBusLimits, RedisEventBus } from '@hongyan/server/ports/event-bus/redis-event-bus';
import { rejectionOf } from '@hongyan/testing/rejection';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { Redis } from 'ioredis';
import { BusChecker } from './bus-checker.ts';
import { ask, masters, type Server, untilWhole } from './redis-cluster.ts';

type Services = Awaited<ReturnType<typeof ownServices>>;

async function openBus(addresses: readonly string[], busId: string, limits: Partial<RedisBusLimits> = {}) {
  const surroundings = { clock: systemClock, log: silentLog };
  const client = await RedisClient.open({ ...redisDefaults, addresses }, surroundings);
  const bus = await RedisEventBus.open({ ...surroundings, client, busId, limits });
  return {
    bus,
    async close() {
      bus.close();
      await client.close();
    },
  };
}

/** Under load: `fault` happens, then every topic is heard again, and the checker has nothing to say. */
function faultTests(
  part: 'redis' | 'redisCluster',
  faults: Readonly<Record<string, (services: Services) => Promise<void>>>,
) {
  describeWith([part], `event bus on ${part} under faults`, () => {
    let services: Services;
    let checker: BusChecker;
    let closing: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      services = await ownServices({ parts: [part] });
    });
    afterAll(() => services.down());
    beforeEach(async () => {
      for (const server of services.servers) {
        server.resume();
        await server.start();
      }
      if (part === 'redisCluster') await untilWhole(services.servers);
      const addresses = services.servers.map(({ port }) => `127.0.0.1:${port}`);
      const [from, to] = [await openBus(addresses, 'from'), await openBus(addresses, 'to')];
      closing = [from.close, to.close];
      checker = new BusChecker({ from: from.bus, to: to.bus });
      await checker.start();
      await checker.heardAgain('the load');
    });
    afterEach(async () => {
      for (const close of closing) await close();
    });

    for (const [name, fault] of Object.entries(faults))
      test(`[R2] ${name}: nothing is missed without a report, and the order of each topic is kept`, async () => {
        await fault(services);
        const ms = await checker.heardAgain('every topic to be heard again');
        console.log(`${part}: ${name}: every topic is heard again after ${Math.round(ms)} ms`);
        const problems = await checker.finish();
        console.log(`  ${checker.summary}`);
        expect(problems).toEqual([]);
      });
  });
}

async function anyMaster({ servers }: Services): Promise<Server> {
  const [master] = await masters(servers);
  if (master === undefined) throw new Error('no master is left');
  return master;
}

/** Of the two processes on the bus the one that listens follows more topics than the one that publishes. */
async function cutOne(server: Server, which: 'publisher' | 'subscriber'): Promise<void> {
  const clients = String(await ask(server, ['CLIENT', 'LIST'])).split('\n');
  const buses = clients.filter((line) => line.includes('name=hongyan-bus'));
  const ids = buses
    .toSorted((one, other) => numberOf(one, 'ssub') - numberOf(other, 'ssub'))
    .map((line) => numberOf(line, 'id'));
  await ask(server, ['CLIENT', 'KILL', 'ID', String(which === 'publisher' ? ids[0] : ids.at(-1))]);
}

const numberOf = (line: string, name: string): number => Number(line.match(new RegExp(`\\b${name}=(\\d+)`))?.[1] ?? 0);

const only = ({ servers: [server] }: Services): Server => {
  if (server === undefined) throw new Error('no server');
  return server;
};

describeWith(['redis'], 'event bus without its Redis', () => {
  const topics = ['one', 'two'].map((id) => userTopic(id as UserId));
  let services: Services;
  const closing: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    services = await ownServices({ parts: ['redis'] });
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await services.down();
  });
  async function listen(limits: Partial<RedisBusLimits>) {
    const { bus, close } = await openBus([`127.0.0.1:${only(services).port}`], 'bus', limits);
    closing.push(close);
    const losses: (readonly Topic[])[] = [];
    const events: BusEvent[] = [];
    const attachment = bus.attach({ onEvent: (event) => events.push(event), onLoss: (own = []) => losses.push(own) });
    await attachment.subscribe(topics.slice(0, 1));
    await only(services).kill();
    await until(() => bus.problem !== undefined, { what: 'the bus to notice' });
    return { bus, attachment, losses, events };
  }

  test('[R2] a subscription waits for the server, and comes into force with it', async () => {
    const { bus, attachment, events, losses } = await listen({});
    const subscribed = attachment.subscribe(topics);
    await only(services).start();
    await subscribed;
    await bus.publish(topics.map((topic) => ({ type: 'frame', topic, frame: '1' })));
    await bus.settle();
    expect(events).toHaveLength(2);
    // What was subscribed meanwhile has missed nothing.
    expect(losses.flat()).toEqual(topics.slice(0, 1));
    expect(bus.problem).toBeUndefined();
  });

  test('[R2] a subscription that cannot be made in time is refused as unavailable', async () => {
    const { attachment } = await listen({ subscribeTimeoutMs: 200 });
    expect(await rejectionOf(attachment.subscribe(topics))).toMatchObject({ code: 'unavailable' });
  });

  test('[R2] while there is no server, subscribers are told again and again that they are deaf', async () => {
    const { bus, losses } = await listen({ lossReportMs: 50 });
    await until(() => losses.length >= 3, { what: 'three reports' });
    expect(losses[0]).toEqual(topics.slice(0, 1));
    const refused = await rejectionOf(bus.publish([{ type: 'frame', topic: topics[0] as Topic, frame: '1' }]));
    expect(refused).toMatchObject({ code: 'unavailable' });
  });
});

faultTests('redis', {
  'Redis killed and started again': async (services) => {
    await only(services).kill();
    await Bun.sleep(500);
    await only(services).start();
  },
  'Redis stopped in order and started again': async (services) => {
    await only(services).stop();
    await only(services).start();
  },
  'Redis paused for 5 s and continued': async (services) => {
    only(services).pause();
    await Bun.sleep(5_000);
    only(services).resume();
  },
  'Redis paused for 1 s, less than makes it silent': async (services) => {
    only(services).pause();
    await Bun.sleep(1_000);
    only(services).resume();
  },
  'Redis flushed': async (services) => void (await ask(only(services), ['FLUSHALL'])),
  'the connection of the publisher cut': (services) => cutOne(only(services), 'publisher'),
  'the connection of the subscriber cut': (services) => cutOne(only(services), 'subscriber'),
  'all connections cut': async (services) => {
    for (let round = 0; round < 5; round++) {
      for (const type of ['normal', 'pubsub'])
        await ask(only(services), ['CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes']);
      await Bun.sleep(50);
    }
  },
});

faultTests('redisCluster', {
  'a master killed': async (services) => {
    await (await anyMaster(services)).kill();
  },
  'a master paused, for good': async (services) => {
    (await anyMaster(services)).pause();
  },
  'a master paused for 8 s and continued, when its replica has taken over': async (services) => {
    const master = await anyMaster(services);
    master.pause();
    await Bun.sleep(8_000);
    master.resume();
  },
  'a master paused for 1 s and continued': async (services) => {
    const master = await anyMaster(services);
    master.pause();
    await Bun.sleep(1_000);
    master.resume();
  },
  'a replica takes over while its master lives': async (services) => {
    const roles = await Promise.all(services.servers.map((server) => ask(server, ['ROLE'])));
    const replica = services.servers[roles.findIndex((role) => String(role).startsWith('slave'))];
    if (replica !== undefined) await ask(replica, ['CLUSTER', 'FAILOVER']);
    await Bun.sleep(2_000);
  },
  'slots moved from one master to another': async (services) => {
    const nodes = String(await ask(only(services), ['CLUSTER', 'NODES'])).split('\n');
    const masters = nodes.filter((line) => /master - .* connected \d/.test(line));
    const [from, to] = masters.map((line) => ({
      id: line.split(' ')[0] ?? '',
      server: services.servers.find(({ port }) => line.includes(`:${port}@`)) ?? only(services),
      slot: Number(line.match(/connected (\d+)/)?.[1]),
    }));
    if (from === undefined || to === undefined) throw new Error('two masters');
    for (const { server } of [to, from]) {
      const redis = new Redis({ host: '127.0.0.1', port: server.port });
      const moves = redis.pipeline();
      for (let slot = from.slot; slot < from.slot + 2_000; slot++) moves.cluster('SETSLOT', slot, 'NODE', to.id);
      await moves.exec();
      redis.disconnect();
    }
  },
  'connections of a subscriber cut': async (services) => cutOne(await anyMaster(services), 'subscriber'),
  'all masters flushed': async (services) => {
    for (const server of services.servers)
      await ask(server, ['FLUSHALL']).catch((error: Error) => expect(error.message).toMatch(/^READONLY/));
  },
});
