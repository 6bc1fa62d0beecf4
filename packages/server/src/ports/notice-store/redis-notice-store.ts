// Notices in Redis: one list that all cores of a cluster read and change.

import type { Notice } from '@hongyan/protocol/notice';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { nowOf, RedisScript } from '../../adapters/redis/redis-script.ts';
import type { NoticeStore } from './notice-store.ts';

/** KEYS: the list, as JSON. ARGV: notice_id, text, severity and until of the notice to put. Expires by the clock of Redis. */
const putScript = new RedisScript(`${nowOf("''")}
local stored = {}
for _, notice in ipairs(cjson.decode(redis.call('GET', KEYS[1]) or '[]')) do
  if notice.notice_id ~= ARGV[1] and notice['until'] > now then stored[#stored + 1] = notice end
end
if tonumber(ARGV[4]) > now then
  stored[#stored + 1] = { notice_id = ARGV[1], text = ARGV[2], severity = ARGV[3], ['until'] = tonumber(ARGV[4]) }
end
if #stored > 0 then redis.call('SET', KEYS[1], cjson.encode(stored)) else redis.call('DEL', KEYS[1]) end`);

export class RedisNoticeStore implements NoticeStore {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#key = redis.key('notices');
  }

  async read(): Promise<readonly Notice[]> {
    const text = await this.#redis.run((commands) => commands.get(this.#key));
    return text === null ? [] : (JSON.parse(text) as readonly Notice[]);
  }

  /** Lone surrogates of the text become U+FFFD: Redis stores UTF-8. */
  async put({ notice_id, text, severity, until }: Notice): Promise<void> {
    await this.#redis.eval(putScript, { keys: [this.#key], args: [notice_id, text, severity, until] });
  }
}
