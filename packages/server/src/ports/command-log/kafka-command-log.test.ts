// The Kafka command log on a broker: the contract of every command log, and what separate producers and consumers add.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { ok, StoreFailure } from '@hongyan/base/result';
import { failure } from '@hongyan/protocol/refusals';
import { Scratch } from '@hongyan/testing/scratch';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { KafkaProducer } from '../../adapters/kafka/kafka-producer.ts';
import { ensureTopics } from '../../adapters/kafka/topics.ts';
import { openTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { RedisEventBus } from '../event-bus/redis-event-bus.ts';
import type { ChangeCommand, Command, CommandHandler } from './command-log.ts';
import { KafkaCommandLog } from './kafka-command-log.ts';
import { codeOf, command, commandLogContract, HeldHandler, keysOf, roomy } from './testing/contract.ts';
import { KafkaNodes } from './testing/kafka-nodes.ts';

const done = ok({ type: 'changed' as const });

describeWith(['kafka'], 'on Kafka', ({ kafka }) => {
  commandLogContract('Kafka command log', async (bounds) => {
    const scratch = new Scratch({ kafka });
    const nodes = await new KafkaNodes(kafka.brokers, scratch).make();
    const consumer = nodes.consumer(bounds);
    const log = new KafkaCommandLog(await nodes.producer(bounds), consumer);
    return {
      log: {
        submit: (submitted) => log.submit(submitted),
        consume: (handle) => log.consume(nodes.positions.guard(handle), nodes.owner),
        drain: () => log.drain(),
      },
      arrived: (count) => until(() => consumer.lag === count),
      async remove() {
        await nodes.close();
        await scratch.remove();
      },
    };
  });

  let scratch: Scratch;
  let nodes: KafkaNodes;
  beforeEach(() => {
    scratch = new Scratch({ kafka });
    nodes = new KafkaNodes(kafka.brokers, scratch, 1);
  });
  afterEach(async () => {
    await nodes.close();
    await scratch.remove();
  });

  /** A core that executes `handle`, and a process that submits. */
  async function start(handle: CommandHandler, bounds = roomy) {
    await nodes.make();
    const consumer = nodes.consumer(bounds);
    consumer.consume(nodes.positions.guard(handle), nodes.owner);
    return { consumer, producer: await nodes.producer() };
  }

  test('each process receives the outcomes of its commands', async () => {
    const { producer } = await start(async (batch) => batch.map(() => done));
    const other = await nodes.producer();
    const outcomes = await Promise.all([producer, other, producer].map((each, key) => each.submit(command(key))));
    expect(outcomes).toEqual([done, done, done]);
  });

  test('[K1] a command may be longer than the default record limit of brokers', async () => {
    const lengths: number[] = [];
    const { producer } = await start(async (batch) => {
      for (const each of batch) if (each.type === 'message') lengths.push(each.contentJson.length);
      return batch.map(() => done);
    });
    const contentJson = JSON.stringify({ type: 'text', text: '"'.repeat(4 * 2 ** 20) });
    expect(await producer.submit({ ...command(1), contentJson } as Command)).toEqual(done);
    expect(lengths).toEqual([contentJson.length]);
  });

  test('[K1] an existing topic accepts commands of the maximal length of content', async () => {
    await ensureTopics(nodes.kafka, [{ name: 'commands', partitions: 1, replicas: 1, retentionMs: 3_600_000 }]);
    const { producer } = await start(async (batch) => batch.map(() => done));
    const contentJson = JSON.stringify({ type: 'text', text: 'x'.repeat(2 * 2 ** 20) });
    expect(await producer.submit({ ...command(1), contentJson } as Command)).toEqual(done);
  });

  test('[K2] a command that Kafka rejects as too large is refused, and others of its batch are executed', async () => {
    const { producer } = await start(async (batch) => batch.map(() => done));
    const contentJson = JSON.stringify({ type: 'text', text: 'x'.repeat(33 * 2 ** 20) });
    const [tooLarge, ...others] = await Promise.all([
      producer.submit({ ...command(1), contentJson } as Command),
      producer.submit(command(2)),
      producer.submit(command(3)),
    ]);
    expect(codeOf(tooLarge)).toBe('too_large');
    expect(others).toEqual([done, done]);
  });

  test('the lag of a core includes waiting commands, commands in flight, and those left by another owner', async () => {
    const handler = new HeldHandler();
    const { producer, consumer } = await start(handler.handle);
    const outcomes = [0, 1, 2].map((key) => producer.submit(command(key)));
    const held = await handler.next();
    await until(() => consumer.lag === 3);
    held.finish();
    await handler.finishAll(3 - held.commands.length);
    await Promise.all(outcomes);
    await until(() => consumer.lag === 0);
    await consumer.drain();
    const late = producer.submit(command(3));
    await until(() => nodes.late.length === 1);
    const successor = nodes.consumer();
    successor.consume(nodes.positions.guard(handler.handle), nodes.owner);
    const last = await handler.next();
    expect(successor.lag).toBe(1);
    last.finish();
    await late;
    await until(() => successor.lag === 0);
  });

  test('[K4] a batch that the stores cannot write is retried, marked as a possible repeat, until they can', async () => {
    const seen: { readonly keys: readonly string[]; readonly mayBeRepeated: boolean | undefined }[] = [];
    const answers = [
      async () => [failure.unavailable()],
      async () => {
        throw new StoreFailure('unknown_outcome', 'the connection broke');
      },
      async () => [done],
    ];
    const { producer } = await start((batch, place) => {
      if (seen.length === 0) nodes.positions.put({ partition: 0, epoch: 1, offset: 5_000, publishedOffset: 5_000 });
      seen.push({
        keys: batch.map((each) => ('clientMsgId' in each ? each.clientMsgId : '')),
        mayBeRepeated: place?.mayBeRepeated,
      });
      return (answers[seen.length - 1] ?? (async () => [done]))();
    });
    expect(await producer.submit(command(1))).toEqual(done);
    expect(seen.map(({ keys }) => keys)).toEqual([['k1'], ['k1'], ['k1']]);
    expect(seen.slice(1).every(({ mayBeRepeated }) => mayBeRepeated)).toBe(true);
  });

  test('[K5] only the command that makes the handler throw is skipped, and the others are executed', async () => {
    const handled: string[] = [];
    const seen = new Set<string>();
    const notMarked: string[] = [];
    const held = new HeldHandler();
    let count = 0;
    const { producer, consumer } = await start(async (batch, place) => {
      if (count++ === 0) return held.handle(batch, place);
      const keys = batch.map((each) => ('clientMsgId' in each ? String(each.clientMsgId) : ''));
      // This mark identifies commands of the failed batch that were executed.
      if (!place?.mayBeRepeated) notMarked.push(...keys.filter((key) => seen.has(key)));
      for (const key of keys) seen.add(key);
      if (keys.includes('k2')) throw new TypeError('a bug');
      handled.push(...keys);
      return batch.map(() => done);
    });
    const first = producer.submit(command(0));
    const holding = await held.next();
    const submitted = [1, 2, 3].map((key) => producer.submit(command(key)));
    await until(() => consumer.lag === 4);
    holding.finish([done]);
    const outcomes = await Promise.all([first, ...submitted]);
    expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'unknown_outcome', 'ok']);
    expect(new Set(handled)).toEqual(new Set(['k1', 'k3']));
    expect(notMarked).toEqual([]);
    expect(nodes.positions.get(0)?.offset).toBe(4);
  });

  test('[K6] commands that the previous owner may not have published are recovered, not executed again', async () => {
    const handled: string[] = [];
    const handle: CommandHandler = async (batch) => {
      handled.push(...batch.map((each) => ('clientMsgId' in each ? String(each.clientMsgId) : '')));
      return batch.map(() => done);
    };
    const { producer, consumer } = await start(handle);
    for (const key of [1, 2, 3, 4]) await producer.submit(command(key));
    await consumer.drain();
    nodes.positions.put({ partition: 0, epoch: 1, offset: 3, publishedOffset: 1 });
    handled.length = 0;
    nodes.consumer().consume(nodes.positions.guard(handle), nodes.owner);
    expect(await producer.submit(command(5))).toEqual(done);
    expect(nodes.recovered.map((each) => ('clientMsgId' in each ? String(each.clientMsgId) : ''))).toEqual([
      'k2',
      'k3',
    ]);
    expect(handled).toEqual(['k4', 'k5']);
  });

  test('[K6] all commands in the log at the claim are executed as possible repeats', async () => {
    const count = 3_000;
    const seen = new Map<string, boolean | undefined>();
    const handle: CommandHandler = async (batch, place) => {
      for (const each of batch) if ('clientMsgId' in each) seen.set(each.clientMsgId, place?.mayBeRepeated);
      return batch.map(() => done);
    };
    const { consumer } = await start(handle);
    const producer = await nodes.producer({ ...roomy, queueMax: count, queuePerUserMax: count });
    await Promise.all(Array.from({ length: count }, (_, key) => producer.submit(command(key))));
    await consumer.drain();
    nodes.positions.put({ partition: 0, epoch: 1, offset: 0, publishedOffset: 0 });
    seen.clear();
    nodes.consumer().consume(nodes.positions.guard(handle), nodes.owner);
    await until(() => seen.size === count);
    expect([...seen.values()].filter((mayBeRepeated) => !mayBeRepeated)).toEqual([]);
    expect(await producer.submit(command(count))).toEqual(done);
    expect(seen.get(`k${count}`)).toBe(false);
  });

  test('[K7] a change of a conversation is a batch of its own, after all earlier commands', async () => {
    const batches: string[][] = [];
    const handler = new HeldHandler();
    const { producer, consumer } = await start((batch, place) => {
      batches.push(batch.map((each) => each.type));
      return batches.length === 1 ? handler.handle(batch, place) : Promise.resolve(batch.map(() => done));
    });
    const first = producer.submit(command(0));
    const held = await handler.next();
    const change = {
      type: 'update',
      conversationId: command(0).conversationId,
      from: command(0).from,
      title: 'x',
    } as ChangeCommand;
    const all: Command[] = [command(1), command(2, 'bob'), change, command(3), change, change];
    const outcomes = all.map((each) => producer.submit(each));
    await until(() => consumer.lag === 1 + all.length);
    held.finish();
    await Promise.all([first, ...outcomes]);
    expect(batches).toEqual([['message'], ['message', 'message'], ['update'], ['message'], ['update'], ['update']]);
  });

  test('[K3] an owner whose partition was claimed by another publishes no outcomes', async () => {
    const handler = new HeldHandler();
    const { producer } = await start(handler.handle);
    const outcome = producer.submit(command(1));
    const held = await handler.next();
    nodes.positions.claim(0);
    held.finish([done]);
    // It claims the partition again once the consumer group has confirmed the assignment.
    const again = await handler.next();
    expect(keysOf(again)).toEqual(['k1']);
    again.finish([failure.unavailable()]);
    (await handler.next()).finish([done]);
    expect(await outcome).toEqual(done);
    expect(nodes.positions.get(0)?.epoch).toBe(3);
  }, 20_000);

  test('[D6] without an outcome by the deadline the outcome is unknown', async () => {
    await nodes.make();
    const producer = await nodes.producer(roomy, 300);
    expect(codeOf(await producer.submit(command(1)))).toBe('unknown_outcome');
  });

  test('[K10] a slow outcome is reported to its producer once', async () => {
    const held = Promise.withResolvers<void>();
    const { producer } = await start(async (batch) => {
      if (batch.some((each) => 'clientMsgId' in each && each.clientMsgId === 'k1')) await held.promise;
      return batch.map(() => done);
    });
    const outcome = producer.submit(command(1));
    await until(() => nodes.late.length > 0);
    held.resolve();
    expect(await outcome).toEqual(done);
    expect(await producer.submit(command(2))).toEqual(done);
    expect(nodes.late).toEqual(['k1']);
  });

  test('[K8] a recreated log, shorter than the position of the store, is read from its beginning', async () => {
    nodes.positions.put({ partition: 0, epoch: 4, offset: 50, publishedOffset: 50 });
    const { producer, consumer } = await start(async (batch) => batch.map(() => done));
    expect(await producer.submit(command(1))).toEqual(done);
    await consumer.drain();
    nodes.positions.put({ partition: 0, epoch: 4, offset: 50, publishedOffset: 50 });
    const repeats: (boolean | undefined)[] = [];
    nodes.consumer(roomy).consume(
      nodes.positions.guard(async (batch, place) => {
        repeats.push(place?.mayBeRepeated);
        return batch.map(() => done);
      }),
      nodes.owner,
    );
    await until(() => repeats.length === 1);
    // Commands after the claim are not repeats: no other owner can have stored them.
    expect(await producer.submit(command(2))).toEqual(done);
    expect(repeats).toEqual([true, false]);
    expect(nodes.positions.get(0)).toMatchObject({ epoch: 5, offset: 2 });
  });

  test('[K9] a record that is not a command is logged and skipped', async () => {
    const { producer } = await start(async (batch) => batch.map(() => done));
    const options = { brokers: kafka.brokers, clientId: 'x', prefix: '' };
    const raw = new KafkaProducer({ kafka: options, recordsMax: 10, bytesMax: 1000, clock: systemClock });
    const topic = `${scratch.prefix}.commands`;
    for (const value of ['not JSON', '[99,"n","1",{}]', '{}'])
      await raw.send({ topic, key: 'x', value: Buffer.from(value) });
    await raw.close();
    expect(await producer.submit(command(1))).toEqual(done);
    expect(nodes.positions.get(0)?.offset).toBe(4);
  });
});

describeWith(['kafka', 'redis'], 'on Kafka, with outcomes over Redis', ({ kafka }) => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start() {
    const services = await ownServices({ parts: ['redis'] });
    closing.push(() => services.down());
    const redis = services.server('redis');
    const client = await openTestClient(testOptions([`127.0.0.1:${redis.port}`]));
    closing.push(() => client.close());
    const bus = await RedisEventBus.open({ client, clock: systemClock, log: silentLog, busId: 'a' });
    closing.push(async () => bus.close());
    const scratch = new Scratch({ kafka });
    closing.push(() => scratch.remove());
    const nodes = await new KafkaNodes(kafka.brokers, scratch, 1, bus).make();
    closing.push(() => nodes.close());
    return { redis, bus, nodes };
  }

  test('[K11] an outcome lost with Redis is unknown once Redis is back, long before its deadline', async () => {
    const { redis, bus, nodes } = await start();
    const handler = new HeldHandler();
    nodes.consumer().consume(nodes.positions.guard(handler.handle), nodes.owner);
    const producer = await nodes.producer(roomy, 300_000);
    const outcome = producer.submit(command(1));
    const held = await handler.next();
    await redis.kill();
    await until(() => bus.problem !== undefined, { what: 'the bus to notice' });
    held.finish([done]);
    await until(() => nodes.positions.get(0)?.offset === 1, { what: 'the command to be stored' });
    await redis.start();
    expect(codeOf(await outcome)).toBe('unknown_outcome');
    const again = producer.submit(command(1));
    (await handler.next()).finish([done]);
    expect(codeOf(await again)).toBe('ok');
  }, 30_000);
});
