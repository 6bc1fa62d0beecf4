// Notices in force in a cluster: kept in Redis, where every core reads them, and read again when one of the cores changed them.

import type { Log } from '@hongyan/base/log';
import type { Notice } from '@hongyan/protocol/notice';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { type EventBus, everyoneTopic } from '../../ports/event-bus/event-bus.ts';
import type { Notices } from '../../roles/core/notices.ts';
import type { NoticeStore } from '../core.ts';

export class KeptNotices {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#key = redis.key('notices');
  }

  async store(): Promise<NoticeStore> {
    return { kept: await this.#read(), keep: (all) => this.#keep(all) };
  }

  /** A notice is kept before it is published: whoever hears of one reads it. Ends with the returned function. */
  async follow(notices: Pick<Notices, 'replace'>, bus: EventBus, log: Log): Promise<() => void> {
    const again = () => {
      this.#read().then(
        (all) => notices.replace(all),
        (error: unknown) => log.warn('notices not read: those that are known stay', { error }),
      );
    };
    const attachment = bus.attach({ onEvent: again, onLoss: again });
    await attachment.subscribe([everyoneTopic]);
    return () => attachment.detach();
  }

  async #read(): Promise<readonly Notice[]> {
    const text = await this.#redis.run((commands) => commands.get(this.#key));
    return text === null ? [] : (JSON.parse(text) as readonly Notice[]);
  }

  async #keep(all: readonly Notice[]): Promise<void> {
    await this.#redis.run((commands) => commands.set(this.#key, JSON.stringify(all)));
  }
}
