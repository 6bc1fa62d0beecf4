import { afterAll, expect, test } from 'bun:test';
import { Admin } from '@platformatic/kafka';
import { Cluster, Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { Scratch } from './scratch.ts';
import { describeWith } from './services.ts';

describeWith(['mysql', 'redis', 'kafka'], 'scratch on shared servers', ({ mysql, redis, kafka }) => {
  const [kept, removed] = [new Scratch({ mysql, redis, kafka }), new Scratch({ mysql, redis, kafka })];
  afterAll(() => Promise.all([kept.remove(), removed.remove()]));

  test('a database has a user that reaches it alone, and both go', async () => {
    const [own, other] = [await removed.database('timeline'), await kept.database('directory')];
    const connection = await createConnection({ ...own });
    await connection.query('CREATE TABLE entry (id INT PRIMARY KEY)');
    await expect(connection.query(`CREATE TABLE ${other.database}.entry (id INT PRIMARY KEY)`)).rejects.toThrow(
      /denied/,
    );
    await connection.end();
    await removed.remove();
    await expect(createConnection({ ...own })).rejects.toThrow(/denied/);
    await (await createConnection({ ...other })).end();
  });

  test('topics and keys of the prefix go, those of another stay', async () => {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.brokers] });
    const client = new Redis(`redis://${redis.address}`);
    for (const { prefix } of [kept, removed]) {
      await admin.createTopics({ topics: [`${prefix}-commands`], partitions: 1, replicas: 1 });
      await client.set(`${prefix}:key`, 1);
    }
    await removed.remove();
    const topics = await admin.listTopics();
    expect(topics).toContain(`${kept.prefix}-commands`);
    expect(topics).not.toContain(`${removed.prefix}-commands`);
    expect(await client.exists(`${kept.prefix}:key`)).toBe(1);
    expect(await client.exists(`${removed.prefix}:key`)).toBe(0);
    await admin.close();
    client.disconnect();
  });
});

describeWith(['redisCluster'], 'scratch on a Redis Cluster', ({ redisCluster }) => {
  test('keys of the prefix go from every shard', async () => {
    const scratch = new Scratch({ redisCluster });
    const client = new Cluster(redisCluster.addresses.map((address) => `redis://${address}`));
    const keys = Array.from({ length: 50 }, (_, index) => `${scratch.prefix}:${index}`);
    await Promise.all(keys.map((key) => client.set(key, 1)));
    await scratch.remove();
    expect(await Promise.all(keys.map((key) => client.exists(key)))).toEqual(keys.map(() => 0));
    client.disconnect();
  });
});
