// The bus on Redis, one server and a Cluster: the contract of every bus, and its batching. Failures: tests/faults/redis-bus.test.ts.

import { expect, test } from 'bun:test';
import { parseAddress } from '@hongyan/base/address';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { UserId } from '@hongyan/protocol/ids';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { Redis } from 'ioredis';
import { openTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { type BusEvent, type Topic, userTopic } from './event-bus.ts';
import { bucketOf, channelOf } from './redis/bucket.ts';
import { RedisEventBus } from './redis-event-bus.ts';
import { eventBusContract } from './testing/contract.ts';

async function makeBuses(addresses: readonly string[]) {
  const client = await openTestClient(testOptions(addresses));
  const open = (busId: string) => RedisEventBus.open({ client, clock: systemClock, log: silentLog, busId });
  const [bus, elsewhere] = await Promise.all([open('a'), open('b')]);
  return {
    bus,
    elsewhere,
    client,
    settle: () => elsewhere.settle(),
    async remove() {
      bus.close();
      elsewhere.close();
      await client.close();
    },
  };
}

describeWith(['redis'], 'bus on one Redis', ({ redis }) => {
  eventBusContract('event bus on one Redis', () => makeBuses([redis.address]));

  test('events of one topic published in one turn are one message, separate from those of other topics', async () => {
    const { bus, elsewhere, remove, client } = await makeBuses([redis.address]);
    const [ann, bob] = ['ann', 'bob'].map((id) => userTopic(id as UserId)) as [Topic, Topic];
    const { hostname: host, port } = parseAddress(redis.address);
    const raw = new Redis({ host, port });
    const texts: string[] = [];
    raw.on('smessage', (_channel: string, text: string) => texts.push(text));
    for (const topic of [ann, bob]) await raw.ssubscribe(channelOf(client.options.keyPrefix, bucketOf(topic), topic));
    const frame = (topic: Topic, text: string): BusEvent => ({ type: 'frame', topic, frame: text });
    await Promise.all([
      bus.publish([frame(ann, 'a'), frame(bob, 'b'), frame(ann, 'c')]),
      bus.publish([frame(ann, 'd')]),
    ]);
    await until(() => texts.length >= 2, { what: 'both messages' });
    await elsewhere.settle();
    expect(texts.map((text) => text.slice(text.indexOf(' ') + 1)).toSorted()).toEqual(['f1:af1:cf1:d', 'f1:b']);
    raw.disconnect();
    await remove();
  });

  test('ten thousand topics are subscribed in one call, and receive events', async () => {
    const { bus, elsewhere, remove } = await makeBuses([redis.address]);
    const topics = Array.from({ length: 10_000 }, (_, index) => userTopic(`user ${index}` as UserId));
    const heard = new Set<Topic>();
    await elsewhere.attach({ onEvent: ({ topic }) => heard.add(topic), onLoss: () => {} }).subscribe(topics);
    await bus.publish(topics.map((topic) => ({ type: 'frame', topic, frame: '1' })));
    await elsewhere.settle();
    expect(heard.size).toBe(topics.length);
    await remove();
  });
});
describeWith(['redisCluster'], 'bus on a Redis Cluster', ({ redisCluster }) =>
  eventBusContract('event bus on a Redis Cluster', () => makeBuses(redisCluster.addresses)),
);
