// Records of done tasks on a real broker: they are deleted up to the mark, and a rejection is logged once and retried.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { type Log, silentLog } from '@hongyan/base/log';
import { Scratch } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { SkippingClock } from '@hongyan/testing/skipping-clock';
import { until } from '@hongyan/testing/until';
import { Admin } from '@platformatic/kafka';
import { clientOptions } from '../../../adapters/kafka/kafka-options.ts';
import { TestTopic } from '../../../adapters/kafka/testing/topics.ts';
import { DoneRecords } from './done-records.ts';

describeWith(['kafka'], 'records of done tasks', ({ kafka }) => {
  let scratch: Scratch;
  let topic: TestTopic;
  let admin: Admin;
  beforeEach(async () => {
    scratch = new Scratch({ kafka });
    topic = await new TestTopic(kafka.brokers, scratch).make(1);
    admin = new Admin(clientOptions(topic.kafka));
  });
  afterEach(async () => {
    await admin.close();
    await topic.close();
    await scratch.remove();
  });

  test('when Kafka rejects a deletion it is logged once and retried', async () => {
    const lines: string[] = [];
    const note = (message: string) => lines.push(message);
    const log: Log = { ...silentLog, warn: note, info: note };
    const clock = new SkippingClock();
    let tries = 0;
    const marks = () => {
      tries++;
      return [{ topic: topic.name, partition: 0, done: 2, claimed: 2 }];
    };
    const records = new DoneRecords({ admin, marks, clock, log });
    const pass = (isEnough: () => boolean | Promise<boolean>) =>
      until(() => {
        clock.skip(60_000);
        return isEnough();
      });
    // Beyond the end of the partition.
    await pass(() => tries >= 3);
    expect(lines).toEqual(['records of done tasks not removed, to be tried again']);
    const producer = topic.producer();
    for (const text of ['a', 'b', 'c']) await producer.send({ topic: topic.name, key: 'k', value: Buffer.from(text) });
    const first = async () => {
      const partitions = [{ partitionIndex: 0, timestamp: -2n }];
      const [found] = await admin.listOffsets({ topics: [{ name: topic.name, partitions }] });
      return Number(found?.partitions[0]?.offset);
    };
    await pass(async () => (await first()) > 0);
    await records.close();
    expect(await first()).toBe(2);
    expect(lines.slice(1)).toEqual(['records of done tasks removed again']);
  });
});
