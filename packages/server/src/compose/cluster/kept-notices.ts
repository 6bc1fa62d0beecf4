// Notices in force in a cluster: kept in Redis, where every core reads them when it starts.

import type { Notice } from '@hongyan/protocol/notice';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
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

  async #read(): Promise<readonly Notice[]> {
    const text = await this.#redis.run((commands) => commands.get(this.#key));
    return text === null ? [] : (JSON.parse(text) as readonly Notice[]);
  }

  async #keep(all: readonly Notice[]): Promise<void> {
    await this.#redis.run((commands) => commands.set(this.#key, JSON.stringify(all)));
  }
}
