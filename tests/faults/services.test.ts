// The servers that fault tests break: each is killed, paused and started again alone, and what was durable is there afterwards.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { describeWith, ownServices } from '@hongyan/testing/services';
import type { PartName } from '@hongyan/testing/services/parts';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { until } from '@hongyan/testing/until';
import { Admin, ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka';
import { Cluster, Redis } from 'ioredis';
import { createConnection, type RowDataPacket } from 'mysql2/promise';

const startMs = 180_000;
const services = join(import.meta.dir, '../../tools/services');

/** A set of its own for the tests of `body`, taken down behind them. */
function withOwn(parts: readonly PartName[], title: string, body: (set: () => ServiceSet) => void): void {
  describeWith(parts, title, () => {
    let set: ServiceSet | undefined;
    beforeAll(async () => {
      set = await ownServices({ parts, brokers: 3 });
    }, startMs);
    afterAll(() => set?.down());
    body(() => set ?? unstarted());
  });
}

function unstarted(): never {
  throw new Error('the set is not up yet');
}

withOwn(['mysql', 'redis'], 'MariaDB and Redis', (set) => {
  test('MariaDB is killed and started again: the same address, the committed rows', async () => {
    const mysql = { ...(set().addresses.mysql ?? unstarted()) };
    const before = await createConnection(mysql);
    before.on('error', () => {});
    await before.query('CREATE DATABASE kept');
    await before.query('CREATE TABLE kept.entry (id INT PRIMARY KEY)');
    await before.query('INSERT INTO kept.entry VALUES (1)');
    await set().server('mariadb').kill();
    await expect(createConnection(mysql)).rejects.toThrow();
    await set().server('mariadb').start();
    const after = await createConnection(mysql);
    const [rows] = await after.query<RowDataPacket[]>('SELECT id FROM kept.entry');
    expect(rows.map(({ id }) => id)).toEqual([1]);
    await after.end();
  });

  test('a paused server keeps its connections and answers once it goes on', async () => {
    const client = new Redis(`redis://${set().addresses.redis?.address}`);
    await client.ping();
    set().server('redis').pause();
    let answered = false;
    const answer = client.ping().then(() => {
      answered = true;
    });
    await Bun.sleep(100);
    expect(answered).toBe(false);
    set().server('redis').resume();
    await answer;
    client.disconnect();
  });

  test('up starts again what was killed and leaves the rest; two at once do no harm', async () => {
    const { folder } = set();
    const pids = () => Promise.all(['mariadb', 'redis'].map((name) => pidOf(folder, name)));
    const [mariadb, redis] = await pids();
    await set().server('redis').kill();
    const ups = [1, 2].map(() => ServiceSet.up({ folder, parts: ['mysql', 'redis'] }));
    for (const { missing } of await Promise.all(ups)) expect(missing).toEqual([]);
    const [mariadbNow, redisNow] = await pids();
    expect(mariadbNow).toBe(mariadb);
    expect(redisNow).not.toBe(redis);
  });

  test('another process finds the set by its folder; taken down, nothing is left', async () => {
    const { folder, servers } = set();
    const status = () => Bun.spawn([services, 'status', '--data', folder], { stdout: 'pipe' });
    const said = await new Response(status().stdout).text();
    expect(said.match(/up$/gm)).toHaveLength(2);
    await (ServiceSet.open(folder) ?? unstarted()).down();
    await until(() => servers.every(({ isAlive }) => !isAlive()));
    expect(await Bun.file(join(folder, 'services.json')).exists()).toBe(false);
    expect(await status().exited).toBe(1);
  });
});

withOwn(['kafka'], 'three Kafka brokers', (set) => {
  test('one is killed: the others acknowledge, and it comes back', async () => {
    const bootstrapBrokers = [...(set().addresses.kafka?.brokers ?? [])];
    const admin = new Admin({ clientId: 'test', bootstrapBrokers });
    await admin.createTopics({ topics: ['kept'], partitions: 3, replicas: 3 });
    const producer = new Producer({ clientId: 'test', bootstrapBrokers, serializers: stringSerializers, retries: 50 });
    const send = () =>
      producer.send({
        acks: ProduceAcks.ALL,
        messages: [0, 1, 2].map((key) => ({ topic: 'kept', key: `${key}`, value: 'x' })),
      });
    await send();
    await set().server('kafka-2').kill();
    await send();
    await set().server('kafka-2').start();
    expect(set().server('kafka-2').isAlive()).toBe(true);
    await send();
    await producer.close();
    await admin.close();
  }, 120_000);
});

withOwn(['redisCluster'], 'a Redis Cluster', (set) => {
  test('a master is killed: its replica takes over', async () => {
    const addresses = set().addresses.redisCluster?.addresses ?? [];
    const client = new Cluster(addresses.map((address) => `redis://${address}`));
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((key) => client.set(key, 1)));
    // A master acknowledges before its replica has it: what it has alone would die with it.
    const copies = await Promise.all(client.nodes('master').map((master) => master.wait(1, 30_000)));
    expect(copies).toEqual([1, 1, 1]);
    const [victim] = set().servers.filter(({ port }) =>
      client.nodes('master').some(({ options }) => options.port === port),
    );
    await victim?.kill();
    await until(async () => (await Promise.allSettled(keys.map((key) => client.get(key)))).every(isOne), {
      withinMs: 60_000,
    });
    client.disconnect();
  }, 90_000);
});

const isOne = (result: PromiseSettledResult<unknown>): boolean => result.status === 'fulfilled' && result.value === '1';

async function pidOf(folder: string, name: string): Promise<number | undefined> {
  const state = (await Bun.file(join(folder, 'services.json')).json()) as { servers: { name: string; pid?: number }[] };
  return state.servers.find((server) => server.name === name)?.pid;
}
