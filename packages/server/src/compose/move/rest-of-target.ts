// What a cluster keeps beside its databases: tasks that are not done yet or were given up, and notices in force.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Notice } from '@hongyan/protocol/notice';
import type { Config } from '../../config/options.ts';
import { ensureCommandsTopic } from '../../ports/command-log/kafka-command-log.ts';
import { RedisNoticeStore } from '../../ports/notice-store/redis-notice-store.ts';
import type { MovedLetter, NewTask } from '../../ports/task-queue/task-queue.ts';
import type { Closing } from '../closing.ts';
import { kafkaOptions, orKafkaTrouble } from '../cluster/kafka.ts';
import { openRedis } from '../cluster/shared-servers.ts';
import { openTasks } from '../cluster/stores.ts';

export interface RestOfTarget {
  /** These are all there are when it resolves, with how many there are. Of those that are there already none is sent again. */
  takeDeadLetters(letters: Iterable<MovedLetter>): Promise<number>;
  /** A second time changes nothing that matters: whoever does a task does not mind repeats. */
  take(given: { readonly tasks: readonly NewTask[]; readonly notices: readonly Notice[] }): Promise<void>;
}

/** Makes the topics, so that the cluster's processes find them. Rejects with what to do when a server cannot be used. */
export async function openRestOfTarget(
  config: Config,
  surroundings: { readonly clock: Clock; readonly log: Log },
  closing: Closing,
): Promise<RestOfTarget> {
  const redis = await openRedis(config, surroundings);
  closing.push(() => redis.close());
  const instance = `migrate.${crypto.randomUUID().slice(0, 8)}`;
  const { kafkaPartitions: partitions, contentBytesMax } = config;
  const topic = { partitions, contentBytesMax, log: surroundings.log };
  await orKafkaTrouble(config, ensureCommandsTopic(kafkaOptions(config, instance), topic));
  const queue = await openTasks(config, surroundings, instance);
  closing.push(() => queue.close());
  return {
    takeDeadLetters: (letters) => queue.replaceDeadLetters(letters),
    async take({ tasks, notices }) {
      if (tasks.length > 0) await queue.add(tasks);
      const noticeStore = new RedisNoticeStore(redis);
      for (const notice of notices) await noticeStore.put(notice);
    },
  };
}
