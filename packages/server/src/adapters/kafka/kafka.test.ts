// The Kafka adapters on a real broker: order, bounds, ownership of partitions, and where reading begins.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { type Log, silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Scratch } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { KafkaProducer } from './kafka-producer.ts';
import { readingFrom, TestTopic } from './testing/topics.ts';
import { ensureTopics, raiseRecordLimit } from './topics.ts';

describeWith(['kafka'], 'Kafka', ({ kafka }) => {
  let scratch: Scratch;
  let topic: TestTopic;
  beforeEach(() => {
    scratch = new Scratch({ kafka });
    topic = new TestTopic(kafka.brokers, scratch);
  });
  afterEach(async () => {
    await topic.close();
    await scratch.remove();
  });

  const textOf = (value: Buffer) => value.toString();
  const record = (key: string, text: string) => ({ topic: topic.name, key, value: Buffer.from(text) });

  test('a topic is created once and keeps its partitions', async () => {
    await topic.make(3);
    const again = await ensureTopics(topic.kafka, [{ name: 'records', partitions: 5, replicas: 3, retentionMs: 1000 }]);
    expect(again).toEqual([{ name: topic.name, partitions: 3 }]);
  });

  test('the record limit of a topic is raised, and a failure is logged with the remedy', async () => {
    await topic.make(1, 1, 10_000);
    const lines: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => lines.push(message) };
    await raiseRecordLimit(topic.kafka, { topics: [topic.name], bytesNeeded: 20_000, log });
    await topic.producer().send(record('a', 'x'.repeat(20_000)));
    expect(lines).toEqual([]);
    await raiseRecordLimit(topic.kafka, { topics: ['no name of a topic'], bytesNeeded: 20_000, log });
    expect(lines.join()).toContain('max.message.bytes');
  });

  test('records of a key arrive in the order sent, also by calls that are not awaited', async () => {
    await topic.make(4);
    const producer = topic.producer();
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const read: string[] = [];
    const partitionOf = new Map<string, Set<number>>();
    const consumer = topic.consumer(
      readingFrom(new Map(), ({ key, value }, partition) => {
        read.push(`${key}${textOf(value)}`);
        partitionOf.set(key, (partitionOf.get(key) ?? new Set()).add(partition));
      }),
    );
    await consumer.start();
    await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => producer.send(record(keys[index % 5] ?? '', String(index)))),
    );
    await until(() => read.length === 1_000);
    for (const [place, key] of keys.entries()) {
      const ofKey = read.filter((text) => text.startsWith(key));
      expect(ofKey).toEqual(Array.from({ length: 200 }, (_, index) => `${key}${index * 5 + place}`));
      expect(partitionOf.get(key)?.size).toBe(1);
    }
  });

  test('records larger together than a request are sent in several', async () => {
    await topic.make(1);
    const producer = topic.producer();
    const read: number[] = [];
    await topic.consumer(readingFrom(new Map(), ({ value }) => read.push(value.length))).start();
    const sizes = Array.from({ length: 40 }, (_, index) => 60_000 + index);
    await Promise.all(sizes.map((size) => producer.send(record('a', 'x'.repeat(size)))));
    await until(() => read.length === sizes.length);
    expect(read).toEqual(sizes);
  });

  test('at its bounds a producer refuses as overloaded, and has room again later', async () => {
    await topic.make(1);
    const producer = topic.producer({ recordsMax: 3, bytesMax: 10_000 });
    const accepted = ['1', '2'].map((text) => producer.send(record('a', text)));
    const large = rejectionOf(producer.send(record('a', 'x'.repeat(10_000))));
    accepted.push(producer.send(record('a', '3')));
    const fourth = rejectionOf(producer.send(record('a', '4')));
    for (const refused of [await large, await fourth]) expect((refused as StoreFailure).code).toBe('overloaded');
    await Promise.all(accepted);
    await producer.send(record('a', '5'));
  });

  test('without a broker a producer fails as unavailable: nothing was written', async () => {
    const nowhere = { ...topic.kafka, brokers: ['127.0.0.1:1'] };
    const producer = new KafkaProducer({
      ...{ kafka: nowhere, recordsMax: 10, bytesMax: 1000, retriesMax: 2, clock: systemClock },
    });
    const failure = await rejectionOf(producer.send({ topic: 'x', key: 'a', value: Buffer.from('1') }));
    expect(failure).toBeInstanceOf(StoreFailure);
    expect((failure as StoreFailure).code).toBe('unavailable');
    await producer.close();
  });

  test('[K2] rejected records are unavailable, because nothing is written, and later records are sent', async () => {
    await topic.make(1, 1, 600_000);
    const producer = topic.producer({ retriesMax: 2 });
    const refused = [
      { ...record('a', 'x'.repeat(700_000)), isTooLarge: true },
      { ...record('a', 'x'), topic: `${topic.name}.nowhere`, isTooLarge: false },
      { ...record('a', 'x'), topic: 'no name of a topic', isTooLarge: false },
    ];
    for (const { isTooLarge, ...each } of refused) {
      // Too long to share the request before it.
      const [failure] = await Promise.all([
        rejectionOf(producer.send(each)),
        producer.send(record('a', 'y'.repeat(550_000))),
      ]);
      expect(failure).toMatchObject({ name: 'StoreFailure', code: 'unavailable', isTooLarge });
    }
  });

  test('[K2] once Kafka is known to be unavailable, later sends fail sooner', async () => {
    let tries = 0;
    const listener = Bun.listen({
      ...{ hostname: '127.0.0.1', port: 0 },
      socket: {
        open(socket) {
          tries++;
          socket.end();
        },
        data() {},
      },
    });
    const nowhere = { ...topic.kafka, brokers: [`127.0.0.1:${listener.port}`] };
    const producer = new KafkaProducer({
      ...{ kafka: nowhere, recordsMax: 10, bytesMax: 1000, retriesMax: 3, clock: systemClock },
    });
    const send = () => rejectionOf(producer.send({ topic: 'x', key: 'a', value: Buffer.from('1') }));
    await send();
    const triesOfFirst = tries;
    tries = 0;
    expect(((await send()) as StoreFailure).code).toBe('unavailable');
    // One attempt of the request. The client by itself repeats the lookups of brokers before it.
    expect(tries).toBeGreaterThan(0);
    expect(tries).toBeLessThan(triesOfFirst);
    await producer.close();
    listener.stop(true);
  });

  test('[K2] records whose sender has timed out are not sent', async () => {
    await topic.make(1);
    const producer = topic.producer();
    const read: string[] = [];
    await topic.consumer(readingFrom(new Map(), ({ value }) => read.push(textOf(value)))).start();
    const sends = [true, false, true].map((isWanted, index) =>
      producer.send({ ...record('a', String(index)), leaves: () => isWanted }),
    );
    const results = await Promise.allSettled(sends);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await until(() => read.length === 2);
    expect(read).toEqual(['0', '2']);
  });

  test('reading begins at the offset of the owner, whatever was read before', async () => {
    await topic.make(1);
    const producer = topic.producer();
    for (let index = 0; index < 10; index++) await producer.send(record('a', String(index)));
    const read: string[] = [];
    await topic.consumer(readingFrom(new Map([[0, 6]]), ({ value }) => read.push(textOf(value)))).start();
    await until(() => read.length === 4);
    expect(read).toEqual(['6', '7', '8', '9']);
  });

  test('an offset beyond the log fails the reader, and its owner starts again', async () => {
    await topic.make(1);
    await topic.producer().send(record('a', '0'));
    const offsets = new Map([[0, 5]]);
    const read: string[] = [];
    const failures: unknown[] = [];
    const readAll = readingFrom(offsets, ({ value }) => read.push(textOf(value)));
    const consumer = topic.consumer((reader) =>
      readAll(reader).catch(async (error: unknown) => {
        failures.push(error);
        offsets.set(0, (await consumer.range(0)).first);
        throw error;
      }),
    );
    await consumer.start();
    await until(() => read.length === 1);
    expect(failures[0]).toBeInstanceOf(StoreFailure);
    expect(await consumer.range(0)).toEqual({ first: 0, end: 1 });
  });

  test('members share the partitions, take over those of one that leaves, and read each record once', async () => {
    await topic.make(6);
    const producer = topic.producer();
    const offsets = new Map<number, number>();
    const read: string[] = [];
    const owning = () => topic.consumer(readingFrom(offsets, ({ value }) => read.push(textOf(value))));
    const [first, second] = [owning(), owning()];
    const sent: Promise<void>[] = [];
    const send = (count: number) => {
      for (let index = 0; index < count; index++)
        sent.push(producer.send(record(`k${index % 50}`, String(sent.length))));
    };
    await first.start();
    expect(first.partitions).toEqual([0, 1, 2, 3, 4, 5]);
    send(300);
    await second.start();
    send(300);
    await until(() => first.partitions.length === 3 && second.partitions.length === 3);
    send(300);
    await Promise.all(sent);
    await until(() => read.length === 900);
    await first.close();
    send(100);
    await Promise.all(sent);
    await until(() => read.length === 1_000);
    expect(second.partitions).toEqual([0, 1, 2, 3, 4, 5]);
    expect(new Set(read).size).toBe(1_000);
  }, 60_000);

  test('close waits for the work in flight of a partition that was revoked before', async () => {
    await topic.make(2);
    const release = Promise.withResolvers<void>();
    const ended: number[] = [];
    const first = topic.consumer(async ({ partition, signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      if (first.partitions.length > 0) await release.promise;
      ended.push(partition);
    });
    await first.start();
    await topic.consumer(readingFrom(new Map(), () => {})).start();
    await until(() => first.partitions.length === 1);
    systemClock.after(1_000, release.resolve);
    await first.close();
    expect(ended.sort()).toEqual([0, 1]);
  }, 60_000);

  test('a failed owner is called again while it still owns the partition', async () => {
    await topic.make(1);
    let calls = 0;
    const consumer = topic.consumer(async () => {
      calls++;
      throw new StoreFailure('unavailable', 'the store is away');
    });
    await consumer.start();
    await until(() => calls >= 3);
  });
});
