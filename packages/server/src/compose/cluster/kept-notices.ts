// Notices in force in a cluster: kept in Redis, where every core reads them, and read again when one of the cores changed them.

import type { Log } from '@hongyan/base/log';
import type { Notice } from '@hongyan/protocol/notice';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { nowOf, RedisScript } from '../../adapters/redis/redis-script.ts';
import { type EventBus, everyoneTopic } from '../../ports/event-bus/event-bus.ts';
import type { Notices } from '../../roles/core/notices.ts';
import type { NoticeStore } from '../roles/core.ts';

/**
 * One step, so that cores that change notices at one moment lose none of each other's. KEYS the list, as JSON. ARGV notice_id, text,
 * severity and until of the one that was changed. Those that are over go.
 */
const changeScript = new RedisScript(`${nowOf("''")}
local kept = {}
for _, notice in ipairs(cjson.decode(redis.call('GET', KEYS[1]) or '[]')) do
  if notice.notice_id ~= ARGV[1] and notice['until'] > now then kept[#kept + 1] = notice end
end
if tonumber(ARGV[4]) > now then
  kept[#kept + 1] = { notice_id = ARGV[1], text = ARGV[2], severity = ARGV[3], ['until'] = tonumber(ARGV[4]) }
end
if #kept > 0 then redis.call('SET', KEYS[1], cjson.encode(kept)) else redis.call('DEL', KEYS[1]) end`);

export class KeptNotices {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#key = redis.key('notices');
  }

  async store(): Promise<NoticeStore> {
    return { kept: await this.#read(), keep: (_all, changed) => this.#change(changed) };
  }

  /** In the place of all that are kept: of a cluster that does not serve yet. */
  async put(all: readonly Notice[]): Promise<void> {
    await this.#redis.run((commands) => commands.set(this.#key, JSON.stringify(all)));
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
    // What was changed between the first reading and now was not heard of here.
    notices.replace(await this.#read());
    return () => attachment.detach();
  }

  async #read(): Promise<readonly Notice[]> {
    const text = await this.#redis.run((commands) => commands.get(this.#key));
    return text === null ? [] : (JSON.parse(text) as readonly Notice[]);
  }

  async #change({ notice_id, text, severity, until }: Notice): Promise<void> {
    await this.#redis.eval(changeScript, { keys: [this.#key], args: [notice_id, text, severity, until] });
  }
}
