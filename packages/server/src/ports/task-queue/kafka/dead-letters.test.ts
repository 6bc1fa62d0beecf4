// Reads of dead letters while Kafka, or the reader of its topic, does not answer.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { soon } from '@hongyan/base/soon';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Relay } from '@hongyan/testing/relay';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { Admin } from '@platformatic/kafka';
import { clientOptions } from '../../../adapters/kafka/kafka-options.ts';
import { recordBytesMax } from '../../../adapters/kafka/topics.ts';
import type { TaskId } from '../task-queue.ts';
import { KafkaDeadLetters } from './dead-letters.ts';
import { TaskSender } from './task-sender.ts';

setDefaultTimeout(60_000);

describeWith(['kafka'], 'dead letters on Kafka', ({ kafka }) => {
  async function openWorld() {
    const topic = `test-${randomUUID().slice(0, 8)}.tasks.dead`;
    const connection = { clientId: 'test', prefix: '' };
    const near = clientOptions({ ...connection, brokers: kafka.brokers });
    const relay = await Relay.open({ targetPort: Number(kafka.brokers[0]?.split(':')[1]) });
    const far = clientOptions({ ...connection, brokers: [`127.0.0.1:${relay.port}`] });
    const admins = [new Admin(near), new Admin(far)];
    const [nearAdmin, farAdmin] = admins as [Admin, Admin];
    const configs = { 'cleanup.policy': 'compact', 'max.message.bytes': String(recordBytesMax) };
    await nearAdmin.createTopics({
      ...{ topics: [topic], partitions: 1, replicas: 1 },
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
    // Brokers learn of a new topic after a delay. The client retries until they have.
    await nearAdmin.metadata({ topics: [topic], forceUpdate: true });
    const sender = new TaskSender(near);
    const clock = new ManualClock();
    const open = (reader: 'near' | 'far', asker: 'near' | 'far') =>
      new KafkaDeadLetters({
        ...{ topic, lettersMax: 100, log: silentLog, sender },
        ...{ client: reader === 'near' ? near : far, admin: asker === 'near' ? nearAdmin : farAdmin },
        clock: reader === 'near' && asker === 'near' ? systemClock : clock,
      });
    return {
      ...{ relay, clock, open },
      async close() {
        relay.close();
        await sender.close();
        await nearAdmin.deleteTopics({ topics: [topic] });
        await Promise.all(admins.map((admin) => admin.close()));
      },
    };
  }

  const letter = (payload: string) => ({
    ...{ taskId: payload as TaskId, kind: 'k', payload, error: 'broken', failureCount: 2 },
    ...{ addedAtMs: 1, diedAtMs: 2 },
  });

  /** Whatever it waits for, time passes until it is given up. */
  const givenUp = async (clock: ManualClock, asked: Promise<unknown>) => {
    const rejected = rejectionOf(asked);
    let isOver = false;
    void rejected.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      clock.advance(1_000);
      await new Promise<void>(soon);
    }
    return rejected;
  };

  test('[T3] while no broker answers, reads of dead letters reject as unavailable without the retries of the client', async () => {
    const { relay, clock, open, close } = await openWorld();
    relay.cut();
    const dead = open('far', 'far');
    for (const asked of [
      () => dead.caughtUp(),
      () => dead.list({ limit: 1 }),
      () => dead.replay({ kind: 'k' }, async () => {}),
    ])
      expect(await givenUp(clock, asked())).toHaveProperty('code', 'unavailable');
    relay.close();
    await dead.close();
    await close();
  });

  test('[T3] dead letters that cannot be read in time are unavailable until they have been read', async () => {
    const { relay, clock, open, close } = await openWorld();
    const writer = open('near', 'near');
    await writer.replaceAll([letter('a'), letter('b')]);
    relay.cut();
    const [dead, closed] = [open('far', 'near'), open('far', 'near')];
    const asked = dead.caughtUp();
    // How many there are has been answered when what waits is as far ahead as it was at first.
    const silenceMaxMs = clock.nextInMs;
    clock.advance(1);
    await until(() => clock.nextInMs === silenceMaxMs);
    expect(await givenUp(clock, asked)).toHaveProperty('code', 'unavailable');
    const askedOfClosed = rejectionOf(closed.caughtUp());
    await closed.close();
    expect(await askedOfClosed).toHaveProperty('code', 'unavailable');
    relay.heal();
    await dead.caughtUp();
    expect(dead.counts()).toEqual(new Map([['k', 2]]));
    // Payloads are read by a connection of their own.
    relay.cut();
    expect(await givenUp(clock, dead.list({ limit: 10 }))).toHaveProperty('code', 'unavailable');
    relay.heal();
    expect(await dead.list({ limit: 10 })).toHaveLength(2);
    await Promise.all([dead.close(), writer.close()]);
    await close();
  });

  test('[T3] dead letters that cannot be replayed stay, and the replay rejects', async () => {
    const { open, close } = await openWorld();
    const dead = open('near', 'near');
    // More than one part of them.
    const letters = ['a', 'b', 'c'].map((id) => ({ ...letter(id), payload: id.repeat(3 * 1024 * 1024) }));
    await dead.replaceAll(letters);
    const full = new StoreFailure('overloaded', 'no room');
    expect(await rejectionOf(dead.replay({ kind: 'k' }, () => Promise.reject(full)))).toBe(full);
    expect(await dead.list({ limit: 10 })).toHaveLength(3);
    await dead.close();
    await close();
  });
});
